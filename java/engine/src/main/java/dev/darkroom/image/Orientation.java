package dev.darkroom.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** How a camera was held, from a JPEG's EXIF data, and the picture turned upright. */
final class Orientation {
    private static final int TAG = 0x0112;
    private static final int UPRIGHT = 1;

    private Orientation() {}

    /** The orientation, 1 … 8 as EXIF numbers them; 1 where the file does not say, or says nonsense. */
    static int of(byte[] jpeg) {
        int position = 2;
        while (position + 4 <= jpeg.length && jpeg[position] == (byte) 0xFF) {
            int marker = jpeg[position + 1] & 0xff;
            int length = (jpeg[position + 2] & 0xff) << 8 | jpeg[position + 3] & 0xff;
            if (marker == 0xDA || length < 2 || position + 2 + length > jpeg.length) {
                return UPRIGHT; // pixels begin, or the segment is broken
            }
            if (marker == 0xE1
                    && length >= 16
                    && new String(jpeg, position + 4, 4, StandardCharsets.US_ASCII).equals("Exif")) {
                return fromTiff(ByteBuffer.wrap(jpeg, position + 10, length - 8).slice());
            }
            position += 2 + length;
        }
        return UPRIGHT;
    }

    private static int fromTiff(ByteBuffer tiff) {
        tiff.order(tiff.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        int directory = tiff.limit() < 8 ? 0 : tiff.getInt(4);
        if (directory < 8 || directory > tiff.limit() - 2) {
            return UPRIGHT;
        }
        int entries = tiff.getShort(directory) & 0xffff;
        for (int i = 0; i < entries; i++) {
            int entry = directory + 2 + 12 * i;
            if (entry > tiff.limit() - 12) {
                return UPRIGHT;
            }
            if ((tiff.getShort(entry) & 0xffff) == TAG) {
                int value = tiff.getShort(entry + 8);
                return value >= 1 && value <= 8 ? value : UPRIGHT;
            }
        }
        return UPRIGHT;
    }

    /** {@code picture} as it is to be seen. */
    static Picture upright(Picture picture, int orientation) {
        if (orientation == UPRIGHT) {
            return picture;
        }
        boolean swaps = orientation >= 5;
        int width = swaps ? picture.height() : picture.width();
        int height = swaps ? picture.width() : picture.height();
        byte[] rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int right = width - 1 - x;
                int down = height - 1 - y;
                int fromX =
                        switch (orientation) {
                            case 2, 3 -> right;
                            case 4 -> x;
                            case 5, 6 -> y;
                            default -> down;
                        };
                int fromY =
                        switch (orientation) {
                            case 2 -> y;
                            case 3, 4 -> down;
                            case 5, 8 -> x;
                            default -> right;
                        };
                int from = (fromY * picture.width() + fromX) * 3;
                System.arraycopy(picture.pixels(), from, rgb, (y * width + x) * 3, 3);
            }
        }
        return new Picture(width, height, rgb);
    }
}
