package dev.darkroom.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Writes 8-bit RGB as PNG, with text. */
public final class PngWriter {
    static final long SIGNATURE = 0x89504E470D0A1A0AL;
    private static final int COMPRESSION = 6;
    private static final byte FILTER_UP = 2; // each row as its difference from the one above

    private PngWriter() {}

    /**
     * The content of a PNG file.
     *
     * @param texts texts by keyword, in order; Latin-1 texts become tEXt chunks, others iTXt
     */
    public static byte[] encode(Picture picture, Map<String, String> texts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8).putLong(SIGNATURE).array());
        ByteBuffer header = ByteBuffer.allocate(13).putInt(picture.width()).putInt(picture.height());
        header.put((byte) 8).put((byte) 2).put((byte) 0).put((byte) 0).put((byte) 0); // 8 bits, RGB, not interlaced
        chunk(out, "IHDR", header.array());
        texts.forEach((keyword, text) -> text(out, keyword, text));
        chunk(out, "IDAT", deflated(filtered(picture)));
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static void text(ByteArrayOutputStream out, String keyword, String text) {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        data.writeBytes(keyword.getBytes(StandardCharsets.ISO_8859_1));
        data.write(0);
        if (text.chars()
                .allMatch(letter -> letter == '\n' || letter >= 32 && letter < 127 || letter >= 160 && letter < 256)) {
            data.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
            chunk(out, "tEXt", data.toByteArray());
        } else {
            data.writeBytes(new byte[4]); // not compressed, method, no language, no translated keyword
            data.writeBytes(text.getBytes(StandardCharsets.UTF_8));
            chunk(out, "iTXt", data.toByteArray());
        }
    }

    private static byte[] filtered(Picture picture) {
        byte[] rgb = picture.pixels();
        int stride = picture.width() * 3;
        byte[] rows = new byte[picture.height() * (stride + 1)];
        for (int y = 0; y < picture.height(); y++) {
            int to = y * (stride + 1);
            rows[to++] = FILTER_UP;
            int from = y * stride;
            for (int i = 0; i < stride; i++) {
                rows[to + i] = (byte) (rgb[from + i] - (y == 0 ? 0 : rgb[from + i - stride]));
            }
        }
        return rows;
    }

    private static byte[] deflated(byte[] data) {
        Deflater deflater = new Deflater(COMPRESSION);
        try {
            deflater.setInput(data);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream(data.length / 4);
            byte[] buffer = new byte[1 << 16];
            while (!deflater.finished()) {
                out.write(buffer, 0, deflater.deflate(buffer));
            }
            return out.toByteArray();
        } finally {
            deflater.end();
        }
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 crc = new CRC32();
        crc.update(name);
        crc.update(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
        out.writeBytes(name);
        out.writeBytes(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
}
