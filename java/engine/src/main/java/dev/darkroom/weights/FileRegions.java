package dev.darkroom.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A file whose parts are mapped for the length of a read. No handle is kept, any number of threads may read at once, and a file that was
 * changed after it was opened is noticed.
 */
record FileRegions(Path path, long size) {
    /** Reads a file's head through an open channel. */
    interface Opener<T> {
        T open(FileChannel file, FileRegions regions) throws IOException;
    }

    /** Opens {@code path} for the length of {@code opener}'s call. */
    static <T> T open(Path path, Opener<T> opener) {
        try (FileChannel file = FileChannel.open(path)) {
            return opener.open(file, new FileRegions(path, file.size()));
        } catch (NoSuchFileException e) {
            throw new WeightsException(path + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new WeightsException(path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** {@code count} bytes from {@code offset}, copied. */
    static ByteBuffer bytes(FileChannel file, long offset, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (file.read(bytes, offset + bytes.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
        return bytes.flip();
    }

    /**
     * Maps {@code count} bytes from {@code offset}, calls {@code reader} with them (little-endian), and unmaps them.
     *
     * @param tensor whose bytes they are, for messages
     * @throws WeightsException when the file cannot be read, or was changed after it was opened
     */
    void read(String tensor, long offset, long count, Consumer<ByteBuffer> reader) {
        if (count == 0) {
            reader.accept(ByteBuffer.allocateDirect(0).order(ByteOrder.LITTLE_ENDIAN));
            return;
        }
        if (count > Integer.MAX_VALUE) {
            throw new WeightsException(path + ": tensor \"" + tensor + "\" takes " + count
                    + " bytes; at most 2 GiB can be read at once");
        }
        // A channel of its own: an interrupted thread closes the channel it reads from, which must not hit the others.
        try (FileChannel file = FileChannel.open(path)) {
            if (file.size() != size) {
                throw new WeightsException(path + ": the file was changed after it was opened (" + size
                        + " bytes then, " + file.size() + " now); open it again");
            }
            try {
                FileMapping.read(
                        file, offset, count, data -> reader.accept(data.order(ByteOrder.LITTLE_ENDIAN)));
            } catch (InternalError e) { // what the JVM throws where a mapped page has no file behind it any more
                requireUnchanged(file, tensor);
                throw e;
            }
            requireUnchanged(file, tensor);
        } catch (IOException e) {
            throw new WeightsException(path + ": tensor \"" + tensor + "\" cannot be read: " + e.getMessage(), e);
        }
    }

    private void requireUnchanged(FileChannel file, String tensor) throws IOException {
        if (file.size() != size) {
            throw new WeightsException(path + ": the file was changed while tensor \"" + tensor
                    + "\" was read; leave it as it is until the model is loaded");
        }
    }
}
