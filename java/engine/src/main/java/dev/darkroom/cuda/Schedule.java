package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How our own kernels compute a product: into how many parts the depth is split, and which tile a block computes, by the number of images. What is not said
 * goes by rule of thumb ({@link DepthSplits#count}, {@link ProductTile#choose}).
 *
 * <p>The order of a sum depends on the split, which is therefore the same for every batch; it does not depend on the tile, which may change with it.
 *
 * @param split 0 where it goes by the rule
 * @param tiles by the number of images from which on they serve; empty where they go by the rule
 */
record Schedule(int split, NavigableMap<Integer, ProductTile> tiles) {
    static final Schedule BY_RULE = new Schedule(0, new TreeMap<>());

    private static final int MOST_SPLITS = 64;
    private static final long MOST_PARTIAL_BYTES =
            16 << 20; // of an image, which no prediction of memory counts; the rule takes 4 MiB
    private static final Pattern SPLIT = Pattern.compile("split=(\\d{1,3})");
    private static final Pattern TILES = Pattern.compile("tile=(.+)");
    private static final Pattern TILE = Pattern.compile("(?:(\\d{1,6}):)?([A-Z]+)");

    /** One tile for every batch. */
    static Schedule of(int split, ProductTile tile) {
        return new Schedule(split, new TreeMap<>(Map.of(1, tile)));
    }

    /** This with another tile from {@code images} images on. */
    Schedule from(int images, ProductTile tile) {
        NavigableMap<Integer, ProductTile> more = new TreeMap<>(tiles);
        more.put(images, tile);
        return new Schedule(split, more);
    }

    /**
     * Reads what {@link #toString} writes: {@code split=4 tile=SMALL,8:WIDE}, where WIDE serves from 8 images on.
     *
     * @throws IllegalArgumentException when a word is none of these
     */
    static Schedule parse(String... words) {
        int split = 0;
        NavigableMap<Integer, ProductTile> tiles = new TreeMap<>();
        for (String word : words) {
            Matcher splits = SPLIT.matcher(word);
            Matcher list = TILES.matcher(word);
            if (splits.matches() && split == 0) {
                split = Integer.parseInt(splits.group(1));
                if (split < 1 || split > MOST_SPLITS) {
                    throw new IllegalArgumentException(
                            word + ": the depth is split into 1 to " + MOST_SPLITS + " parts");
                }
            } else if (list.matches() && tiles.isEmpty()) {
                addTiles(list.group(1), tiles);
            } else {
                throw new IllegalArgumentException(
                        "\"" + word + "\" is not split=N or tile=TILE[,IMAGES:TILE]..., or is there twice");
            }
        }
        return new Schedule(split, tiles);
    }

    private static void addTiles(String list, NavigableMap<Integer, ProductTile> tiles) {
        for (String each : list.split(",", -1)) {
            Matcher matcher = TILE.matcher(each);
            if (!matcher.matches()) {
                throw new IllegalArgumentException("\"" + each + "\" is not TILE or IMAGES:TILE");
            }
            int images = matcher.group(1) == null ? 1 : Integer.parseInt(matcher.group(1));
            if (tiles.isEmpty() ? images != 1 : images <= tiles.lastKey()) {
                throw new IllegalArgumentException(
                        "tile=" + list
                                + ": the first tile serves from one image on, and each of the others from more than the one before it");
            }
            tiles.put(images, ProductTile.parse(matcher.group(2)));
        }
    }

    /** Why a product cannot be computed so on a GPU; empty where it can. */
    String problem(Product product, GpuProperties gpu) {
        for (ProductTile tile : tiles.values()) {
            if (!ProductTile.serving(gpu, product.dtype()).contains(tile)) {
                return tile + " does not serve " + product.dtype() + " here, but "
                        + ProductTile.serving(gpu, product.dtype());
            }
        }
        int slices = DepthSplits.slices(product.depth(), product.dtype());
        if (split > slices) {
            return "its depth of " + product.depth() + " has " + slices + " slices only";
        }
        long results = product.kind() == Product.Kind.GEGLU ? 2 * product.outputs() : product.outputs();
        long partials = split * results * Float.BYTES;
        return split > 1 && partials > MOST_PARTIAL_BYTES
                ? "the parts of an image's sums would take " + (partials >> 20) + " MiB, more than "
                        + (MOST_PARTIAL_BYTES >> 20)
                : "";
    }

    /**
     * Into how many parts the depth is split.
     *
     * @param rows of one image, of all its phases
     */
    int splits(long rows, int columns, int depth) {
        return split == 0 ? DepthSplits.count(rows, columns, depth) : split;
    }

    /**
     * The tile for {@code rows} x {@code columns} results of a batch.
     *
     * @param copies how many such products run at once: splits of the depth, phases
     */
    ProductTile tile(GpuProperties gpu, DType dtype, int images, int rows, int columns, int copies) {
        return tiles.isEmpty()
                ? ProductTile.choose(gpu, dtype, rows, columns, copies)
                : Objects.requireNonNull(tiles.floorEntry(Math.max(1, images))).getValue();
    }

    /** As tables spell it, after a blank; nothing where all goes by the rule. */
    @Override
    public String toString() {
        String list = tiles.entrySet().stream()
                .map(entry -> (entry.getKey() == 1 ? "" : entry.getKey() + ":") + entry.getValue())
                .collect(Collectors.joining(","));
        return (split == 0 ? "" : " split=" + split) + (list.isEmpty() ? "" : " tile=" + list);
    }
}
