package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/**
 * Reads GGUF, as stable-diffusion.cpp and ComfyUI-GGUF write it; quantised tensors are widened to f32 when they are read.
 *
 * <p>Source: the description of the format in <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>, versions 2 and 3.
 */
final class GgufFile implements TensorFile {
    /** A head of 2000 tensors takes some 200 KiB; a vocabulary, which no network here has, some MiB. */
    private static final int LONGEST_HEAD = 32 << 20;

    private final FileRegions file;
    private final GgufHeader header;

    private GgufFile(FileRegions file, GgufHeader header) {
        this.file = file;
        this.header = header;
    }

    static boolean isGguf(ByteBuffer start) {
        return start.remaining() >= 4
                && StandardCharsets.ISO_8859_1
                        .decode(start.slice(0, 4))
                        .toString()
                        .equals("GGUF");
    }

    /**
     * Opens a file and checks its head.
     *
     * @throws WeightsException when it cannot be read or is broken, or has a tensor of a type that is not known
     */
    static GgufFile open(Path path) {
        return FileRegions.open(path, (channel, file) -> {
            ByteBuffer head = FileRegions.bytes(channel, 0, (int) Math.min(file.size(), LONGEST_HEAD));
            return new GgufFile(file, GgufHeader.read(path.toString(), head, file.size()));
        });
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public String format() {
        return "GGUF";
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    @Override
    public String storedAs(String name) {
        return entry(name).type().toString();
    }

    @Override
    public long elements(String name) {
        return entry(name).elements();
    }

    @Override
    public long byteSize(String name) {
        return entry(name).type().bytes(entry(name).elements());
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
        GgufHeader.Entry entry = entry(name);
        DType dtype =
                switch (entry.type()) {
                    case F16 -> DType.F16;
                    case BF16 -> DType.BF16;
                    default -> DType.F32;
                };
        boolean plain = entry.type().blockElements() == 1;
        return new HostTensor(
                name + " of " + file.path(),
                Shape.of(entry.shape()),
                dtype,
                reader -> file.read(
                        name,
                        header.dataStart() + entry.offset(),
                        byteSize(name),
                        data -> reader.accept(plain ? data : widened(entry, data))));
    }

    private static ByteBuffer widened(GgufHeader.Entry entry, ByteBuffer blocks) {
        float[] values = new float[Math.toIntExact(entry.elements())];
        entry.type().decode(blocks, values);
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.multiplyExact(values.length, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private GgufHeader.Entry entry(String name) {
        GgufHeader.Entry entry = header.entries().get(name);
        if (entry == null) {
            throw MissingTensor.in(this, name, null);
        }
        return entry;
    }
}
