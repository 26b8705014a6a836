package dev.darkroom.tensor;

import dev.darkroom.tensor.Devices.Subject;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that run once for each device present and each type it computes in; {@link DevicesTest} names the others. */
@Tag("every-device")
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@MethodSource("dev.darkroom.tensor.Devices#present")
abstract class OnEveryDevice extends OnDevice {
    OnEveryDevice(Subject subject) {
        super(subject);
    }
}
