package dev.darkroom.tensor;

import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.cpu.CpuUnavailableException;
import dev.darkroom.cuda.CudaDevice;
import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The devices that compute, each with each type a layer may have; one that this machine lacks comes with the reason. */
final class Devices {
    /** Threads of the CPU device: more than one, so that work is divided, whatever the machine has. */
    private static final int THREADS = 2;

    private static final List<DType> TYPES = List.of(DType.F32, DType.BF16, DType.F16);
    private static final List<Subject> SUBJECTS = new ArrayList<>();

    /**
     * A device computing in a type.
     *
     * @param device  null where {@code absence} says why there is none
     */
    record Subject(String name, DType dtype, @Nullable Device device, String absence) {
        @Override
        public String toString() {
            return name + " in " + dtype;
        }
    }

    static {
        String only = SoftwareCuda.contractsDevice();
        if (SoftwareCuda.isAsked()) { // the processor has had its turn
            SoftwareCuda.build();
        } else if (only.isEmpty()) {
            add("cpu", () -> CpuDevice.open(THREADS, /* poison= */ true));
        }
        int ordinal = only.contains(":") ? Integer.parseInt(only.substring(only.indexOf(':') + 1)) : 0;
        add("cuda", () -> CudaDevice.open(ordinal, /* poison= */ true));
    }

    private Devices() {}

    /** All of them, present or not. */
    static Stream<Subject> all() {
        return SUBJECTS.stream();
    }

    /** Those that are present. */
    static Stream<Subject> present() {
        return SUBJECTS.stream().filter(subject -> subject.device() != null);
    }

    private static void add(String name, Supplier<Device> opener) {
        try {
            Device device = opener.get();
            TYPES.forEach(dtype -> SUBJECTS.add(subject(name, dtype, device)));
        } catch (CpuUnavailableException | CudaUnavailableException e) {
            SUBJECTS.add(new Subject(name, DType.F32, null, String.valueOf(e.getMessage())));
        }
    }

    private static Subject subject(String name, DType dtype, Device device) {
        try (Scope scope = Scope.open(device, "trial")) {
            device.ops(scope).upload(HostTensor.of("trial", Shape.of(1), 1f), dtype);
            return new Subject(name, dtype, device, "");
        } catch (IllegalArgumentException e) {
            return new Subject(name, dtype, null, String.valueOf(e.getMessage()));
        }
    }
}
