package dev.darkroom.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.dry.DryDevice;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A scope")
class ScopeTest {
    private static final long SIZE = 4096; // bytes of the tensors made here

    private final DryDevice device = new DryDevice(DType.F32);
    private final Scope root = Scope.open(device, "request");
    private final Ops ops = device.ops(root);

    @AfterEach
    void nothingIsLeftAlive() {
        root.close();
        assertEquals(0, live());
        device.close();
    }

    @Test
    void releasesAllButItsResult() {
        Tensor x = make(ops);
        Tensor y = ops.scoped("resnet", s -> s.add(s.silu(x), s.silu(s.silu(x))));
        assertEquals(2 * SIZE, live());
        assertTrue(x.isAlive() && y.isAlive());
    }

    @Test
    void namesItselfWhenWhatItReleasedIsUsed() {
        List<Tensor> escaped = new ArrayList<>();
        ops.scoped(
                "unet",
                s -> s.scoped("mid", t -> {
                    escaped.add(make(t));
                    return make(t);
                }));
        assertFalse(escaped.get(0).isAlive());
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> ops.silu(escaped.get(0)));
        assertEquals(
                "use of a tensor after its scope \"request/unet/mid\" released it;"
                        + " return it from the scope, or keep what needs it inside",
                e.getMessage());
    }

    @Test
    void namesTheScopeThatAResultHadBeenMovedTo() {
        Tensor[] escaped = new Tensor[1];
        ops.scoped("unet", s -> {
            escaped[0] = s.scoped("mid", ScopeTest::make);
            return make(s);
        });
        String message =
                assertThrows(IllegalStateException.class, escaped[0]::address).toString();
        assertTrue(message.contains("\"request/unet\" released it"), message);
    }

    @Test
    void isReportedAsTheHolderOfWhatWasMovedToIt() {
        ops.scoped("unet", s -> s.scoped("mid", ScopeTest::make));
        assertEquals("\"request\" 4.10 kB", device.pool().largestScopes(5));
    }

    @Test
    void releasesEverythingOnAnException() {
        Tensor x = make(ops);
        assertThrows(
                IllegalArgumentException.class,
                () -> ops.scoped(
                        "unet",
                        s -> s.scoped("mid", t -> {
                            make(s);
                            make(t);
                            throw new IllegalArgumentException("a wrong prompt");
                        })));
        assertEquals(SIZE, live());
        assertTrue(x.isAlive());
        make(ops); // and goes on
    }

    @Test
    void leavesWhatAnOuterScopeOwnsWhereItIs() {
        Tensor x = make(ops);
        Tensor same = ops.scoped("outer", s -> s.scoped("identity", t -> x));
        assertSame(x, same);
        assertEquals(SIZE, live());
        Tensor view = ops.scoped("view", s -> x.rows(1, 3));
        assertEquals(x.address() + SIZE / 4, view.address());
    }

    @Test
    void movesTheWholeMemoryOfAView() {
        Tensor view = ops.scoped("half", s -> make(s).rows(2, 4).reshape(-1));
        assertEquals(SIZE, live());
        assertEquals(Shape.of(512), view.shape());
        assertTrue(view.isAlive());
    }

    @Test
    void movesSeveralResultsAndTwoViewsOfOneMemoryOnce() {
        List<Tensor> results = ops.scopedAll("split", s -> {
            Tensor x = make(s);
            make(s);
            return List.of(x.rows(0, 1), x.rows(1, 4), make(s));
        });
        assertEquals(2 * SIZE, live());
        results.forEach(tensor -> assertTrue(tensor.isAlive()));
    }

    @Test
    void cannotReturnWhatAnInnerOneReleased() {
        assertThrows(
                IllegalStateException.class,
                () -> ops.scoped("outer", s -> {
                    List<Tensor> escaped = new ArrayList<>();
                    s.scoped("inner", t -> {
                        escaped.add(make(t));
                        return make(t);
                    });
                    return escaped.get(0);
                }));
        assertEquals(0, live());
    }

    @Test
    void holdsTwoValuesWhileIterating() {
        List<Long> during = new ArrayList<>();
        Tensor first = make(ops);
        Tensor last = ops.iterate("step", 20, first, (s, i, value) -> {
            during.add(live());
            Tensor next = s.silu(s.silu(value)); // a value and a temporary
            assertTrue(live() <= 4 * SIZE, "at step " + i);
            return next;
        });
        assertEquals(SIZE, during.get(0));
        assertEquals(2 * SIZE, during.get(1)); // the initial value, which is the caller's, and the current one
        assertEquals(2 * SIZE, during.get(19));
        assertEquals(2 * SIZE, live());
        assertTrue(first.isAlive() && last.isAlive());
    }

    @Test
    void iteratesOverAStateWhosePartsStayOrChangeAndOverNothing() {
        Tensor constant = make(ops);
        List<Tensor> state = ops.iterateAll("step", 5, List.of(constant, make(ops)), (s, i, values) -> {
            Tensor next = s.add(values.get(0), values.get(1));
            return List.of(values.get(0), i % 2 == 0 ? next : values.get(1).reshape(4, 256));
        });
        assertSame(constant, state.get(0));
        assertTrue(state.get(1).isAlive());
        assertEquals(3 * SIZE, live());
        assertSame(constant, ops.iterate("never", 0, constant, (s, i, value) -> make(s)));
    }

    @Test
    void releasesTheStepsSoFarWhenAnIterationFails() {
        Tensor first = make(ops);
        Scope inner = root.child("loop");
        assertThrows(IllegalStateException.class, () -> device.ops(inner).iterate("step", 5, first, (s, i, value) -> {
            if (i == 3) {
                throw new IllegalStateException("cancelled");
            }
            return s.silu(value);
        }));
        inner.close();
        assertEquals(SIZE, live());
    }

    @Test
    void closesItsChildrenFirstAndOnlyOnce() {
        Scope outer = root.child("outer");
        Scope inner = outer.child("inner");
        Tensor a = outer.allocate(Shape.of(1024), DType.F32);
        Tensor b = inner.allocate(Shape.of(1024), DType.F32);
        outer.close();
        assertFalse(a.isAlive() || b.isAlive());
        assertEquals(0, live());
        outer.close();
        inner.close();
        IllegalStateException e =
                assertThrows(IllegalStateException.class, () -> inner.allocate(Shape.of(1), DType.U8));
        assertEquals("scope \"request/outer/inner\" has ended; nothing can be made in it any more", e.getMessage());
        assertThrows(IllegalStateException.class, () -> outer.child("late"));
    }

    @Test
    void releasesWeightsWithItself() {
        Scope weights = Scope.open(device, "weights");
        Ops loading = device.ops(weights);
        LinearWeight linear = loading.linearWeight(shapeOnly(8, 1024), shapeOnly(8), DType.F32);
        Conv2dWeight convolution =
                loading.conv2dWeight(shapeOnly(8, 4, 3, 3), null, Conv2dWeight.Geometry.same(3), DType.F32);
        Tensor x = make(ops);
        ops.linear(x.reshape(1, 1024), linear);
        weights.close();
        assertTrue(live() < 2 * SIZE);
        for (Runnable use : List.<Runnable>of(
                () -> ops.linear(x.reshape(1, 1024), linear), () -> ops.conv2d(x.reshape(1, 16, 16, 4), convolution))) {
            String message = assertThrows(IllegalStateException.class, use::run).toString();
            assertTrue(message.contains("\"weights\" released it"), message);
        }
    }

    @Test
    void tellsAListenerWhatItReturns() {
        List<String> seen = new ArrayList<>();
        device.observe((path, tensor) -> seen.add(path + " " + tensor.shape()));
        ops.scoped("unet", s -> s.scoped("mid", ScopeTest::make).reshape(-1));
        device.observe(null);
        ops.scoped("unet", ScopeTest::make);
        assertEquals(List.of("request/unet/mid [4, 256]", "request/unet [1024]"), seen);
    }

    @Test
    void keepsItsDeviceFromClosingWhileSomethingIsAlive() {
        make(ops);
        String message =
                assertThrows(IllegalStateException.class, device::close).toString();
        assertTrue(message.contains("1 tensors (4.10 kB) are still alive") && message.contains("\"request\""), message);
    }

    private long live() {
        return device.pool().statistics().live();
    }

    private static Tensor make(Ops ops) {
        return ops.scope().allocate(Shape.of(4, 256), DType.F32);
    }

    private static HostTensor shapeOnly(int... dims) {
        return HostTensor.shapeOnly("values", Shape.of(dims), DType.F32);
    }
}
