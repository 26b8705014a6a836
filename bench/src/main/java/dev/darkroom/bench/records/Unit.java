package dev.darkroom.bench.records;

import java.util.Arrays;
import java.util.stream.Collectors;

/** What a measured value is counted in, and whether more of it is better. */
public enum Unit {
    MICROSECONDS("us", false),
    MILLISECONDS("ms", false),
    SECONDS("s", false),
    GIGABYTES("GB", false),
    LAUNCHES("launches", false),
    TERAFLOPS("TFLOP/s", true),
    GIGAFLOPS("GFLOP/s", true),
    GIGABYTES_PER_SECOND("GB/s", true),
    PICTURES_PER_SECOND("img/s", true),
    /** Of a ceiling that was measured in the same run. */
    PERCENT("%", true);

    private final String symbol;
    private final boolean moreIsBetter;

    Unit(String symbol, boolean moreIsBetter) {
        this.symbol = symbol;
        this.moreIsBetter = moreIsBetter;
    }

    /** How many times as good {@code value} is as {@code peer}. */
    public double ratio(double value, double peer) {
        return moreIsBetter ? value / peer : peer / value;
    }

    /** The unit that records spell so. */
    public static Unit parse(String symbol) {
        return Arrays.stream(values())
                .filter(unit -> unit.symbol.equals(symbol))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no unit \"" + symbol + "\"; known are "
                        + Arrays.stream(values()).map(Unit::toString).collect(Collectors.joining(", "))));
    }

    /** As records spell it. */
    @Override
    public String toString() {
        return symbol;
    }
}
