package dev.darkroom.cuda;

import java.util.Arrays;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/** How fast a GPU takes bytes from pinned host memory: what loading a model is measured against. */
public final class PinnedCopy {
    private static final int BYTES = 64 << 20; // long enough that starting a copy does not count
    private static final int COPIES = 8; // in a timing, one after the other
    private static final int TIMINGS = 5;

    private PinnedCopy() {}

    /** The median rate of several timings by events. @param device {@code cuda:N} */
    public static double bytesPerSecond(String device) {
        try (CudaDevice gpu = CudaDevice.open(Integer.parseInt(device.replaceAll("\\D", "")), /* poison= */ false)) {
            CudaStream stream = gpu.modules().stream();
            try (DriverResources resources = new DriverResources(stream);
                    StreamTimer timer = new StreamTimer(stream)) {
                Pointer pinned = new Pointer();
                DeviceAddress target = new DeviceAddress();
                resources.pinned(pinned, BYTES);
                resources.memory(target, BYTES);
                double[] rates = new double[TIMINGS];
                for (int i = -1; i < TIMINGS; i++) { // the first copies are slower
                    timer.start();
                    for (int copy = 0; copy < COPIES; copy++) {
                        stream.check(
                                JCudaDriver.cuMemcpyHtoDAsync(target, pinned, BYTES, stream.handle()),
                                "cuMemcpyHtoDAsync");
                    }
                    double microseconds = timer.microseconds();
                    if (i >= 0) {
                        rates[i] = 1e6 * COPIES * BYTES / microseconds;
                    }
                }
                Arrays.sort(rates);
                return rates[TIMINGS / 2];
            }
        }
    }
}
