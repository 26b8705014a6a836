package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeException;
import dev.darkroom.weights.SafetensorsHeader.Entry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Reads safetensors: a JSON header, then tensors that are mapped for the length of a read and never copied.
 *
 * <p>The file is 8 bytes with the header's length (little-endian), the header, and the data. Opening reads and checks the header only;
 * no file handle is kept, and any number of threads may read at once.
 */
public final class SafetensorsFile implements WeightSource {
    /** Headers of real checkpoints take some 100 KiB; a longer claim than this is a broken or hostile file. */
    static final int MAX_HEADER_BYTES = 16 << 20;

    private static final int LENGTH_BYTES = 8;

    private final Path path;
    private final long fileBytes;
    private final long dataStart;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, long fileBytes, long dataStart, SafetensorsHeader header) {
        this.path = path;
        this.fileBytes = fileBytes;
        this.dataStart = dataStart;
        this.header = header;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws WeightsException when the file cannot be read or is not valid safetensors
     */
    public static SafetensorsFile open(Path path) {
        try (FileChannel file = FileChannel.open(path)) {
            return open(path, file);
        } catch (NoSuchFileException e) {
            throw new WeightsException(path + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new WeightsException(path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private static SafetensorsFile open(Path path, FileChannel file) throws IOException {
        String name = path.toString();
        long fileBytes = file.size();
        if (fileBytes < LENGTH_BYTES) {
            throw malformed(name, "it has " + fileBytes + " bytes, too few for a header");
        }
        ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        readFully(file, length, 0);
        long headerBytes = length.getLong(0);
        if (headerBytes <= 0 || headerBytes > MAX_HEADER_BYTES) {
            throw malformed(
                    name,
                    "its header claims " + Long.toUnsignedString(headerBytes) + " bytes, where 1 to " + MAX_HEADER_BYTES
                            + " are possible" + OtherFormat.hint(length.array()));
        }
        long dataStart = LENGTH_BYTES + headerBytes;
        if (dataStart > fileBytes) {
            throw malformed(
                    name,
                    "its header claims " + headerBytes + " bytes, but only " + (fileBytes - LENGTH_BYTES) + " follow");
        }
        ByteBuffer text = ByteBuffer.allocate((int) headerBytes);
        readFully(file, text, LENGTH_BYTES);
        if (text.get(0) != '{') {
            throw malformed(name, "its header does not begin with {");
        }
        return new SafetensorsFile(
                path, fileBytes, dataStart, SafetensorsHeader.parse(name, decode(name, text), fileBytes - dataStart));
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** The {@code __metadata__} of the header; empty when there is none. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** How {@code name} is stored, which may be a type that cannot be read. */
    public StoredType storedType(String name) {
        return entry(name).type();
    }

    /** Number of elements of {@code name}, which may be of a type that cannot be read. */
    public long elements(String name) {
        return entry(name).shape().stream().reduce(1L, (a, b) -> a * b);
    }

    /** Bytes that {@code name} takes in the file. */
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
            throw new WeightsException(path + ": tensor \"" + name + "\" is stored as " + entry.type()
                    + ", which cannot be read; convert the file to f32, f16 or bf16");
        }
        return new HostTensor(name + " of " + path, shape(entry), dtype, reader -> read(entry, reader));
    }

    @Override
    public String describe() {
        return path.toString();
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
                    path + ": tensor \"" + entry.name() + "\" has the shape " + entry.shape()
                            + ", whose sizes are too large to be read",
                    e);
        }
    }

    private void read(Entry entry, Consumer<ByteBuffer> reader) {
        long bytes = entry.end() - entry.begin();
        if (bytes == 0) {
            reader.accept(ByteBuffer.allocateDirect(0).order(ByteOrder.LITTLE_ENDIAN));
            return;
        }
        if (bytes > Integer.MAX_VALUE) {
            throw new WeightsException(path + ": tensor \"" + entry.name() + "\" takes " + bytes
                    + " bytes; at most 2 GiB can be read at once");
        }
        // A channel of its own: an interrupted thread closes the channel it reads from, which must not hit the others.
        try (FileChannel file = FileChannel.open(path)) {
            if (file.size() != fileBytes) {
                throw new WeightsException(path + ": the file was changed after it was opened (" + fileBytes
                        + " bytes then, " + file.size() + " now); open it again");
            }
            try {
                FileMapping.read(
                        file,
                        dataStart + entry.begin(),
                        bytes,
                        data -> reader.accept(data.order(ByteOrder.LITTLE_ENDIAN)));
            } catch (InternalError e) { // what the JVM throws where a mapped page has no file behind it any more
                requireUnchanged(file, entry);
                throw e;
            }
            requireUnchanged(file, entry);
        } catch (IOException e) {
            throw new WeightsException(path + ": tensor \"" + entry.name() + "\" cannot be read: " + e.getMessage(), e);
        }
    }

    private void requireUnchanged(FileChannel file, Entry entry) throws IOException {
        if (file.size() != fileBytes) {
            throw new WeightsException(path + ": the file was changed while tensor \"" + entry.name()
                    + "\" was read; leave it as it is until the model is loaded");
        }
    }

    private static void readFully(FileChannel file, ByteBuffer into, long offset) throws IOException {
        while (into.hasRemaining()) {
            if (file.read(into, offset + into.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
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
