package dev.darkroom.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Writes safetensors: several tensors at once, each read only when its turn comes, into a file that appears when it is complete. */
public final class SafetensorsWriter {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The data begins at a multiple of this many bytes, so that tensors are aligned for their element type. */
    private static final int ALIGNMENT = 8;

    private record Placed(String name, HostTensor tensor, long offset) {}

    private SafetensorsWriter() {}

    /**
     * Writes {@code tensors} to {@code target}, replacing it, by a temporary file beside it.
     *
     * @param metadata free text for the header; may be empty
     * @throws WeightsException when the file cannot be written; nothing is left behind then
     */
    public static void write(Path target, Map<String, HostTensor> tensors, Map<String, String> metadata) {
        Path partial = target.resolveSibling(
                "." + target.getFileName() + ".part-" + ProcessHandle.current().pid());
        try {
            try {
                writeAll(partial, place(tensors), metadata);
                Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(partial);
            }
        } catch (IOException | UncheckedIOException e) {
            throw new WeightsException(
                    target + " cannot be written: " + e.getMessage() + "; check the folder and the space left", e);
        }
    }

    /** Offsets in the data: wider element types first, which keeps all aligned without holes, else in the given order. */
    private static List<Placed> place(Map<String, HostTensor> tensors) {
        List<Map.Entry<String, HostTensor>> ordered = new ArrayList<>(tensors.entrySet());
        ordered.sort(Comparator.comparing(entry -> -entry.getValue().dtype().bytes()));
        List<Placed> placed = new ArrayList<>();
        long offset = 0;
        for (Map.Entry<String, HostTensor> entry : ordered) {
            placed.add(new Placed(entry.getKey(), entry.getValue(), offset));
            offset += entry.getValue().byteSize();
        }
        return placed;
    }

    private static void writeAll(Path file, List<Placed> tensors, Map<String, String> metadata) throws IOException {
        byte[] header = header(tensors, metadata);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
            writeFully(channel, start.putLong(header.length).put(header).flip(), 0);
            // Largest first: no core is left with a large one while the others have finished.
            List<Placed> bySize = new ArrayList<>(tensors);
            bySize.sort(Comparator.comparing(placed -> -placed.tensor().byteSize()));
            long data = 8 + header.length;
            bySize.parallelStream()
                    .forEach(placed -> placed.tensor().read(bytes -> write(channel, bytes, data + placed.offset())));
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long offset) {
        try {
            writeFully(channel, bytes, offset);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    private static byte[] header(List<Placed> tensors, Map<String, String> metadata) throws JsonProcessingException {
        ObjectNode header = JSON.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode texts = header.putObject("__metadata__");
            metadata.forEach(texts::put);
        }
        for (Placed placed : tensors) {
            HostTensor tensor = placed.tensor();
            ObjectNode entry = header.putObject(placed.name());
            entry.put("dtype", StoredType.of(tensor.dtype()).name());
            ArrayNode shape = entry.putArray("shape");
            for (int size : tensor.shape().toArray()) {
                shape.add(size);
            }
            entry.putArray("data_offsets").add(placed.offset()).add(placed.offset() + tensor.byteSize());
        }
        String json = JSON.writeValueAsString(header);
        int bytes = json.getBytes(StandardCharsets.UTF_8).length;
        return (json + " ".repeat(-bytes & (ALIGNMENT - 1))).getBytes(StandardCharsets.UTF_8);
    }
}
