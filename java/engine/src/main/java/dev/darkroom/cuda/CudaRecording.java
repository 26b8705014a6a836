package dev.darkroom.cuda;

import dev.darkroom.tensor.AllocationPlan;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import dev.darkroom.tensor.Recording;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A computation that runs directly the first time, is recorded as a graph the second, and replayed from then on.
 *
 * <p>A graph holds addresses. So all that the computation touches lies in one piece of memory: copies of constants and inputs, then the blocks that the
 * first run asked for, where an {@link AllocationPlan} puts them. The piece belongs to the scope that the recording was made in; the next recording of the
 * same computation claims the same piece again, and where it cannot, the graph is made anew. Runs are direct while someone observes the scopes, and
 * where there is no such piece of memory.
 *
 * <p>A computation that waits, uploads, reserves memory or loads a kernel while it is recorded fails with the path it has come to; what was recorded until
 * then is forgotten, as it is after any other failure, and the device goes on.
 */
final class CudaRecording implements Recording {
    private static final int GRANULE = 256; // what the pool aligns to

    /** Pieces are whole segments of the pool, so that nothing else lies beside them when they are claimed again. */
    private static final int PIECE = 2 << 20;

    private final Device device;
    private final CudaStream stream;
    private final Recordings recordings;
    private final Scope scope;
    private final String name;
    private final Object key;
    private final List<Tensor> constants;
    private final Body body;
    private boolean lacksRoom;
    private @Nullable Tensor memory;
    private Recordings.@Nullable Recorded prepared; // whose constants lie in the memory

    CudaRecording(
            Device device, CudaEngine engine, Scope scope, String name, Object key, List<Tensor> constants, Body body) {
        this.device = device;
        this.stream = engine.stream;
        this.recordings = engine.recordings;
        this.scope = scope;
        this.name = name;
        this.key = key;
        this.constants = constants;
        this.body = body;
    }

    @Override
    public List<Tensor> run(Ops ops, List<Tensor> inputs) {
        if (device.observer() != null) {
            return direct(ops, inputs);
        }
        Recordings.Recorded recorded = recordings.of(device.pool(), name, key, constants, inputs);
        AllocationPlan plan = recorded.plan;
        if (plan == null) {
            return measure(ops, recorded, inputs);
        }
        Tensor piece = prepare(recorded, plan, inputs);
        if (piece == null) {
            return direct(ops, inputs);
        }
        copy(inputs, copies(piece, inputs, bytes(constants)));
        CudaGraph graph = recorded.graph;
        if (graph == null) {
            try {
                graph = record(recorded, plan, piece, inputs);
            } catch (AllocationPlan.DepartureException e) {
                return measure(ops, recorded, inputs); // the first run made something that it will not make again
            }
            recordings.countLaunch(true);
        } else {
            recordings.countLaunch(false);
        }
        graph.launch();
        return recorded.results.stream()
                .map(result -> {
                    Tensor copy = ops.scope()
                            .allocate(result.kind().shape(), result.kind().dtype());
                    stream.copy(result.address(), copy.address(), copy.byteSize());
                    return copy;
                })
                .toList();
    }

    private List<Tensor> direct(Ops ops, List<Tensor> inputs) {
        recordings.countDirect();
        return ops.scopedAll(name, s -> body.apply(s, constants, inputs));
    }

    /** Runs directly and takes down which blocks that needs. */
    private List<Tensor> measure(Ops ops, Recordings.Recorded recorded, List<Tensor> inputs) {
        recordings.drop(device.pool(), recorded);
        recorded.plan = null;
        device.pool().beginTrace();
        AllocationPlan plan = null;
        List<Tensor> results;
        try {
            results = direct(ops, inputs);
        } finally {
            plan = device.pool().endTrace();
        }
        recorded.plan = plan; // not after a failure
        return results;
    }

    /** The memory for a graph, with the constants in it; null when there is none. */
    private @Nullable Tensor prepare(Recordings.Recorded recorded, AllocationPlan plan, List<Tensor> inputs) {
        long bytes = roundUp(bytes(constants) + bytes(inputs) + plan.bytes(), PIECE);
        Tensor piece = prepared == recorded && memory != null && memory.byteSize() == bytes ? memory : null;
        if (piece == null && !lacksRoom) {
            Shape shape = Shape.of(Math.toIntExact(bytes / GRANULE), GRANULE);
            piece = recorded.graph == null ? null : scope.claim(recorded.address, shape, DType.U8);
            if (piece == null) {
                recordings.drop(device.pool(), recorded);
                piece = allocate(shape);
            }
            lacksRoom = piece == null;
            memory = piece;
            prepared = recorded;
            if (piece != null) {
                copy(constants, copies(piece, constants, 0));
            }
        }
        if (piece != null && piece.address() != recorded.address) {
            recordings.drop(device.pool(), recorded); // recorded elsewhere since
        }
        return piece;
    }

    /** New memory for a graph: that of another one where it is large enough, so that all of them share the largest piece. */
    private @Nullable Tensor allocate(Shape shape) {
        for (long address : recordings.ranges().keySet()) {
            Tensor shared = scope.claim(address, shape, DType.U8);
            if (shared != null) {
                return shared;
            }
        }
        device.pool().releaseCache(); // what the first run has left would stand beside it
        try {
            return scope.allocate(shape, DType.U8);
        } catch (OutOfDeviceMemoryException e) {
            return null; // in smaller pieces there is enough, as the first run has shown
        }
    }

    private CudaGraph record(Recordings.Recorded recorded, AllocationPlan plan, Tensor piece, List<Tensor> inputs) {
        List<Tensor> fixedConstants = copies(piece, constants, 0);
        List<Tensor> fixedInputs = copies(piece, inputs, bytes(constants));
        long blocks = piece.address() + bytes(constants) + bytes(inputs);
        MemoryPool pool = device.pool();
        try (Scope inner = scope.child(name)) {
            pool.beginPlacement(plan, blocks);
            stream.beginRecording(pool::lastPath);
            List<Tensor> results = body.apply(device.ops(inner), fixedConstants, fixedInputs);
            CudaGraph graph = stream.endRecording();
            recordings.keep(pool, recorded, graph, piece, results);
            pool.endPlacement();
            return graph;
        } finally {
            stream.abandonRecording();
            pool.endPlacement();
        }
    }

    /** Tensors like {@code tensors}, one after the other from byte {@code from} of the memory on. */
    private static List<Tensor> copies(Tensor piece, List<Tensor> tensors, long from) {
        List<Tensor> copies = new ArrayList<>();
        long next = from;
        for (Tensor tensor : tensors) {
            copies.add(piece.part(next, tensor.shape(), tensor.dtype()));
            next += padded(tensor);
        }
        return copies;
    }

    private void copy(List<Tensor> from, List<Tensor> to) {
        for (int i = 0; i < from.size(); i++) {
            stream.copy(from.get(i).address(), to.get(i).address(), from.get(i).byteSize());
        }
    }

    private static long bytes(List<Tensor> tensors) {
        return tensors.stream().mapToLong(CudaRecording::padded).sum();
    }

    private static long padded(Tensor tensor) {
        return roundUp(tensor.byteSize(), GRANULE);
    }

    private static long roundUp(long bytes, long multiple) {
        return (bytes + multiple - 1) / multiple * multiple;
    }
}
