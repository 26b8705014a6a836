package dev.darkroom.portable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** Copies a jar without compression, which the archive does better over all jars at once, and without what nobody loads. */
final class SlimJar {
    /** Names of entries that are left out. */
    private static final List<Pattern> NEEDLESS = List.of(
            Pattern.compile(
                    "lib/libJNvPTXCompiler-.*\\.so"), // JCuda's compiler of PTX, 24 MB; kernels are compiled by NVRTC
            Pattern.compile("org/bytedeco/.*/include/.*"), // C headers
            Pattern.compile("META-INF/native-image/.*"));

    private SlimJar() {}

    /** Entries keep their order, and their times, by which JavaCPP knows whether it has unpacked a library before. */
    static void write(Path jar, Path copy) throws IOException {
        try (ZipFile in = new ZipFile(jar.toFile());
                ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(copy))) {
            for (ZipEntry entry : in.stream().filter(SlimJar::isNeeded).toList()) {
                byte[] bytes = in.getInputStream(entry).readAllBytes();
                ZipEntry stored = new ZipEntry(entry);
                stored.setMethod(ZipEntry.STORED);
                stored.setSize(bytes.length);
                stored.setCompressedSize(bytes.length);
                out.putNextEntry(stored);
                out.write(bytes);
                out.closeEntry();
            }
        }
    }

    private static boolean isNeeded(ZipEntry entry) {
        return NEEDLESS.stream()
                .noneMatch(needless -> needless.matcher(entry.getName()).matches());
    }
}
