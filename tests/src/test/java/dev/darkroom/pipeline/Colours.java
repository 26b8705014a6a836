package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Colours by the names that the demo model's captions use. */
final class Colours {
    private static final Map<String, int[]> NAMED = new LinkedHashMap<>();

    static {
        NAMED.put("red", new int[] {220, 40, 45});
        NAMED.put("orange", new int[] {245, 140, 30});
        NAMED.put("yellow", new int[] {250, 215, 50});
        NAMED.put("green", new int[] {50, 165, 70});
        NAMED.put("blue", new int[] {45, 90, 215});
        NAMED.put("purple", new int[] {130, 60, 180});
        NAMED.put("pink", new int[] {250, 140, 185});
        NAMED.put("brown", new int[] {125, 75, 40});
        NAMED.put("black", new int[] {25, 25, 30});
        NAMED.put("white", new int[] {245, 245, 245});
        NAMED.put("gray", new int[] {140, 140, 145});
        NAMED.put("cyan", new int[] {70, 205, 220});
    }

    private Colours() {}

    /** The median colour of the outermost pixels. */
    static int[] ofBorder(Picture picture) {
        int w = picture.width();
        int h = picture.height();
        int[] colour = new int[3];
        for (int c = 0; c < 3; c++) {
            int[] values = new int[2 * w + 2 * h];
            for (int x = 0; x < w; x++) {
                values[x] = picture.at(x, 2, c);
                values[w + x] = picture.at(x, h - 3, c);
            }
            for (int y = 0; y < h; y++) {
                values[2 * w + y] = picture.at(2, y, c);
                values[2 * w + h + y] = picture.at(w - 3, y, c);
            }
            Arrays.sort(values);
            colour[c] = values[values.length / 2];
        }
        return colour;
    }

    /** The name of the nearest colour. */
    static String nearest(int[] rgb) {
        String best = "";
        double least = Double.POSITIVE_INFINITY;
        for (Map.Entry<String, int[]> each : NAMED.entrySet()) {
            double distance = 0;
            for (int c = 0; c < 3; c++) {
                distance += Math.pow(each.getValue()[c] - rgb[c], 2);
            }
            if (distance < least) {
                least = distance;
                best = each.getKey();
            }
        }
        return best;
    }
}
