package dev.darkroom.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.lwjgl.stb.STBImage;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;

/** Reads PNG and JPEG, told apart by their content; sizes are checked before anything is decoded. */
public final class PictureReader {
    private static final long MAX_PIXELS = 64L << 20;
    private static final long MAX_FILE_BYTES = 256L << 20;

    private static final int PNG_WIDTH = 16; // where the first chunk has the width, and the height after it
    private static final int PNG_HEADER_BYTES = 24;

    private PictureReader() {}

    /**
     * Reads a file.
     *
     * @throws ImageException when it is missing, too large, broken, or of another kind
     */
    public static Picture read(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new ImageException("there is no picture " + file);
            }
            long bytes = Files.size(file);
            if (bytes > MAX_FILE_BYTES) {
                throw new ImageException(file + " has " + bytes + " bytes; pictures may have " + MAX_FILE_BYTES);
            }
            return read(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new ImageException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Reads a file's content.
     *
     * @param name what messages call it
     * @throws ImageException as {@link #read(Path)}
     */
    public static Picture read(byte[] content, String name) {
        if (!isPng(content) && !isJpeg(content)) {
            throw new ImageException(name + " is neither PNG nor JPEG; convert it to one of them");
        }
        if (isPng(content) && content.length >= PNG_HEADER_BYTES) {
            ByteBuffer header = ByteBuffer.wrap(content);
            checkSize(
                    name, header.getInt(PNG_WIDTH), header.getInt(PNG_WIDTH + 4)); // stb does not name sizes it refuses
        }
        ByteBuffer bytes = MemoryUtil.memAlloc(content.length).put(content).flip();
        try (MemoryStack stack = MemoryStack.stackPush()) {
            var width = stack.mallocInt(1);
            var height = stack.mallocInt(1);
            var channels = stack.mallocInt(1);
            if (!STBImage.stbi_info_from_memory(bytes, width, height, channels)) {
                throw broken(name);
            }
            checkSize(name, width.get(0), height.get(0));
            ByteBuffer pixels = STBImage.stbi_load_from_memory(bytes, width, height, channels, 3);
            if (pixels == null) {
                throw broken(name);
            }
            try {
                byte[] rgb = new byte[pixels.remaining()];
                pixels.get(0, rgb); // absolute: what is freed is found by the position
                Picture picture = new Picture(width.get(0), height.get(0), rgb);
                return isJpeg(content) ? Orientation.upright(picture, Orientation.of(content)) : picture;
            } finally {
                STBImage.stbi_image_free(pixels);
            }
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            throw new ImageException(
                    name + " cannot be read: the native library of LWJGL's stb did not load (" + e.getMessage()
                            + "). The jars org.lwjgl:lwjgl and lwjgl-stb with the natives of this platform must be on the class path,"
                            + " and the folder for temporary files must allow execution",
                    e);
        } finally {
            MemoryUtil.memFree(bytes);
        }
    }

    private static void checkSize(String name, int width, int height) {
        if (width < 1 || height < 1 || (long) width * height > MAX_PIXELS) {
            throw new ImageException(name + " says it is " + width + " x " + height + " pixels; at most " + MAX_PIXELS
                    + " are read. Make it smaller");
        }
    }

    private static ImageException broken(String name) {
        return new ImageException(
                name + " cannot be decoded: " + STBImage.stbi_failure_reason() + ". The file is damaged or incomplete");
    }

    static boolean isPng(byte[] content) {
        return content.length >= 8
                && ByteBuffer.wrap(content).order(ByteOrder.BIG_ENDIAN).getLong() == PngWriter.SIGNATURE;
    }

    static boolean isJpeg(byte[] content) {
        return content.length >= 3
                && content[0] == (byte) 0xFF
                && content[1] == (byte) 0xD8
                && content[2] == (byte) 0xFF;
    }
}
