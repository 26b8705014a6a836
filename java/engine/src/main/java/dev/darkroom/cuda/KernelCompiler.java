package dev.darkroom.cuda;

import dev.darkroom.cuda.bind.CudaRuntime;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;

/** Turns the sources in kernels/ into images that the driver loads, or takes them from the cache. */
final class KernelCompiler {
    private static final Pattern INCLUDE = Pattern.compile("^#include \"([a-z_]+\\.cuh)\"", Pattern.MULTILINE);

    private final CudaRuntime runtime;
    private final CubinCache cache;

    KernelCompiler(CudaRuntime runtime, CubinCache cache) {
        this.runtime = runtime;
        this.cache = cache;
    }

    /**
     * The image of a source.
     *
     * @param file       in kernels/
     * @param defines    such as {@code T=f16}
     * @param capability of the GPU, such as 80
     * @throws IllegalStateException when the source has an error; the message is the compiler's log
     */
    byte[] compile(String file, List<String> defines, int capability) {
        String version = runtime.nvrtcVersion()
                .orElseThrow(() -> new CudaUnavailableException(
                        "no NVRTC was found",
                        "kernels/" + file
                                + " cannot be compiled without libnvrtc.so.12 or libnvrtc.so.13; install the CUDA"
                                + " toolkit, or the Python package nvidia-cuda-nvrtc"));
        Map<String, String> headers = new LinkedHashMap<>();
        String source = read(file);
        collectHeaders(source, headers);
        // Functions without a word of where they run, such as lambdas, are the device's.
        List<String> options =
                new ArrayList<>(List.of("--gpu-architecture=sm_" + capability, "--std=c++17", "-default-device"));
        defines.forEach(define -> options.add("-D" + define));

        List<String> inputs = new ArrayList<>(List.of(version, file, source));
        inputs.addAll(headers.values());
        inputs.addAll(options);
        String key = CubinCache.key(inputs);
        return cache.get(key).orElseGet(() -> {
            byte[] image = compile(file, source, headers, options);
            cache.put(key, image);
            return image;
        });
    }

    private static byte[] compile(String file, String source, Map<String, String> headers, List<String> options) {
        nvrtcProgram program = new nvrtcProgram();
        check(JNvrtc.nvrtcCreateProgram(
                program,
                source,
                file,
                headers.size(),
                headers.values().toArray(String[]::new),
                headers.keySet().toArray(String[]::new)));
        try {
            int code = JNvrtc.nvrtcCompileProgram(program, options.size(), options.toArray(String[]::new));
            if (code != nvrtcResult.NVRTC_SUCCESS) {
                String[] log = new String[1];
                check(JNvrtc.nvrtcGetProgramLog(program, log));
                throw new IllegalStateException("kernels/" + file + " with " + options + ":\n" + log[0]);
            }
            long[] size = new long[1];
            check(JNvrtc.nvrtcGetCUBINSize(program, size));
            byte[] image = new byte[Math.toIntExact(size[0])];
            check(JNvrtc.nvrtcGetCUBIN(program, image));
            return image;
        } finally {
            check(JNvrtc.nvrtcDestroyProgram(program));
        }
    }

    private static void collectHeaders(String source, Map<String, String> headers) {
        Matcher matcher = INCLUDE.matcher(source);
        while (matcher.find()) {
            String name = matcher.group(1);
            if (!headers.containsKey(name)) {
                String header = read(name);
                headers.put(name, header);
                collectHeaders(header, headers);
            }
        }
    }

    private static String read(String file) {
        try (InputStream in = KernelCompiler.class.getResourceAsStream("/kernels/" + file)) {
            if (in == null) {
                throw new IllegalArgumentException("there is no kernels/" + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("kernels/" + file + " cannot be read", e);
        }
    }

    private static void check(int code) {
        if (code != nvrtcResult.NVRTC_SUCCESS) {
            throw new IllegalStateException("NVRTC: " + nvrtcResult.stringFor(code));
        }
    }
}
