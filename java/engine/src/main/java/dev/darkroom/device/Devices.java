package dev.darkroom.device;

import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.cpu.CpuUnavailableException;
import dev.darkroom.cuda.CudaDevice;
import dev.darkroom.cuda.bind.CudaException;
import dev.darkroom.cuda.bind.CudaUnavailableException;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.DeviceException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The devices of this machine. */
public final class Devices {
    private static final System.Logger LOGGER = System.getLogger(Devices.class.getName());
    private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,4}))?");

    private Devices() {}

    /**
     * What is known of a device without computing on it.
     *
     * @param name        as {@link #open} takes it
     * @param available   whether it can be opened
     * @param description what it is, or why it cannot be opened and what to do
     */
    public record Finding(String name, boolean available, String description) {}

    /**
     * Opens a device.
     *
     * @param spec    {@code cpu}, {@code cuda}, {@code cuda:N}, or {@code auto}: the first GPU, else the processor with a line in the log
     *                that says why
     * @param threads threads of the CPU device; 0 for as many as there are cores
     * @throws DeviceUnavailableException when that device cannot be had; another is never taken in its place
     */
    public static Device open(String spec, int threads) {
        Matcher cuda = CUDA.matcher(spec);
        if (cuda.matches()) {
            return openCuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
        }
        return switch (spec) {
            case "auto" -> openPreferred(threads);
            case "cpu" -> openCpu(threads);
            default ->
                throw new DeviceUnavailableException(
                        "there is no device \"" + spec + "\"; known are auto, cpu, cuda and cuda:N");
        };
    }

    /** The first GPU, or the processor with a line that says why. */
    private static Device openPreferred(int threads) {
        try {
            return CudaDevice.open(0, /* poison= */ false);
        } catch (CudaUnavailableException e) {
            LOGGER.log(System.Logger.Level.INFO, "computing on the cpu: {0}", e.summary());
            return openCpu(threads);
        } catch (CudaException | DeviceException e) {
            LOGGER.log(System.Logger.Level.INFO, "computing on the cpu: {0}", e.getMessage());
            return openCpu(threads);
        }
    }

    /** A device that computes nothing, for predictions; {@code dtype} is what it is asked about. */
    public static DryDevice dry(DType dtype) {
        return new DryDevice(dtype);
    }

    /** Every kind of device, available or not. */
    public static List<Finding> survey(int threads) {
        return List.of(survey("cpu", () -> openCpu(threads)), survey("cuda", () -> openCuda(0)));
    }

    /** What there is of CUDA, part for part. */
    public static CudaSurvey surveyCuda() {
        return CudaSurvey.ofThisMachine();
    }

    private static Finding survey(String name, Supplier<Device> opener) {
        try (Device device = opener.get()) {
            return new Finding(name, true, device.description());
        } catch (DeviceUnavailableException e) {
            return new Finding(name, false, String.valueOf(e.getMessage()));
        }
    }

    /**
     * Times what could serve each product that {@code device} has computed since it was opened, and writes down what is fastest for the next time.
     *
     * @param file     the table to write; null for the one in the user's cache folder that is read when the device is opened
     * @param progress told a line for each product
     * @return the table that was written
     * @throws IllegalArgumentException when the device has no choice
     */
    public static Path tune(Device device, @Nullable Path file, Consumer<String> progress) {
        if (device instanceof CudaDevice cuda) {
            return cuda.tune(file, progress);
        }
        throw new IllegalArgumentException("there is nothing to tune on " + device.name()
                + ": only on a CUDA device several libraries serve a product");
    }

    private static Device openCuda(int ordinal) {
        try {
            return CudaDevice.open(ordinal, /* poison= */ false);
        } catch (CudaUnavailableException | CudaException | DeviceException e) {
            throw new DeviceUnavailableException("device cuda:" + ordinal + ": " + e.getMessage(), e);
        }
    }

    private static Device openCpu(int threads) {
        try {
            return threads == 0 ? CpuDevice.open() : CpuDevice.open(threads, false);
        } catch (CpuUnavailableException e) {
            throw new DeviceUnavailableException(String.valueOf(e.getMessage()), e);
        }
    }
}
