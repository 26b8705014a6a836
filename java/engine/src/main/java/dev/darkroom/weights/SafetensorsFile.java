package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeException;
import dev.darkroom.weights.SafetensorsHeader.Entry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Reads safetensors: a JSON header, then tensors that are mapped for the length of a read and never copied.
 *
 * <p>The file is 8 bytes with the header's length (little-endian), the header, and the data. Opening reads and checks the header only;
 * no file handle is kept, and any number of threads may read at once.
 */
public final class SafetensorsFile implements TensorFile {
    /** Headers of real checkpoints take some 100 KiB; a longer claim than this is a broken or hostile file. */
    static final int MAX_HEADER_BYTES = 16 << 20;

    private static final int LENGTH_BYTES = 8;

    private final FileRegions file;
    private final long dataStart;
    private final SafetensorsHeader header;

    private SafetensorsFile(FileRegions file, long dataStart, SafetensorsHeader header) {
        this.file = file;
        this.dataStart = dataStart;
        this.header = header;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws WeightsException when the file cannot be read or is not valid safetensors
     */
    public static SafetensorsFile open(Path path) {
        return FileRegions.open(path, SafetensorsFile::open);
    }

    private static SafetensorsFile open(FileChannel channel, FileRegions file) throws IOException {
        String name = file.path().toString();
        if (file.size() < LENGTH_BYTES) {
            throw malformed(name, "it has " + file.size() + " bytes, too few for a header");
        }
        ByteBuffer length = FileRegions.bytes(channel, 0, LENGTH_BYTES);
        long headerBytes = length.getLong(0);
        if (headerBytes <= 0 || headerBytes > MAX_HEADER_BYTES) {
            throw malformed(
                    name,
                    "its header claims " + Long.toUnsignedString(headerBytes) + " bytes, where 1 to " + MAX_HEADER_BYTES
                            + " are possible" + OtherFormat.hint(length));
        }
        long dataStart = LENGTH_BYTES + headerBytes;
        if (dataStart > file.size()) {
            throw malformed(
                    name,
                    "its header claims " + headerBytes + " bytes, but only " + (file.size() - LENGTH_BYTES)
                            + " follow");
        }
        ByteBuffer text = FileRegions.bytes(channel, LENGTH_BYTES, (int) headerBytes);
        if (text.get(0) != '{') {
            throw malformed(name, "its header does not begin with {");
        }
        return new SafetensorsFile(
                file, dataStart, SafetensorsHeader.parse(name, decode(name, text), file.size() - dataStart));
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public String format() {
        return "safetensors";
    }

    /** The {@code __metadata__} of the header; empty when there is none. */
    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** How {@code name} is stored, which may be a type that cannot be read. */
    public StoredType storedType(String name) {
        return entry(name).type();
    }

    @Override
    public String storedAs(String name) {
        return storedType(name).name().toLowerCase(Locale.ROOT);
    }

    @Override
    public long elements(String name) {
        return entry(name).shape().stream().reduce(1L, (a, b) -> a * b);
    }

    @Override
    public long byteSize(String name) {
        Entry entry = entry(name);
        return entry.end() - entry.begin();
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    @Override
    public boolean has(String name) {
        return header.entries().containsKey(name);
    }

    @Override
    public HostTensor get(String name) {
        Entry entry = entry(name);
        DType dtype = entry.type().dtype();
        if (dtype == null) {
            throw new WeightsException(path() + ": tensor \"" + name + "\" is stored as " + entry.type()
                    + ", which cannot be read; convert the file to f32, f16 or bf16");
        }
        return new HostTensor(
                name + " of " + path(),
                shape(entry),
                dtype,
                reader -> file.read(
                        name,
                        dataStart + entry.begin(),
                        byteSize(name),
                        data -> reader.accept(entry.type().read(data))));
    }

    private Entry entry(String name) {
        Entry entry = header.entries().get(name);
        if (entry == null) {
            throw MissingTensor.in(this, name, null);
        }
        return entry;
    }

    private Shape shape(Entry entry) {
        try {
            return Shape.of(entry.shape().stream().mapToInt(Math::toIntExact).toArray());
        } catch (ArithmeticException | ShapeException e) {
            throw new WeightsException(
                    path() + ": tensor \"" + entry.name() + "\" has the shape " + entry.shape()
                            + ", whose sizes are too large to be read",
                    e);
        }
    }

    private static String decode(String file, ByteBuffer utf8) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(utf8.rewind())
                    .toString();
        } catch (CharacterCodingException e) {
            throw malformed(file, "its header is not UTF-8");
        }
    }

    static WeightsException malformed(String file, String fault) {
        return new WeightsException(file + " is not a valid safetensors file: " + fault
                + ". Download or convert it again; it may be incomplete or of another format");
    }
}
