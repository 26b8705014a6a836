package dev.darkroom.dry;

import java.util.Map;
import java.util.TreeMap;

/** What a computation would cost: per operation the number of calls, floating point operations and bytes moved. */
public final class Tally {
    /**
     * The cost of one kind of operation.
     *
     * @param calls how often it ran
     * @param flops floating point operations, two for each multiply-add
     * @param bytes bytes of its operands, each moved once
     */
    public record Cost(long calls, long flops, long bytes) {
        private Cost plus(Cost other) {
            return new Cost(calls + other.calls, flops + other.flops, bytes + other.bytes);
        }
    }

    private static final Cost NOTHING = new Cost(0, 0, 0);

    private final Map<String, Cost> byOperation = new TreeMap<>();

    void count(String operation, long flops, long bytes) {
        byOperation.merge(operation, new Cost(1, flops, bytes), Cost::plus);
    }

    /** Adds to the cost of an operation what is no call of its own. */
    void add(String operation, long flops, long bytes) {
        byOperation.merge(operation, new Cost(0, flops, bytes), Cost::plus);
    }

    /** Costs by name of operation. */
    public Map<String, Cost> byOperation() {
        return Map.copyOf(byOperation);
    }

    /** The sum over all operations. */
    public Cost total() {
        return byOperation.values().stream().reduce(NOTHING, Cost::plus);
    }

    /** Starts again from nothing. */
    public void reset() {
        byOperation.clear();
    }
}
