package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** By the CUDA C++ Programming Guide, "Binary Compatibility" and "Architecture-Specific Features". */
@DisplayName("Which images run on which GPU")
class GpuArchitectureTest {

    @ParameterizedTest(name = "capability {0}: {1}")
    @CsvSource({
        "75, ''",
        "80, sm_80",
        "86, sm_86 sm_80",
        "87, sm_86 sm_80",
        "89, sm_89 sm_86 sm_80",
        "90, sm_90a",
        "100, sm_100",
        "103, sm_100",
        "120, sm_120",
        "121, sm_120"
    })
    void readyMadeOnesTheNearestFirst(int gpu, String expected) {
        String found = GpuArchitecture.readyMadeFor(gpu).stream()
                .map(GpuArchitecture::toString)
                .collect(Collectors.joining(" "));
        assertEquals(expected, found);
    }

    @Test
    void neitherOnOlderOnesNorOnAnotherGeneration() {
        for (int[] pair : new int[][] {{86, 80}, {80, 90}, {75, 80}, {120, 100}, {100, 120}, {120, 121}}) {
            assertEquals(
                    pair[1] == 121, GpuArchitecture.of(pair[0]).runsOn(pair[1]), () -> "sm_" + Arrays.toString(pair));
        }
    }

    @Test
    void featuresOfHopperRunOnHopperAlone() {
        GpuArchitecture hopper = new GpuArchitecture(90, true);
        assertEquals(
                List.of(90),
                List.of(80, 90, 91, 100).stream().filter(hopper::runsOn).toList());
    }

    @ParameterizedTest(name = "for {0} with a compiler for {1}: {2}")
    @CsvSource({
        "80, 75 80 90, sm_80",
        "86, 75 80 90, sm_80",
        "89, 75 80 86 89 90, sm_89",
        "90, 75 80 90, sm_90a",
        "100, 75 80 90, none", // NVRTC 12.6 and a Blackwell
        "120, 90 100, none"
    })
    void compiledForTheNearestThatTheCompilerKnows(int gpu, String known, String expected) {
        List<Integer> capabilities =
                Arrays.stream(known.split(" ")).map(Integer::valueOf).toList();
        assertEquals(
                expected,
                GpuArchitecture.nearest(gpu, capabilities)
                        .map(GpuArchitecture::toString)
                        .orElse("none"));
    }
}
