package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.Cuda;
import dev.darkroom.cuda.bind.CudaException;
import dev.darkroom.cuda.bind.Severity;
import dev.darkroom.tensor.DeviceException;
import dev.darkroom.tensor.DeviceLostException;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import java.util.StringJoiner;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the driver's errors do to a device: where memory ran out the cache is given back and the call made once more; other calls fail
 * with their request; and what breaks the context ends the device, which says so at every later use.
 *
 * <p>Remembers the kernels launched last, since a GPU reports what they did wrong at a later call.
 */
final class DriverErrors {
    private static final int REMEMBERED = 8;

    /** What ended the device. */
    private record Loss(String message, CudaException cause) {
        /** A new one for each use: one that is thrown by a body and by its close would be added to itself. */
        DeviceLostException exception() {
            return new DeviceLostException(message, cause);
        }
    }

    private final String device;
    private final String[] launched = new String[REMEMBERED];
    private long launches;
    private @Nullable MemoryPool pool;
    private @Nullable Loss lost;
    private boolean told;
    private boolean makingRoom;

    /** @param device its name, for messages */
    DriverErrors(String device) {
        this.device = device;
    }

    /** Says whose cache can be given back. */
    void setPool(MemoryPool newPool) {
        pool = newPool;
    }

    /** Remembers that a kernel is about to be launched. */
    void launching(String kernel) {
        launched[(int) launches++ & REMEMBERED - 1] = kernel;
    }

    /** Throws when the device is lost. */
    void requireDevice() {
        if (lost != null) {
            told = true;
            throw lost.exception();
        }
    }

    /** Throws a loss that showed while something was given back, and was not thrown since. */
    void tell() {
        if (!told) {
            requireDevice();
        }
    }

    /** Throws when {@code code}, which {@code call} returned, is an error. */
    void check(int code, String call) {
        if (code != 0) {
            throw failure(code, call);
        }
    }

    /** Makes a call that may take memory of the GPU or of the driver. */
    void make(String call, IntSupplier driver) {
        requireDevice();
        int code = driver.getAsInt();
        check(makesRoom(code) ? driver.getAsInt() : code, call);
    }

    /** Whether a call has failed for want of memory and is to be made once more, now that the pool has given back what it could. */
    boolean makesRoom(int code) {
        if (code == 0 || pool == null || makingRoom || Severity.of(code) != Severity.MEMORY) {
            return false;
        }
        makingRoom = true; // what gives memory back may fail in the same way
        try {
            pool.releaseCache();
        } finally {
            makingRoom = false;
        }
        return true;
    }

    /**
     * Checks a call that gives something back. Of a lost device nothing can be expected; one that is lost by this call is no error yet:
     * whoever uses it next, or closes it, is told.
     */
    void checkReturn(int code, String call) {
        if (code == 0 || lost != null) {
            return;
        }
        DeviceException failure = failure(code, call);
        if (lost == null) {
            throw failure;
        }
        told = false;
    }

    private DeviceException failure(int code, String call) {
        if (lost != null) {
            told = true;
            return lost.exception();
        }
        CudaException cause = new CudaException(code, call + " failed with " + Cuda.name(code));
        return switch (Severity.of(code)) {
            case MEMORY -> outOfMemory(call, cause);
            case REQUEST ->
                new DeviceException("device " + device + ": " + cause.getMessage() + "; " + history(), cause);
            case DEVICE -> {
                lost = new Loss(
                        "device " + device + " is lost: " + cause.getMessage() + "; " + history() + ". " + remedy(code),
                        cause);
                told = true;
                yield lost.exception();
            }
        };
    }

    private DeviceException outOfMemory(String call, CudaException cause) {
        String what = "what " + call + " takes";
        DeviceException failure = pool == null
                ? new OutOfDeviceMemoryException(
                        "device " + device + " has no room for " + what + "; see with nvidia-smi who uses it", 0)
                : pool.noRoomFor(what, 0);
        failure.initCause(cause);
        return failure;
    }

    private static String remedy(int code) {
        return "Nothing can be computed on it in this process any more; start a new one. "
                + (Severity.isBrokenByKernel(code)
                        ? "If it happens again, please report this message."
                        : "If that fails too, see what nvidia-smi and the system's log say.");
    }

    private String history() {
        if (launches == 0) {
            return "no kernel was launched before";
        }
        StringJoiner names = new StringJoiner(", ", "launched last, the newest at the end: ", "");
        for (long i = Math.max(0, launches - REMEMBERED); i < launches; i++) {
            names.add(launched[(int) i & REMEMBERED - 1]);
        }
        return names.toString();
    }
}
