package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.DeviceException;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Recording;
import dev.darkroom.tensor.RecordingStatistics;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("software-cuda")
@DisplayName("A recording on the cuda device")
class RecordingTest {
    private static final int OUT_OF_MEMORY = 2;
    private static final int LAUNCH_OUT_OF_RESOURCES = 701; // does not kill the context
    private static final int SIZE = 300;

    private static CudaDevice device;
    private static SoftwareFaults faults;
    private final Object key = new Object();
    private RecordingStatistics before;

    @BeforeAll
    static void openTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        device = CudaDevice.open(0, /* poison= */ true);
        faults = SoftwareFaults.open();
    }

    @AfterAll
    static void closeIt() {
        if (device != null) {
            device.close(); // throws when a tensor is still alive
        }
    }

    @BeforeEach
    void startCounting() {
        before = device.recordings();
    }

    @AfterEach
    void nothingIsLeftAlive() {
        faults.reset();
        assertEquals(0, device.pool().statistics().live());
    }

    /** Two results of which the second is made in an inner scope: constant · x + x, and silu of it. */
    private static List<Tensor> body(Ops ops, List<Tensor> constants, List<Tensor> inputs) {
        Tensor x = inputs.get(0);
        Tensor y = ops.add(ops.mul(x, constants.get(0)), x);
        return List.of(y, ops.scoped("inner", s -> s.silu(s.scale(s.scale(y, 2), 0.5f))));
    }

    private static Tensor values(Ops ops, int seed, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) Math.sin(i + seed);
        }
        return ops.upload(Shape.of(1, size), values);
    }

    /** Runs recordings in a scope of their own, on inputs of seeds {@code first} to {@code last}, and compares each with a direct run. */
    private void check(int constantSeed, int size, int first, int last) {
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            List<Tensor> constants = List.of(values(ops, constantSeed, size));
            Recording recording = ops.recording("step", key, constants, RecordingTest::body);
            for (int seed = first; seed <= last; seed++) {
                List<Tensor> inputs = List.of(values(ops, seed, size));
                List<Tensor> expected = body(ops, constants, inputs);
                List<Tensor> given = recording.run(ops, inputs);
                assertEquals(expected.size(), given.size());
                for (int i = 0; i < given.size(); i++) {
                    assertArrayEquals(expected.get(i).toHost(), given.get(i).toHost(), "result " + i + " of " + seed);
                }
            }
        }
    }

    private void assertRuns(int direct, int recorded, int replayed) {
        assertEquals(
                new RecordingStatistics(direct, recorded, replayed),
                device.recordings().since(before));
    }

    @Test
    void runsDirectlyThenRecordsThenReplays() {
        check(100, SIZE, 1, 5);
        assertRuns(1, 1, 3);
    }

    @Test
    void isReplayedByALaterRequestWithOtherConstants() {
        check(100, SIZE, 1, 3);
        check(200, SIZE, 4, 6);
        assertRuns(1, 1, 4);
    }

    @Test
    void isAnotherForAnotherShape() {
        check(100, SIZE, 1, 2);
        check(100, 2 * SIZE, 1, 2);
        check(100, SIZE, 3, 3);
        assertRuns(2, 2, 1);
        assertTrue(
                device.pool().statistics().cached() <= 4 << 20,
                "both share their memory: a piece, and a segment of small tensors");
    }

    @Test
    void isMadeAnewWhereItsMemoryIsTaken() {
        check(100, SIZE, 1, 3);
        try (Scope other = Scope.open(device, "other")) {
            long reservations = device.pool().statistics().reservations();
            while (device.pool().statistics().reservations() == reservations) {
                other.allocate(Shape.of(2 << 20), DType.U8); // takes what is cached
            }
            check(200, SIZE, 4, 6);
        }
        assertRuns(1, 2, 3);
    }

    @Test
    void isMadeAnewAfterTheCacheWasGivenBack() {
        check(100, SIZE, 1, 3);
        device.pool().releaseCache();
        check(200, SIZE, 4, 6);
        assertRuns(1, 2, 3);
    }

    @Test
    void runsDirectlyWhileScopesAreObserved() {
        device.observe((path, tensor) -> {});
        try {
            check(100, SIZE, 1, 3);
        } finally {
            device.observe(null);
        }
        assertRuns(3, 0, 0);
    }

    static Stream<Arguments> forbidden() {
        return Stream.of(
                Arguments.of("reading values", (Consumer<Ops>)
                        ops -> ops.scope().allocate(Shape.of(4), DType.F32).toHost()),
                Arguments.of("waiting for the device", (Consumer<Ops>) ops -> device.synchronize()),
                Arguments.of("an upload", (Consumer<Ops>) ops -> ops.upload(Shape.of(1), 1f)),
                Arguments.of("loading kernel", (Consumer<Ops>) ops -> {
                    Tensor x = ops.scope().allocate(Shape.of(4), DType.F16);
                    ops.gelu(x);
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("forbidden")
    void saysWhereItCannotBeRecorded(String what, Consumer<Ops> act) {
        int[] runs = new int[1];
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            Recording recording = ops.recording(
                    "step",
                    key,
                    List.of(),
                    (s, constants, inputs) -> List.of(s.scoped("inner", t -> {
                        if (runs[0]++ == 1) {
                            act.accept(t);
                        } else { // the same blocks
                            t.scope().allocate(Shape.of(4), DType.F32);
                            t.scope().allocate(Shape.of(4), DType.F32);
                        }
                        return t.scale(inputs.get(0), 3);
                    })));
            List<Tensor> inputs = List.of(values(ops, 1, SIZE));
            float[] expected = recording.run(ops, inputs).get(0).toHost();
            IllegalStateException refusal = assertThrows(IllegalStateException.class, () -> recording.run(ops, inputs));
            String message = String.valueOf(refusal.getMessage());
            assertTrue(message.startsWith(what) && message.contains("at request/step"), message);
            for (int i = 0; i < 3; i++) { // the device goes on
                assertArrayEquals(expected, recording.run(ops, inputs).get(0).toHost());
            }
        }
        assertRuns(1, 1, 2);
    }

    static Stream<Arguments> firstRuns() {
        return Stream.of(
                Arguments.of("another block", (UnaryOperator<Ops>) ops -> {
                    ops.scope().allocate(Shape.of(4 * SIZE), DType.F32);
                    return ops;
                }),
                Arguments.of("a block that is released earlier", (UnaryOperator<Ops>) ops -> {
                    ops.scoped("early", s -> s.scale(s.scope().allocate(Shape.of(1, SIZE), DType.F32), 2));
                    return ops;
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("firstRuns")
    void isMeasuredAgainWhenItsFirstRunMadeWhatItDoesNotMakeAgain(String what, UnaryOperator<Ops> first) {
        boolean[] made = new boolean[1];
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            Recording recording = ops.recording("step", key, List.of(), (s, constants, inputs) -> {
                Ops t = made[0] ? s : first.apply(s);
                made[0] = true;
                Tensor x = t.scale(inputs.get(0), 2);
                Tensor y = t.silu(x);
                return List.of(t.add(t.mul(x, y), y));
            });
            List<Tensor> inputs = List.of(values(ops, 1, SIZE));
            float[] expected = recording.run(ops, inputs).get(0).toHost();
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(expected, recording.run(ops, inputs).get(0).toHost());
            }
        }
        assertRuns(2, 1, 1);
    }

    /** Every launch of the run that records, and of the one that replays, fails once. */
    @Test
    void survivesAFailedLaunch() {
        for (int n = 1; n <= 6; n++) {
            Object own = new Object();
            try (Scope scope = Scope.open(device, "request")) {
                Ops ops = device.ops(scope);
                List<Tensor> constants = List.of(values(ops, 7, SIZE));
                List<Tensor> inputs = List.of(values(ops, 1, SIZE));
                Recording recording = ops.recording("step", own, constants, RecordingTest::body);
                float[] expected = recording.run(ops, inputs).get(1).toHost();
                faults.fail(SoftwareFaults.Call.LAUNCH, n, LAUNCH_OUT_OF_RESOURCES);
                DeviceException failure =
                        assertThrows(DeviceException.class, () -> recording.run(ops, inputs), "launch " + n);
                assertTrue(
                        String.valueOf(failure.getMessage()).contains("(" + LAUNCH_OUT_OF_RESOURCES + ")"),
                        failure.getMessage());
                for (int i = 0; i < 2; i++) {
                    assertArrayEquals(
                            expected, recording.run(ops, inputs).get(1).toHost());
                }
            }
            assertEquals(0, device.pool().statistics().live());
        }
    }

    @Test
    void runsDirectlyWhereThereIsNoPieceOfMemoryForIt() {
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            List<Tensor> constants = List.of(values(ops, 7, SIZE));
            List<Tensor> inputs = List.of(values(ops, 1, SIZE));
            Recording recording = ops.recording("step", key, constants, (s, c, in) -> {
                Tensor large = s.scope().allocate(Shape.of(3 << 20), DType.U8);
                return List.of(body(s, c, in).get(0), large.part(0, Shape.of(1), DType.U8));
            });
            float[] expected = recording.run(ops, inputs).get(0).toHost();
            faults.fail(SoftwareFaults.Call.ALLOCATION, 1, OUT_OF_MEMORY);
            faults.fail(SoftwareFaults.Call.ALLOCATION, 2, OUT_OF_MEMORY);
            assertArrayEquals(expected, recording.run(ops, inputs).get(0).toHost());
            assertArrayEquals(expected, recording.run(ops, inputs).get(0).toHost());
        }
        assertRuns(3, 0, 0);
    }
}
