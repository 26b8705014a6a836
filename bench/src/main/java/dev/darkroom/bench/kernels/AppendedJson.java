package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A JSON object with a growing list "rows", written row by row: the file is valid JSON after each of them, so that whatever ends the program leaves what
 * was measured.
 */
final class AppendedJson implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String INTERRUPTED = "{\"ended\":\"interrupted\"}";

    private final FileChannel channel;
    private long end; // of the last row
    private boolean empty = true;

    /** Starts a file with the fields of {@code head}. */
    AppendedJson(Path file, ObjectNode head) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
        write(opened(head) + ",\n\"rows\":[", INTERRUPTED);
    }

    /** Adds a row. */
    void append(ObjectNode row) {
        write((empty ? "\n" : ",\n") + row, INTERRUPTED);
        empty = false;
    }

    /** Ends the file with the fields of {@code tail}. */
    void finish(ObjectNode tail) {
        write("", tail.toString());
    }

    /** Writes over what closed the file so far, in one call. */
    private void write(String more, String tail) {
        byte[] added = more.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes =
                ByteBuffer.wrap((more + "\n],\n" + tail.substring(1) + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            int length = bytes.remaining();
            long position = end;
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
            channel.truncate(end + length);
        } catch (IOException e) {
            throw new UncheckedIOException("the results cannot be written", e);
        }
        end += added.length;
    }

    /** An object without its closing brace. */
    private static String opened(ObjectNode node) throws IOException {
        String text = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node);
        return text.substring(0, text.lastIndexOf('}')).stripTrailing();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
