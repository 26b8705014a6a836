package dev.darkroom.cuda;

import dev.darkroom.tensor.AllocationPlan;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.RecordingStatistics;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What a device has recorded, by what it was recorded from; the graphs used longest ago are given back. They hold no memory but the driver's own. */
final class Recordings implements AutoCloseable {
    private static final int MOST = 16;

    /** Shape and type of a tensor. */
    record Kind(Shape shape, DType dtype) {
        static Kind of(Tensor tensor) {
            return new Kind(tensor.shape(), tensor.dtype());
        }
    }

    /** All that decides what a computation queues. */
    private record Key(String name, Object of, List<Kind> constants, List<Kind> inputs) {}

    /** A result of a graph, in the graph's memory. */
    record Result(long address, Kind kind) {}

    /** One computation: measured in its first run, then recorded, and valid for the memory that it was recorded in. */
    static final class Recorded {
        @Nullable
        AllocationPlan plan;

        @Nullable
        CudaGraph graph;

        long address;
        long bytes;
        List<Result> results = List.of();
    }

    private final Map<Key, Recorded> byKey = new LinkedHashMap<>(MOST, 0.75f, /* accessOrder= */ true);
    private long direct;
    private long recorded;
    private long replayed;

    /** What is known of a computation. */
    Recorded of(MemoryPool pool, String name, Object of, List<Tensor> constants, List<Tensor> inputs) {
        Key key = new Key(name, of, kinds(constants), kinds(inputs));
        Recorded known = byKey.computeIfAbsent(key, k -> new Recorded());
        if (byKey.size() > MOST) {
            Key oldest = byKey.keySet().iterator().next();
            drop(pool, Objects.requireNonNull(byKey.remove(oldest)));
        }
        return known;
    }

    /** Keeps what was recorded in memory that is now {@code piece}. */
    void keep(MemoryPool pool, Recorded entry, CudaGraph graph, Tensor piece, List<Tensor> results) {
        entry.graph = graph;
        entry.address = piece.address();
        entry.bytes = piece.byteSize();
        entry.results = results.stream()
                .map(result -> new Result(result.address(), Kind.of(result)))
                .toList();
        pool.keep(ranges());
    }

    /** Gives the graph of {@code entry} back, where there is one. */
    void drop(MemoryPool pool, Recorded entry) {
        if (entry.graph != null) {
            entry.graph.close();
            entry.graph = null;
            pool.keep(ranges());
        }
    }

    /** The memory of all graphs, bytes by address. Graphs of different computations may share some: no two run at once. */
    Map<Long, Long> ranges() {
        Map<Long, Long> ranges = new TreeMap<>();
        for (Recorded each : byKey.values()) {
            if (each.graph != null) {
                ranges.merge(each.address, each.bytes, Math::max);
            }
        }
        return ranges;
    }

    private static List<Kind> kinds(List<Tensor> tensors) {
        return tensors.stream().map(Kind::of).toList();
    }

    void countDirect() {
        direct++;
    }

    void countLaunch(boolean isFirst) {
        if (isFirst) {
            recorded++;
        } else {
            replayed++;
        }
    }

    RecordingStatistics statistics() {
        return new RecordingStatistics(direct, recorded, replayed);
    }

    /** For each graph, how often it launches which kernel. */
    List<Map<String, Integer>> launches() {
        List<Map<String, Integer>> all = new ArrayList<>();
        for (Recorded each : byKey.values()) {
            if (each.graph != null) {
                all.add(each.graph.launches());
            }
        }
        return all;
    }

    @Override
    public void close() {
        for (Recorded each : byKey.values()) {
            if (each.graph != null) {
                each.graph.close();
            }
        }
        byKey.clear();
    }
}
