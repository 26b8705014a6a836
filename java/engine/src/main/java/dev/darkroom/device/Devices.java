package dev.darkroom.device;

import dev.darkroom.cpu.CpuDevice;
import dev.darkroom.cpu.CpuUnavailableException;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import java.util.List;

/** The devices of this machine. */
public final class Devices {
    private static final String NO_CUDA = "this version has no CUDA device yet";

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
     * @param spec    {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
     * @param threads threads of the CPU device; 0 for as many as there are cores
     * @throws DeviceUnavailableException when that device cannot be had; another is never taken in its place
     */
    public static Device open(String spec, int threads) {
        return switch (spec) {
            case "auto", "cpu" -> openCpu(threads); // auto prefers a GPU as soon as there is a device for it
            default -> {
                if (spec.matches("cuda(:\\d+)?")) {
                    throw new DeviceUnavailableException(
                            "device " + spec + ": " + NO_CUDA + "; use --device cpu, or auto");
                }
                throw new DeviceUnavailableException(
                        "there is no device \"" + spec + "\"; known are auto, cpu, cuda and cuda:N");
            }
        };
    }

    /** A device that computes nothing, for predictions; {@code dtype} is what it is asked about. */
    public static DryDevice dry(DType dtype) {
        return new DryDevice(dtype);
    }

    /** Every kind of device, available or not. */
    public static List<Finding> survey(int threads) {
        return List.of(surveyCpu(threads), new Finding("cuda", false, NO_CUDA));
    }

    private static Finding surveyCpu(int threads) {
        try (Device cpu = openCpu(threads)) {
            return new Finding("cpu", true, cpu.description());
        } catch (DeviceUnavailableException e) {
            return new Finding("cpu", false, String.valueOf(e.getMessage()));
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
