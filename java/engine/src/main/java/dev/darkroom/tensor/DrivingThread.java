package dev.darkroom.tensor;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Which thread drives a device: one at a time.
 *
 * <p>A thread has the device from where it opens a scope inside another to where the outermost of these ends; between, any thread may go on.
 * Whoever comes in meanwhile gets an error, before it mixes its work with the other's.
 */
final class DrivingThread {
    private final String device;
    private final AtomicReference<@Nullable Thread> holder = new AtomicReference<>();
    private int depth; // of the holder's scopes

    DrivingThread(String device) {
        this.device = device;
    }

    /** The calling thread opens an inner scope. */
    void enter(Scope scope) {
        require(scope);
        if (depth == 0 && !holder.compareAndSet(null, Thread.currentThread())) {
            require(scope);
        }
        depth++;
    }

    /** The calling thread ends an inner scope. */
    void leave(Scope scope) {
        require(scope);
        if (--depth == 0) {
            holder.set(null);
        }
    }

    /** Throws when another thread has the device, unless that has died without ending its scopes. */
    void require(Scope scope) {
        Thread other = holder.get();
        Thread me = Thread.currentThread();
        if (other == null || other == me || !other.isAlive() && holder.compareAndSet(other, me)) {
            return;
        }
        throw new IllegalStateException("device " + device + " is in use by thread \"" + other.getName()
                + "\"; thread \"" + me.getName() + "\" cannot use it at the same time, in scope \"" + scope.path()
                + "\": serve one request after the other, as Darkroom does, or open a device for each thread");
    }
}
