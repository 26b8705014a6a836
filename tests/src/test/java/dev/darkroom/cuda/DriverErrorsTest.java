package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareFaults.Call;
import dev.darkroom.cuda.bind.CudaException;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.DeviceException;
import dev.darkroom.tensor.DeviceLostException;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import jcuda.driver.CUresult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every code of CUresult at every kind of call: what is thrown, what it says, and what the device does afterwards. */
@Tag("software-cuda")
@DisplayName("An error of the CUDA driver")
class DriverErrorsTest {
    private static final int OUT_OF_MEMORY = 2;
    private static final int UNKNOWN_TO_US = 12345;

    /** Codes after which the driver's manual sends for a new process, or which say that the GPU is out of reach. */
    private static final Set<Integer> TAKE_THE_DEVICE = Set.of(
            3,
            4,
            34,
            46,
            100,
            101,
            102,
            201,
            214,
            220,
            226,
            700,
            702,
            709,
            710,
            714,
            715,
            716,
            717,
            718,
            719,
            721,
            802,
            803,
            804,
            805,
            806,
            807,
            808,
            809,
            810,
            911,
            916,
            999,
            UNKNOWN_TO_US);

    private SoftwareFaults faults;
    private long before;

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    @BeforeEach
    void noFaults() {
        faults = SoftwareFaults.open();
        faults.reset();
        before = faults.liveBytes();
    }

    @AfterEach
    void everythingWasGivenBack() {
        faults.reset();
        assertEquals(before, faults.liveBytes());
    }

    private static Set<Integer> codes() throws IllegalAccessException {
        Set<Integer> codes = new TreeSet<>(Set.of(226, 721, 913, 914, 915, 916, UNKNOWN_TO_US));
        for (Field field : CUresult.class.getFields()) {
            codes.add(field.getInt(null));
        }
        codes.remove(CUresult.CUDA_SUCCESS);
        assertTrue(codes.size() > 95, codes.size() + " codes");
        return codes;
    }

    /** One call of each kind on a device that has loaded the kernel already, unless that is what is to fail. */
    private static void call(Call kind, CudaDevice device, Scope scope, Tensor x) {
        switch (kind) {
            case ALLOCATION -> scope.allocate(Shape.of(4 << 20), DType.F32);
            case LAUNCH, MODULE -> device.ops(scope).scale(x, 2);
            case COPY, EVENT -> device.ops(scope).upload(Shape.of(1), 1f);
            case WAIT -> device.synchronize();
            default -> throw new IllegalArgumentException(kind + " is made at other times");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ALLOCATION", "LAUNCH", "COPY", "WAIT", "EVENT", "MODULE"})
    void failsTheRequestOrTheDevice(Call kind) throws IllegalAccessException {
        CudaDevice device = CudaDevice.open(0, /* poison= */ true);
        for (int code : codes()) {
            boolean lost = TAKE_THE_DEVICE.contains(code);
            if (kind == Call.MODULE) { // modules are loaded once: a device for each code, and of the codes every third
                if (code > 4 && code % 3 != 0) {
                    continue;
                }
                device.close();
                device = CudaDevice.open(0, /* poison= */ true);
            }
            try (Scope scope = Scope.open(device, "request")) {
                Tensor x = device.ops(scope).upload(Shape.of(2), 1f, 2f);
                if (kind != Call.MODULE) {
                    device.ops(scope).scale(x, 1);
                }
                device.pool().releaseCache();
                CudaDevice used = device;
                Executable call = () -> call(kind, used, scope, x);
                faults.fail(kind, 1, code);
                if (code == OUT_OF_MEMORY && kind != Call.WAIT && kind != Call.EVENT) {
                    assertDoesNotThrow(call, "the cache is given back and the call made once more");
                    continue;
                }
                if (kind == Call.MODULE && ModuleLoader.REFUSALS.contains(code)) {
                    assertDoesNotThrow(call, "the kept image is compiled anew");
                    continue;
                }
                Class<? extends DeviceException> type = lost
                        ? DeviceLostException.class
                        : code == OUT_OF_MEMORY ? OutOfDeviceMemoryException.class : DeviceException.class;
                DeviceException failure = assertThrows(type, call, kind + " " + code);
                assertEquals(type, failure.getClass(), kind + " " + code);
                assertEquals(
                        code,
                        assertInstanceOf(CudaException.class, failure.getCause())
                                .code());
                if (code != OUT_OF_MEMORY) {
                    says(
                            failure,
                            "device cuda:0",
                            " failed with ",
                            "(" + code + ")",
                            kind == Call.MODULE ? "no kernel" : "pointwise/unary");
                }
                if (lost) {
                    refusesEverything(device, scope, x, failure);
                } else {
                    assertArrayEquals(
                            new float[] {3, 6}, device.ops(scope).scale(x, 3).toHost(), kind + " " + code);
                }
            }
            if (lost) {
                faults.reset(); // of the software GPU; the device stays lost
                device.close();
                assertEquals(before, faults.liveBytes(), "bytes kept after " + kind + " " + code);
                device = CudaDevice.open(0, /* poison= */ true);
            }
        }
        device.close();
    }

    private static void refusesEverything(CudaDevice device, Scope scope, Tensor x, DeviceException first) {
        says(first, "device cuda:0 is lost: ", "start a new one");
        for (Executable use : new Executable[] {
            () -> device.ops(scope), device::synchronize, x::toHost, () -> scope.allocate(Shape.of(64 << 20), DType.F32)
        }) {
            DeviceLostException again = assertThrows(DeviceLostException.class, use);
            assertEquals(first.getMessage(), again.getMessage());
        }
    }

    private static void says(Exception e, String... parts) {
        for (String part : parts) {
            assertTrue(String.valueOf(e.getMessage()).contains(part), part + " is not in: " + e.getMessage());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ALLOCATION", "LAUNCH", "COPY", "MODULE"})
    void ofMemoryThatStaysAwayNamesSizesAndScopes(Call kind) {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true);
                Scope scope = Scope.open(device, "request")) {
            Tensor x = device.ops(scope).upload(Shape.of(2), 1f, 2f);
            faults.fail(kind, 1, OUT_OF_MEMORY);
            faults.fail(kind, 2, OUT_OF_MEMORY);
            OutOfDeviceMemoryException e =
                    assertThrows(OutOfDeviceMemoryException.class, () -> call(kind, device, scope, x));
            says(
                    e,
                    "device cuda:0 has no room for ",
                    "are in use of ",
                    "most by the scopes \"request\" ",
                    "smaller size");
            assertArrayEquals(new float[] {3, 6}, device.ops(scope).scale(x, 3).toHost());
        }
    }

    /** Opening a device makes 6 allocations, 2 streams and 6 events; whichever fails, with whatever code, nothing is left behind. */
    @ParameterizedTest
    @EnumSource(names = {"ALLOCATION", "STREAM", "EVENT"})
    void whileADeviceIsOpenedLeavesNothingBehind(Call kind) {
        faults.reset();
        CudaDevice.open(0, /* poison= */ false).close();
        int calls = kind == Call.STREAM ? 2 : 6;
        assertTrue(faults.count(kind) >= calls, faults.count(kind) + " calls");
        for (int n = 1; n <= calls; n++) {
            for (int code : new int[] {OUT_OF_MEMORY, 1, 700}) {
                faults.reset();
                faults.fail(kind, n, code);
                faults.fail(kind, n + 1, code); // once more after the cache was given back
                DeviceException e = assertThrows(
                        DeviceException.class, () -> CudaDevice.open(0, /* poison= */ false), kind + " " + n);
                assertEquals(code == 700, e instanceof DeviceLostException);
                assertEquals(code == OUT_OF_MEMORY, e instanceof OutOfDeviceMemoryException);
                if (code != 700) { // what lies in a broken context goes with its last holder
                    assertEquals(before, faults.liveBytes(), kind + " " + n + " with " + code);
                }
            }
        }
        faults.reset();
    }

    /** Memory for the partial sums of a split product is taken when half of the kernel's arguments are written. */
    @Test
    void betweenTheArgumentsOfAKernelLeavesNoneBehind() {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true);
                Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            int depth = 4096; // is split
            float[] ones = new float[depth];
            Arrays.fill(ones, 1);
            Tensor x = ops.upload(Shape.of(1, depth), ones);
            LinearWeight weight = ops.linearWeight(HostTensor.of("ones", Shape.of(1, depth), ones), null, DType.F32);
            ops.linear(x, weight);
            device.pool().setDirect(true);
            faults.reset();
            ops.linear(x, weight);
            assertEquals(2, faults.count(Call.ALLOCATION), "allocations of a split product");
            faults.fail(Call.ALLOCATION, 2, OUT_OF_MEMORY);
            faults.fail(Call.ALLOCATION, 3, OUT_OF_MEMORY);
            assertThrows(OutOfDeviceMemoryException.class, () -> ops.linear(x, weight));
            assertArrayEquals(new float[] {depth}, ops.linear(x, weight).toHost());
        }
    }

    @Test
    void ofAKernelThatReadsWhatIsNotItsOwnNamesIt() {
        CudaDevice device = CudaDevice.open(0, /* poison= */ true);
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            Tensor table = ops.upload(Shape.of(2, 4), new float[8]);
            ops.embedding(ops.upload(Shape.of(1), 1 << 30), table);
            DeviceLostException e = assertThrows(DeviceLostException.class, device::synchronize);
            says(
                    e,
                    "cuStreamSynchronize failed with CUDA_ERROR_ILLEGAL_ADDRESS (700)",
                    "movement/gather",
                    "start a new one");
            assertTrue(faults.message().contains("gather"), faults.message());
            faults.reset();
        }
        device.close();
    }

    @Test
    void comesToNobodyWhereADeviceGoesFromThreadToThread() throws InterruptedException, ExecutionException {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true)) {
            ExecutorService other = Executors.newSingleThreadExecutor();
            try (Scope scope = Scope.open(device, "request")) {
                Tensor x = other.submit(() -> device.ops(scope).upload(Shape.of(2), 1f, 2f))
                        .get();
                Tensor y = device.ops(scope).scale(x, 2);
                assertArrayEquals(new float[] {2, 4}, other.submit(y::toHost).get());
            } finally {
                other.shutdown();
            }
        }
    }

    @Test
    void thatShowsAtAFreeIsToldAtTheNextUse() {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ true)) {
            try (Scope scope = Scope.open(device, "request")) {
                scope.allocate(Shape.of(4 << 20), DType.F32);
            }
            faults.fail(Call.FREE, 1, 719);
            device.pool().releaseCache();
            DeviceLostException e = assertThrows(DeviceLostException.class, device::synchronize);
            says(e, "cuMemFree failed with CUDA_ERROR_LAUNCH_FAILED (719)");
            faults.reset();
        }
    }

    @Test
    void thatShowsAsTheDeviceIsClosedIsToldThen() {
        CudaDevice device = CudaDevice.open(0, /* poison= */ true);
        try (Scope scope = Scope.open(device, "request")) {
            scope.allocate(Shape.of(4 << 20), DType.F32);
        }
        faults.fail(Call.WAIT, 1, 719);
        assertThrows(DeviceLostException.class, device::close);
    }

    @Test
    void aFreeThatIsRefusedLosesNothing() {
        try (CudaDevice device = CudaDevice.open(0, /* poison= */ false)) {
            device.pool().setCacheLimit(0);
            Scope scope = Scope.open(device, "request");
            scope.allocate(Shape.of(4 << 20), DType.F32);
            scope.allocate(Shape.of(8 << 20), DType.F32);
            faults.fail(Call.FREE, 1, 1);
            DeviceException e = assertThrows(DeviceException.class, scope::close);
            says(e, "cuMemFree failed with CUDA_ERROR_INVALID_VALUE (1)");
            assertFalse(e instanceof DeviceLostException);
            assertEquals(0, device.pool().statistics().live());
            device.pool().releaseCache();
            assertEquals(0, device.pool().statistics().cached());
        }
    }
}
