package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.CudaRuntime;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import dev.darkroom.cuda.bind.LibraryFinding;
import dev.darkroom.cuda.bind.Nvrtc;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Finds images of kernels that the driver can load: ready-made ones of this build, else what an earlier start compiled, else NVRTC compiles them.
 *
 * <p>All three come from the same source with the same options; which of them serves changes the time of the first launch alone.
 */
final class KernelCompiler {
    /** A variant that every build of ready-made kernels has. */
    static final KernelVariant SAMPLE = new KernelVariant("layernorm.cu", List.of("T=f16", "VECTOR=1"));

    private final ReadyMadeCubins readyMade;
    private final CubinCache cache;
    private final Optional<Nvrtc> nvrtc;
    private final String withoutNvrtc;
    private final int gpu;

    /** An image, and whether it was compiled for this very call; another one may be damaged without our noticing. */
    static final class Image {
        private final byte[] bytes;
        private final boolean fresh;

        private Image(byte[] bytes, boolean fresh) {
            this.bytes = bytes;
            this.fresh = fresh;
        }

        byte[] bytes() {
            return bytes;
        }

        boolean fresh() {
            return fresh;
        }
    }

    /**
     * A compiler for one GPU.
     *
     * @param withoutNvrtc why there is no NVRTC, where there is none
     * @param gpu          its compute capability without the point
     */
    KernelCompiler(ReadyMadeCubins readyMade, CubinCache cache, Optional<Nvrtc> nvrtc, String withoutNvrtc, int gpu) {
        this.readyMade = readyMade;
        this.cache = cache;
        this.nvrtc = nvrtc;
        this.withoutNvrtc = withoutNvrtc;
        this.gpu = gpu;
    }

    /**
     * The compiler of this process for a GPU.
     *
     * @throws CudaUnavailableException when there are neither ready-made kernels for it nor NVRTC
     */
    static KernelCompiler of(CudaRuntime runtime, GpuProperties gpu) {
        ReadyMadeCubins readyMade = ReadyMadeCubins.none();
        String reason = "ready-made kernels do not go with a driver that DARKROOM_CUDA_DRIVER names";
        if (!runtime.isNamedDriver()) {
            ReadyMadeCubins ofThisBuild = ReadyMadeCubins.of(KernelCompiler.class.getClassLoader());
            reason = ofThisBuild.reasonAgainst(runtime.driverVersion()).orElse("");
            readyMade = reason.isEmpty() ? ofThisBuild : readyMade;
        }
        String absence = runtime.nvrtc() instanceof LibraryFinding.Missing missing ? missing.explanation() : "";
        String why = Stream.of(reason, absence).filter(text -> !text.isEmpty()).collect(Collectors.joining("; "));
        KernelCompiler compiler =
                new KernelCompiler(readyMade, CubinCache.ofThisUser(), runtime.compiler(), why, gpu.capability());
        compiler.requireSource(SAMPLE);
        return compiler;
    }

    /** The options with which a kernel is compiled. Functions without a word of where they run, such as lambdas, are the device's. */
    static List<String> options(GpuArchitecture architecture, List<String> defines) {
        List<String> options =
                new ArrayList<>(List.of("--gpu-architecture=" + architecture, "--std=c++17", "-default-device"));
        defines.forEach(define -> options.add("-D" + define));
        return options;
    }

    /**
     * The image of a file of {@code kernels/}.
     *
     * @param defines such as {@code T=f16}
     * @throws Nvrtc.CompileException when the source has an error; the message is the compiler's log
     * @throws CudaUnavailableException when there is no image and nothing to compile with
     */
    Image image(String file, List<String> defines) {
        KernelSource source = KernelSource.of(file);
        Optional<Image> known = readyMade
                .find(source, defines, gpu)
                .or(() -> nvrtc.flatMap(compiler -> cache.get(cacheKey(compiler, source, defines))))
                .map(bytes -> new Image(bytes, false));
        return known.orElseGet(() -> compiled(source, defines));
    }

    /** Whether there is something to compile with. */
    boolean canCompile() {
        return nvrtc.isPresent();
    }

    /** As {@link #image}, compiled anew whatever is known: for an image that the driver refused. */
    Image freshImage(String file, List<String> defines) {
        return compiled(KernelSource.of(file), defines);
    }

    /**
     * Makes sure that kernels can be had at all.
     *
     * @param sample a variant that every build of ready-made kernels has
     * @throws CudaUnavailableException when not; says what is missing and what to do
     */
    void requireSource(KernelVariant sample) {
        if (nvrtc.isPresent()) {
            architecture(nvrtc.get());
            return;
        }
        KernelSource source = KernelSource.of(sample.file());
        if (readyMade.find(source, sample.defines(), gpu).isEmpty()) {
            throw missing(source, sample.defines());
        }
    }

    private Image compiled(KernelSource source, List<String> defines) {
        Nvrtc compiler = nvrtc.orElseThrow(() -> missing(source, defines));
        byte[] image = compile(compiler, source, options(architecture(compiler), defines))
                .image();
        cache.put(cacheKey(compiler, source, defines), image);
        return new Image(image, true);
    }

    /** Compiles without looking for what is known. */
    static Nvrtc.Compiled compile(Nvrtc compiler, KernelSource source, List<String> options) {
        return compiler.compile("kernels/" + source.file(), source.text(), source.headers(), options);
    }

    private String cacheKey(Nvrtc compiler, KernelSource source, List<String> defines) {
        List<String> others = new ArrayList<>(options(architecture(compiler), defines));
        others.add(compiler.version());
        return source.key(others);
    }

    private GpuArchitecture architecture(Nvrtc compiler) {
        List<Integer> known = compiler.capabilities();
        return GpuArchitecture.nearest(gpu, known)
                .orElseThrow(() -> new CudaUnavailableException(
                        "NVRTC " + compiler.version() + " does not know this GPU",
                        "it compiles for compute capability " + known + ", not for " + gpu
                                + "; install a newer CUDA toolkit or Python package nvidia-cuda-nvrtc"));
    }

    private CudaUnavailableException missing(KernelSource source, List<String> defines) {
        return new CudaUnavailableException(
                "no kernels for this GPU",
                new KernelVariant("kernels/" + source.file(), defines)
                        + " has no ready-made image for compute capability " + gpu / 10 + "." + gpu % 10
                        + ", and there is no NVRTC to compile it: " + withoutNvrtc);
    }
}
