package dev.darkroom.cpu;

import java.util.Locale;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Loader;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.linux.DynamicLinkLoader;

/** The oneDNN library: loads it, and holds its engine, its stream and the number of threads it computes with. */
final class OneDnn {
    private static final String SPIN_COUNT = "30000"; // turns, a fraction of a millisecond
    private static final Thread NOBODY = new Thread("nobody");

    private final engine processor;
    private final stream queue;
    private final String instructionSet;
    private final int threads;
    private final long handle;
    private final long setThreads;
    private volatile Thread configured = NOBODY; // the thread that last asked for all threads

    private OneDnn(int threads) {
        shortenSpinning();
        liftLimit("org.bytedeco.javacpp.maxBytes");
        liftLimit("org.bytedeco.javacpp.maxPhysicalBytes");
        String library = Loader.load(dnnl.class);
        processor = new engine(org.bytedeco.dnnl.engine.kind.cpu, 0);
        queue = new stream(processor);
        instructionSet = dnnl.get_effective_cpu_isa().toString().toLowerCase(Locale.ROOT);
        this.threads = threads;
        handle = DynamicLinkLoader.dlopen(library, DynamicLinkLoader.RTLD_LAZY);
        setThreads = symbol("omp_set_num_threads");
    }

    /**
     * Loads the library, which unpacks about 90 MB into the user's cache at the first call ever.
     *
     * @throws CpuUnavailableException when the library cannot be loaded here
     */
    static OneDnn load(int threads) {
        String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (!system.toLowerCase(Locale.ROOT).startsWith("linux") || !system.endsWith("amd64")) {
            throw new CpuUnavailableException(
                    "the cpu device needs oneDNN, which comes with this build for Linux on x86-64 only;"
                            + " this is " + system
                            + ". Run on Linux x86-64, or add org.bytedeco:dnnl and org.bytedeco:javacpp with the"
                            + " classifier of this platform to the class path.");
        }
        try {
            return new OneDnn(threads);
        } catch (LinkageError | TypeNotPresentException e) {
            throw new CpuUnavailableException(
                    "the cpu device cannot load oneDNN: " + rootMessage(e)
                            + "; JavaCPP unpacks it to " + cacheFolder()
                            + ", which must be writable, not mounted noexec, and have 200 MB free; another place is given with"
                            + " -Dorg.bytedeco.javacpp.cachedir=FOLDER. The jars org.bytedeco:dnnl, opencl and javacpp (each with"
                            + " its linux-x86_64 natives) and org.lwjgl:lwjgl must be on the class path.",
                    e);
        }
    }

    engine engine() {
        return processor;
    }

    stream stream() {
        return queue;
    }

    int threads() {
        return threads;
    }

    /** The widest instruction set that oneDNN uses here, as it spells it: {@code avx512_core_bf16}. */
    String instructionSet() {
        return instructionSet;
    }

    /** Whether matrix products in bf16 run on instructions made for them. */
    boolean hasFastBf16() {
        return instructionSet.contains("bf16")
                || instructionSet.contains("fp16")
                || instructionSet.contains("amx")
                || instructionSet.startsWith("avx10");
    }

    /** Whether vectors have 512 bits; every operation can then be computed in bf16 as well, if only by emulation. */
    boolean hasWideVectors() {
        return instructionSet.contains("avx512") || instructionSet.startsWith("avx10");
    }

    /** The version of the library: {@code 3.11.0}. */
    static String version() {
        dnnl_version_t version = dnnl.dnnl_version();
        return version.major() + "." + version.minor() + "." + version.patch();
    }

    /** The address of a C function of the libraries that oneDNN itself uses: the same OpenMP and C runtimes, wherever they lie. */
    long symbol(String name) {
        return DynamicLinkLoader.dlsym(handle, name);
    }

    /** Has oneDNN use all threads when the calling thread calls it; OpenMP keeps the number for each calling thread. */
    void useAllThreads() {
        Thread current = Thread.currentThread();
        if (current != configured) {
            JNI.invokeV(threads, setThreads);
            configured = current;
        }
    }

    /** Has oneDNN stay on the calling thread: for pieces of work that run side by side. */
    void useOneThread() {
        JNI.invokeV(1, setThreads);
        if (Thread.currentThread() == configured) {
            configured = NOBODY;
        }
    }

    /**
     * Threads that wait for others spin, which is fastest while each has a core. OpenMP's own limit is milliseconds, which they steal from
     * whoever they wait for when cores are shared; a shorter one costs nothing elsewhere. OpenMP reads it as it is loaded.
     */
    private static void shortenSpinning() {
        if (System.getenv("OMP_WAIT_POLICY") != null || System.getenv("GOMP_SPINCOUNT") != null) {
            return;
        }
        long setenv = DynamicLinkLoader.dlsym(
                DynamicLinkLoader.dlopen((CharSequence) null, DynamicLinkLoader.RTLD_LAZY), "setenv");
        try (MemoryStack stack = MemoryStack.stackPush()) {
            long name = MemoryUtil.memAddress(stack.ASCII("GOMP_SPINCOUNT"));
            long value = MemoryUtil.memAddress(stack.ASCII(SPIN_COUNT));
            JNI.invokePPI(name, value, 1, setenv);
        }
    }

    /** JavaCPP refuses to make objects in a process that is much larger than its Java heap; tensors are not in that heap. */
    private static void liftLimit(String property) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, "0");
        }
    }

    private static String cacheFolder() {
        String folder = System.getProperty("org.bytedeco.javacpp.cachedir");
        return folder != null ? folder : System.getProperty("user.home") + "/.javacpp/cache";
    }

    private static String rootMessage(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }
}
