package dev.darkroom.cuda;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.lwjgl.system.JNI;
import org.lwjgl.system.Library;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.SharedLibrary;

/** Plans faults in the software CUDA device that this process runs on: calls the control functions of its libcuda (tests/softcuda). */
public final class SoftwareFaults {

    /** What can fail, with the numbers of softcuda_fail. */
    public enum Call {
        ALLOCATION(0),
        LAUNCH(1),
        COPY(2),
        WAIT(3),
        FREE(4),
        MODULE(5),
        STREAM(6),
        EVENT(7),
        GRAPH(8),
        LIBRARY(9);

        private final int number;

        Call(int number) {
            this.number = number;
        }
    }

    private static final @Nullable String FOLDER = System.getenv("DARKROOM_CUDA_DRIVER");

    private final SharedLibrary driver;

    private SoftwareFaults(SharedLibrary driver) {
        this.driver = driver;
    }

    /** Whether the process was started by tests/softcuda/run, or as it does. */
    public static boolean available() {
        return FOLDER != null
                && Path.of(FOLDER, "include", "softcuda.h").toFile().exists();
    }

    /** The same library that the engine loads, whichever comes first. */
    public static SoftwareFaults open() {
        if (!available()) {
            throw new IllegalStateException("no software CUDA device: run with tests/softcuda/run");
        }
        Path driver = Path.of(FOLDER, "libcuda.so.1").toAbsolutePath();
        return new SoftwareFaults(Library.loadNative(SoftwareFaults.class, "dev.darkroom", driver.toString()));
    }

    /** The n-th call of the kind from now (1 is the next) fails with the code; a code that kills a context stays. */
    public void fail(Call call, int n, int code) {
        int result = JNI.callI(call.number, n, code, function("softcuda_fail"));
        if (result != 0) {
            throw new IllegalArgumentException("call " + n + " of kind " + call + " cannot be made to fail");
        }
    }

    /** Whether kernels are run; else they are queued and counted only. */
    public void compute(boolean on) {
        JNI.callI(on ? 1 : 0, function("softcuda_compute"));
    }

    /** Forgets what was planned and counted, and revives the device. */
    public void reset() {
        JNI.callI(function("softcuda_reset"));
    }

    /** Calls of the kind since the start or the last reset. */
    public int count(Call call) {
        return JNI.callI(call.number, function("softcuda_count"));
    }

    /** Bytes of device memory that are allocated. */
    public long liveBytes() {
        return JNI.callJ(function("softcuda_live_bytes"));
    }

    /** What the last failed check of a kernel told; empty if none has failed. */
    public String message() {
        return MemoryUtil.memUTF8(JNI.callP(function("softcuda_message")));
    }

    private long function(String name) {
        long address = driver.getFunctionAddress(name);
        if (address == 0) {
            throw new IllegalStateException(driver.getPath() + " has no " + name + ": it is no software CUDA device");
        }
        return address;
    }
}
