package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Times the stages of one request, tells its monitor, and ends it when the monitor asks for it. */
final class Clock {
    private final Device device;
    private final int steps;
    private final Monitor monitor;
    private final long begun = System.nanoTime();
    private final List<Double> stepSeconds = new ArrayList<>();
    private long last = begun;
    private double text;

    Clock(Device device, int steps, Monitor monitor) {
        this.device = device;
        this.steps = steps;
        this.monitor = monitor;
    }

    void textDone() {
        text = lap();
        tell(Progress.Stage.TEXT, 0, Clock::noPreview);
        requireNotCancelled();
    }

    void stepDone(int index, Supplier<Picture> preview) {
        stepSeconds.add(lap());
        tell(Progress.Stage.STEP, index + 1, preview);
        last = System.nanoTime(); // a preview is not part of the next step
        requireNotCancelled();
    }

    Timings decodeDone() {
        double decode = lap();
        tell(Progress.Stage.DECODE, 0, Clock::noPreview);
        return new Timings(text, List.copyOf(stepSeconds), decode);
    }

    void requireNotCancelled() {
        if (monitor.isCancelled()) {
            throw new CancelledException("cancelled after " + stepSeconds.size() + " of " + steps + " steps");
        }
    }

    private double lap() {
        device.synchronize(); // progress that runs ahead of the device would mislead
        long now = System.nanoTime();
        double seconds = (now - last) / 1e9;
        last = now;
        return seconds;
    }

    private void tell(Progress.Stage stage, int step, Supplier<Picture> preview) {
        monitor.progress(new Progress(stage, step, steps, (System.nanoTime() - begun) / 1e9, preview));
    }

    private static Picture noPreview() {
        throw new IllegalStateException("there is a preview in stage STEP only");
    }
}
