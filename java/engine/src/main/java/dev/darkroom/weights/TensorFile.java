package dev.darkroom.weights;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;

/** A file of named tensors, whatever its format; which one it is, its first bytes say, never its name. */
public interface TensorFile extends WeightSource {
    /**
     * Opens a safetensors file, a PyTorch file (.ckpt, .pt, .bin: zip or the old container), or a GGUF file. Only what says where tensors
     * lie is read, and nothing that a file contains is ever run.
     *
     * @throws WeightsException when there is no such file, or it is broken or of another format
     */
    static TensorFile open(Path path) {
        ByteBuffer start = FileRegions.open(
                path, (file, regions) -> FileRegions.bytes(file, 0, (int) Math.min(4, regions.size())));
        if (ZipEntries.isZip(start) || TorchFile.isPickle(start)) {
            return TorchFile.open(path);
        }
        return GgufFile.isGguf(start) ? GgufFile.open(path) : SafetensorsFile.open(path);
    }

    /** The file. */
    Path path();

    @Override
    default String describe() {
        return path().toString();
    }

    /** The format, as "safetensors". */
    String format();

    /** What the file says of itself beside its tensors; empty when that is nothing. */
    Map<String, String> metadata();

    /** How {@code name} is stored, in words, as "f16" or "q4_0". */
    String storedAs(String name);

    /** Number of elements of {@code name}, which may be of a type that cannot be read. */
    long elements(String name);

    /** Bytes that {@code name} takes in the file. */
    long byteSize(String name);
}
