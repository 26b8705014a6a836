package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.Devices.Subject;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("Memory on a device that computes")
class LifetimeContractTest extends OnEveryDevice {
    private static final Set<String> PLUMBING = Set.of("in", "scoped", "scopedAll", "iterate", "iterateAll", "upload");
    private static final Set<Class<?>> RESULTS = Set.of(Tensor.class, List.class);

    LifetimeContractTest(Subject subject) {
        super(subject);
    }

    @Test
    void everyOperationIsKnownToTheseTests() {
        Set<String> declared = Arrays.stream(Ops.class.getMethods())
                .filter(method -> RESULTS.contains(method.getReturnType()))
                .map(Method::getName)
                .filter(name -> !PLUMBING.contains(name))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(declared, EveryOperation.of(ops, dtype).keySet());
    }

    @Test
    void everyOperationRefusesWhatItsScopeReleased() {
        Map<String, UnaryOperator<Tensor>> operations = EveryOperation.of(ops, dtype);
        Tensor released = released();
        operations.remove("cast"); // to its own type it is the tensor itself
        operations.forEach((name, operation) -> {
            String message = assertThrows(IllegalStateException.class, () -> operation.apply(released), name)
                    .toString();
            assertTrue(message.contains("scope \"short\" released it"), name + ": " + message);
        });
        assertThrows(IllegalStateException.class, released::toHost);
    }

    @Test
    void aFailedOperationLeavesTheDeviceUsable() {
        Tensor x = upload(held(0, 1, 2, 3));
        long before = live();
        assertThrows(ShapeException.class, () -> ops.scoped("wrong", s -> s.add(s.silu(x), s.silu(x.reshape(3, 2)))));
        assertEquals(before, live());
        assertEquals(6, ops.silu(x).toHost().length);
    }

    @Test
    void whatWasReleasedReadsAsNan() {
        float[] values = new float[1000];
        Tensor again;
        try (Scope scope = Scope.open(device, "first")) {
            device.ops(scope).upload(Shape.of(values.length), values);
        }
        try (Scope scope = Scope.open(device, "second")) {
            again = scope.allocate(Shape.of(values.length), DType.F32);
            for (float value : again.toHost()) {
                assertTrue(Float.isNaN(value), "a released block still holds " + value);
            }
        }
    }

    private Tensor released() {
        try (Scope scope = Scope.open(device, "short")) {
            return device.ops(scope).upload(host(held(0, 1, EveryOperation.SHAPE.toArray())), dtype);
        }
    }
}
