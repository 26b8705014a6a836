package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.darkroom.tensor.HostTensor;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.function.Executable;

/** The reference data of these tests, and comparisons of weights bit by bit. */
public final class ReferenceFiles {
    private static final Path ROOT = Path.of(System.getProperty("darkroom.root"));

    private ReferenceFiles() {}

    /** A file or folder of the copy that lies in the repository. */
    public static Path of(String path) {
        return ROOT.resolve("tests/reference").resolve(path);
    }

    /** A file of the whole reference set, which lies beside the project or nowhere: then the test is skipped. */
    public static Path ofWholeSet(String path) {
        Path file = ROOT.resolve("../shared/reference").resolve(path);
        Assumptions.assumeTrue(Files.exists(file), () -> "the whole reference set is not here: " + file);
        return file;
    }

    /** Asserts that both have the same names, shapes, types and bytes. */
    public static void assertSame(WeightSource expected, WeightSource actual) {
        assertEquals(Set.of(), without(expected.names(), actual.names()), "missing");
        assertEquals(Set.of(), without(actual.names(), expected.names()), "not expected");
        for (String name : expected.names()) {
            assertSame(name, expected.get(name), actual.get(name));
        }
    }

    private static Set<String> without(Set<String> names, Set<String> others) {
        Set<String> rest = new TreeSet<>(names);
        rest.removeAll(others);
        return rest;
    }

    /** Asserts that both have the same shape, type and bytes. */
    public static void assertSame(String name, HostTensor expected, HostTensor actual) {
        assertEquals(expected.shape(), actual.shape(), name);
        assertEquals(expected.dtype(), actual.dtype(), name);
        assertArrayEquals(bytes(expected), bytes(actual), name);
    }

    /** The message of the {@link WeightsException} that {@code action} throws. */
    public static String refusal(Executable action) {
        return String.valueOf(assertThrows(WeightsException.class, action).getMessage());
    }

    /** The bytes of a tensor. */
    public static byte[] bytes(HostTensor tensor) {
        byte[] bytes = new byte[(int) tensor.byteSize()];
        tensor.read((ByteBuffer content) -> content.get(bytes));
        return bytes;
    }
}
