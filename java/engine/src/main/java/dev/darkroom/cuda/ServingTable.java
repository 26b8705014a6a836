package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Which kernels serve which products: lines of which the first that fits decides, and our own kernels where none does.
 *
 * @param origin   the file that it comes from, for messages
 * @param measured what it was measured with, by name: gpu, cublas, cudnn; empty where it does not say
 */
record ServingTable(String origin, Map<String, Measured> measured, List<Line> lines) {

    /** Who computes. */
    enum Server {
        OWN,
        CUBLAS,
        CUDNN;

        /** As tables spell it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Who computes, and how.
     *
     * @param algorithm cuDNN's number of it; absent: the first of {@link Cudnn}'s that there is
     * @param schedule  of our own kernels
     */
    record Choice(Server server, OptionalInt algorithm, Schedule schedule) {
        static final Choice OWN = by(Server.OWN);
        static final Choice CUBLAS = by(Server.CUBLAS);

        static Choice by(Server server) {
            return new Choice(server, OptionalInt.empty(), Schedule.BY_RULE);
        }

        static Choice own(Schedule schedule) {
            return new Choice(Server.OWN, OptionalInt.empty(), schedule);
        }

        static Choice cudnn(int algorithm) {
            return new Choice(Server.CUDNN, OptionalInt.of(algorithm), Schedule.BY_RULE);
        }

        /** As tables spell it. */
        @Override
        public String toString() {
            return server + (algorithm.isPresent() ? " algorithm=" + algorithm.getAsInt() : "") + schedule;
        }
    }

    /** The name or version of what a table was measured with, and the line that tells it. */
    record Measured(int number, String value) {}

    /** Numbers from {@code least} to {@code most}, both included. */
    record Range(int least, int most) {
        boolean holds(int value) {
            return value >= least && value <= most;
        }
    }

    /**
     * A rule.
     *
     * @param number in its file, from 1
     * @param dtype  null for every type
     * @param sizes  of products by name, and {@code capability}; those that are absent may be any
     */
    record Line(int number, Product.Kind kind, @Nullable DType dtype, Map<String, Range> sizes, Choice choice) {
        boolean fits(Product product, int capability) {
            return kind == product.kind()
                    && (dtype == null || dtype == product.dtype())
                    && sizes.entrySet().stream().allMatch(size -> size.getValue()
                            .holds(size.getKey().equals("capability") ? capability : product.size(size.getKey())));
        }
    }

    /** The rule for a product on a GPU of a compute capability such as 90. */
    Optional<Line> find(Product product, int capability) {
        return lines.stream().filter(line -> line.fits(product, capability)).findFirst();
    }

    /** Whether any line asks for it. */
    boolean names(Server server) {
        return lines.stream().anyMatch(line -> line.choice().server() == server);
    }

    /** Where a line stands, for messages. */
    String at(int number) {
        return origin + ":" + number;
    }
}
