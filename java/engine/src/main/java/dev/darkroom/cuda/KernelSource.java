package dev.darkroom.cuda;

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

/**
 * A file of {@code kernels/} with the headers it includes.
 *
 * @param file    its name
 * @param text    its content
 * @param headers the contents of the headers by name, in the order in which they are first included
 */
record KernelSource(String file, String text, Map<String, String> headers) {
    private static final Pattern INCLUDE = Pattern.compile("^#include \"([a-z_]+\\.cuh)\"", Pattern.MULTILINE);

    /** Reads a file of the class path. */
    static KernelSource of(String file) {
        String text = read(file);
        Map<String, String> headers = new LinkedHashMap<>();
        collectHeaders(text, headers);
        return new KernelSource(file, text, headers);
    }

    /** A key of what is compiled: the source, its headers and {@code others}, such as options and versions. */
    String key(List<String> others) {
        List<String> inputs = new ArrayList<>(others);
        inputs.add(file);
        inputs.add(text);
        inputs.addAll(headers.values());
        return CubinCache.key(inputs);
    }

    private static void collectHeaders(String text, Map<String, String> headers) {
        Matcher matcher = INCLUDE.matcher(text);
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
        try (InputStream in = KernelSource.class.getResourceAsStream("/kernels/" + file)) {
            if (in == null) {
                throw new IllegalArgumentException("there is no kernels/" + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("kernels/" + file + " cannot be read", e);
        }
    }
}
