package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;
import org.jspecify.annotations.Nullable;

/** The runtime compiler, loaded and bound to JCuda once for the process. It needs neither driver nor GPU. */
public final class Nvrtc {
    private static @Nullable Nvrtc instance;

    private final NativeLibrary library;
    private final String version;

    /** What came of a compilation. */
    public static final class Compiled {
        private final byte[] image;
        private final String log;

        private Compiled(byte[] image, String log) {
            this.image = image;
            this.log = log;
        }

        /** For the driver. */
        public byte[] image() {
            return image;
        }

        /** The compiler's remarks; empty where it has none. */
        public String log() {
            return log;
        }
    }

    private Nvrtc(Found found) {
        library = NativeLibrary.load(found);
        library.require(CalledFunctions.NVRTC);
        JCudaNatives.load(
                "JNvrtc",
                Map.of(CudaLibrary.NVRTC.file(12), CudaLibrary.NVRTC.file(found.major())),
                () -> JNvrtc.setExceptionsEnabled(false));
        version = library.version();
    }

    /**
     * The compiler for kernels that will run elsewhere: one in a jar on the class path, else that of this machine; of the preferred version,
     * whatever the driver.
     *
     * @throws CudaUnavailableException when there is none; says what was looked for and where
     */
    public static Nvrtc forOtherMachines() {
        LibraryFinding inJar = CudaLibraries.ofClassPath().find(CudaLibrary.NVRTC, OptionalInt.empty());
        return bind(
                inJar instanceof Found found
                        ? found
                        : CudaLibraries.ofThisMachine()
                                .find(CudaLibrary.NVRTC, OptionalInt.empty())
                                .orThrow());
    }

    /** The compiler that was found, or the one that this process has loaded already. */
    static synchronized Nvrtc bind(Found found) {
        Nvrtc known = instance;
        if (known == null) {
            known = new Nvrtc(found);
            instance = known;
        }
        return known;
    }

    /** As people write it: 12.9. */
    public String version() {
        return version;
    }

    /** The compute capabilities that it compiles for, without the point. */
    public List<Integer> capabilities() {
        int[] count = new int[1];
        check(JNvrtc.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
        int[] all = new int[count[0]];
        check(JNvrtc.nvrtcGetSupportedArchs(all), "nvrtcGetSupportedArchs");
        return Arrays.stream(all).boxed().toList();
    }

    /**
     * Compiles a source.
     *
     * @param name    of its file, as messages name it; its own folder is where it includes headers from
     * @param headers their contents by the names by which they are included
     * @throws CompileException when the source or an option has an error
     */
    public Compiled compile(String name, String source, Map<String, String> headers, List<String> options) {
        nvrtcProgram program = new nvrtcProgram();
        check(
                JNvrtc.nvrtcCreateProgram(
                        program,
                        source,
                        name,
                        headers.size(),
                        headers.values().toArray(String[]::new),
                        headers.keySet().toArray(String[]::new)),
                "nvrtcCreateProgram");
        try {
            int code = JNvrtc.nvrtcCompileProgram(program, options.size(), options.toArray(String[]::new));
            String[] log = {""};
            check(JNvrtc.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
            if (code != nvrtcResult.NVRTC_SUCCESS) {
                throw new CompileException(name + " cannot be compiled with " + String.join(" ", options) + " by NVRTC "
                        + version + " (" + nvrtcResult.stringFor(code) + "):\n" + log[0].strip());
            }
            long[] size = new long[1];
            check(JNvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
            byte[] image = new byte[Math.toIntExact(size[0])];
            check(JNvrtc.nvrtcGetCUBIN(program, image), "nvrtcGetCUBIN");
            return new Compiled(image, log[0].strip());
        } finally {
            check(JNvrtc.nvrtcDestroyProgram(program), "nvrtcDestroyProgram");
        }
    }

    /** An error in a source; the message has the compiler's log, which names file and line. */
    public static final class CompileException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        CompileException(String message) {
            super(message);
        }
    }

    private static void check(int code, String call) {
        if (code != nvrtcResult.NVRTC_SUCCESS) {
            throw new IllegalStateException(call + " failed with " + nvrtcResult.stringFor(code) + " (" + code + ")");
        }
    }
}
