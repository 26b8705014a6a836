package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.tensor.Devices.Subject;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One test for each device and type, skipped with the reason where this machine lacks it: what the contracts did not run on. */
@Tag("every-device")
@DisplayName("The contracts run on")
class DevicesTest {
    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.darkroom.tensor.Devices#all")
    void isPresent(Subject subject) {
        assumeTrue(subject.device() != null, subject.absence());
    }
}
