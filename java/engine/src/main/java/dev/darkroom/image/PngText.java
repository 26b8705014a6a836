package dev.darkroom.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Reads the texts of a PNG file: tEXt, zTXt and iTXt chunks. */
public final class PngText {
    private static final int MAX_TEXT_BYTES = 4 << 20;

    private PngText() {}

    /**
     * The texts of a file by keyword.
     *
     * @throws ImageException when it cannot be read or is not a PNG
     */
    public static Map<String, String> read(Path file) {
        try {
            return read(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new ImageException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * The texts of a file's content by keyword.
     *
     * @throws ImageException when it is not a PNG, or a chunk is broken
     */
    public static Map<String, String> read(byte[] content, String name) {
        if (!PictureReader.isPng(content)) {
            throw new ImageException(name + " is not a PNG file");
        }
        Map<String, String> texts = new LinkedHashMap<>();
        ByteBuffer in = ByteBuffer.wrap(content).position(8);
        while (in.remaining() >= 12) {
            int length = in.getInt();
            if (length < 0 || length > in.remaining() - 8) {
                throw new ImageException(name + ": a chunk of " + length + " bytes does not fit into the file");
            }
            byte[] type = new byte[4];
            in.get(type);
            byte[] data = new byte[length];
            in.get(data);
            checkSum(name, type, data, in.getInt());
            switch (new String(type, StandardCharsets.US_ASCII)) {
                case "tEXt" -> put(texts, data, 1, false, StandardCharsets.ISO_8859_1, name);
                case "zTXt" -> put(texts, data, 2, true, StandardCharsets.ISO_8859_1, name);
                case "iTXt" -> international(texts, data, name);
                default -> {} // pixels and what does not concern us
            }
        }
        return texts;
    }

    private static void checkSum(String name, byte[] type, byte[] data, int expected) {
        CRC32 crc = new CRC32();
        crc.update(type);
        crc.update(data);
        if ((int) crc.getValue() != expected) {
            throw new ImageException(name + ": chunk " + new String(type, StandardCharsets.ISO_8859_1) + " is damaged");
        }
    }

    private static void international(Map<String, String> texts, byte[] data, String name) {
        int keyword = indexOfZero(data, 0);
        int language = indexOfZero(data, keyword + 3);
        int translated = indexOfZero(data, language + 1);
        if (translated < data.length) {
            boolean compressed = data[keyword + 1] == 1;
            put(texts, data, translated + 1 - keyword, compressed, StandardCharsets.UTF_8, name);
        }
    }

    /** @param skip bytes from the end of the keyword to the text */
    private static void put(
            Map<String, String> texts, byte[] data, int skip, boolean compressed, Charset charset, String name) {
        int end = indexOfZero(data, 0);
        int start = end + skip;
        if (end == 0 || start > data.length) {
            return; // a chunk without a keyword says nothing
        }
        byte[] text = Arrays.copyOfRange(data, start, data.length);
        texts.put(
                new String(data, 0, end, StandardCharsets.ISO_8859_1),
                new String(compressed ? inflated(text, name) : text, charset));
    }

    private static int indexOfZero(byte[] data, int from) {
        int index = from;
        while (index < data.length && data[index] != 0) {
            index++;
        }
        return index;
    }

    private static byte[] inflated(byte[] data, String name) {
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(data);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] buffer = new byte[1 << 14];
            while (!inflater.finished()) {
                int count = inflater.inflate(buffer);
                out.write(buffer, 0, count);
                if (count == 0 || out.size() > MAX_TEXT_BYTES) {
                    throw new ImageException(
                            name + ": a compressed text is broken or longer than " + MAX_TEXT_BYTES + " bytes");
                }
            }
            return out.toByteArray();
        } catch (DataFormatException e) {
            throw new ImageException(name + ": a compressed text is broken: " + e.getMessage(), e);
        } finally {
            inflater.end();
        }
    }
}
