package dev.darkroom.tensor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Owns the memory of the tensors made in it and releases all of it at its end.
 *
 * <p>Code in the middle uses {@link Ops#scoped}; a scope is opened by hand only at a root: a model's weights, one request.
 * Not thread-safe: a device is driven by one thread at a time, and a second one gets an error.
 */
public final class Scope implements AutoCloseable {
    private final Device device;
    private final @Nullable Scope parent;
    private final String name;
    private final Set<Storage> owned = new LinkedHashSet<>();
    private final List<Scope> children = new ArrayList<>();
    private boolean closed;

    Scope(Device device, @Nullable Scope parent, String name) {
        this.device = device;
        this.parent = parent;
        this.name = name;
    }

    /** A root scope on {@code device}; closing it releases everything made in it. */
    public static Scope open(Device device, String name) {
        return new Scope(device, null, name);
    }

    public Device device() {
        return device;
    }

    /** Where this scope stands, from the root: {@code unet/down_blocks.0/resnets.1}. */
    public String path() {
        return parent == null ? name : parent.path() + "/" + name;
    }

    /** A scope inside this one; closed at the latest with it. */
    public Scope child(String childName) {
        requireOpen();
        Scope child = new Scope(device, this, childName);
        device.pool().driver().enter(child);
        children.add(child);
        return child;
    }

    /** An uninitialised tensor owned by this scope. */
    public Tensor allocate(Shape shape, DType dtype) {
        return allocate(shape, dtype, shape.count() * dtype.bytes(), null);
    }

    /**
     * As {@link #allocate(Shape, DType)}, with f32 numbers of shape {@code tail} behind the tensor, which tell of its values and live where and as
     * long as it does. See {@link Tensor#tail}.
     */
    public Tensor allocateWithTail(Shape shape, DType dtype, Shape tail) {
        Storage.Tail behind = new Storage.Tail(shape.count() * dtype.bytes(), tail);
        return allocate(shape, dtype, behind.offset() + tail.count() * DType.F32.bytes(), behind);
    }

    private Tensor allocate(Shape shape, DType dtype, long bytes, Storage.@Nullable Tail tail) {
        requireOpen();
        MemoryPool pool = device.pool();
        pool.driver().require(this);
        Storage storage = new Storage(pool, pool.allocate(bytes, this), this, tail);
        owned.add(storage);
        return new Tensor(device, storage, 0, shape, dtype);
    }

    /** As {@link #allocate}, at {@code address} and nowhere else; null when some of that memory is in use. */
    public @Nullable Tensor claim(long address, Shape shape, DType dtype) {
        requireOpen();
        MemoryPool pool = device.pool();
        MemoryBlock block = pool.claim(address, shape.count() * dtype.bytes(), this);
        if (block == null) {
            return null;
        }
        Storage storage = new Storage(pool, block, this, null);
        owned.add(storage);
        return new Tensor(device, storage, 0, shape, dtype);
    }

    /**
     * Moves the memory of {@code tensor} to {@code target}, which then releases it. A tensor that an outer scope owns already (an
     * argument handed back, a weight) stays where it is.
     */
    public void moveOut(Tensor tensor, Scope target) {
        Storage storage = tensor.storage();
        if (!storage.isAlive()) {
            storage.address(); // throws, naming the scope that released it
        }
        if (owned.remove(storage)) {
            target.requireOpen();
            storage.moveTo(target);
            target.owned.add(storage);
        }
    }

    /** Releases those of {@code old} that this scope owns and that share their memory with none of {@code first} and {@code now}. */
    void releaseUnless(List<Tensor> old, List<Tensor> first, List<Tensor> now) {
        Set<Storage> kept = new HashSet<>();
        first.forEach(tensor -> kept.add(tensor.storage()));
        now.forEach(tensor -> kept.add(tensor.storage()));
        for (Tensor tensor : old) {
            Storage storage = tensor.storage();
            if (!kept.contains(storage) && owned.remove(storage)) {
                storage.release();
            }
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        device.pool().driver().require(this);
        closed = true;
        for (Scope child : List.copyOf(children)) {
            child.close();
        }
        try {
            releaseAll();
        } finally {
            if (parent != null) {
                parent.children.remove(this);
                device.pool().driver().leave(this);
            }
        }
    }

    /** Releases what is owned, to the last, also where the device refuses to take something back; throws the first refusal then. */
    private void releaseAll() {
        RuntimeException refusal = null;
        for (Storage storage : owned) {
            try {
                storage.release();
            } catch (RuntimeException e) {
                if (refusal == null) {
                    refusal = e;
                } else {
                    refusal.addSuppressed(e);
                }
            }
        }
        owned.clear();
        if (refusal != null) {
            throw refusal;
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("scope \"" + path() + "\" has ended; nothing can be made in it any more");
        }
    }
}
