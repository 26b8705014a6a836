package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A second thread on a device")
class DrivingThreadTest {
    private final DryDevice device = new DryDevice(DType.F32);
    private final Scope root = Scope.open(device, "request");

    @AfterEach
    void endsWell() {
        root.close();
        device.close();
    }

    private static <T> T inThread(String name, Callable<T> body) throws Exception {
        FutureTask<T> task = new FutureTask<>(body);
        Thread thread = new Thread(task, name);
        thread.start();
        thread.join();
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    @Test
    void isRefusedWhileAnotherIsInAScope() throws Exception {
        Thread.currentThread().setName("first");
        try (Scope inner = root.child("unet")) {
            for (Callable<Object> use : uses(inner)) {
                IllegalStateException e = assertThrows(IllegalStateException.class, () -> inThread("second", use));
                assertTrue(
                        String.valueOf(e.getMessage())
                                .startsWith(
                                        "device dry is in use by thread \"first\"; thread \"second\" cannot use it"),
                        e.getMessage());
            }
            assertEquals(3, inner.allocate(Shape.of(3), DType.F32).dim(0)); // the first goes on
        }
    }

    private List<Callable<Object>> uses(Scope inner) {
        return List.of(
                () -> root.child("other"),
                () -> inner.allocate(Shape.of(1), DType.F32),
                () -> root.allocate(Shape.of(1), DType.F32),
                () -> device.ops(root).scoped("other", s -> s.upload(Shape.of(1), 1f)),
                () -> {
                    inner.close();
                    return "";
                });
    }

    @Test
    void goesOnWhereTheFirstIsDone() throws Exception {
        Tensor x = device.ops(root).scoped("first", s -> s.upload(Shape.of(2), 1f, 2f));
        assertEquals(
                2,
                inThread("second", () -> device.ops(root).scoped("second", s -> s.silu(x)))
                        .dim(0));
        root.child("third").close();
    }

    @Test
    void takesOverFromOneThatDiedInAScope() throws Exception {
        inThread("first", () -> root.child("left open"));
        root.child("next").close();
    }
}
