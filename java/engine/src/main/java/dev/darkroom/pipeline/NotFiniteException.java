package dev.darkroom.pipeline;

import dev.darkroom.tensor.DType;

/** Numbers of a network that are infinite or none: they overflowed its type, or its weights are damaged. Its message names the layer and what to do. */
public final class NotFiniteException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient Networks networks;
    private final Networks.Task task;
    private final String where;

    NotFiniteException(Networks networks, Networks.Task task, String where) {
        super(where + ", " + advice(type(networks, task)));
        this.networks = networks;
        this.task = task;
        this.where = where;
    }

    /** Has what failed compute in f32; false where it did already. */
    boolean widen() {
        return networks.widen(task);
    }

    /** What happened, without what to do about it. */
    String where() {
        return where;
    }

    private static DType type(Networks networks, Networks.Task task) {
        return networks.of(task).get(0).dtype();
    }

    private static String advice(DType dtype) {
        return dtype == DType.F32
                ? "computing in f32; the model's weights are damaged there, or what was merged into them does not belong to them"
                : "computing in " + dtype + "; use --dtype f32, or bf16 where the device has it";
    }
}
