package dev.darkroom.bench.kernels;

import dev.darkroom.dry.DryDevice;
import dev.darkroom.dry.Tally;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.MemoryPool;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A dry device that tells each operation that a network calls, with the shapes of its operands and what it costs. */
final class CallRecorder implements Device {
    private final DryDevice dry;
    private final Consumer<OpCall> listener;
    private final Map<Long, OpCall.Kind> computedBy = new HashMap<>();

    /** @param listener told each call */
    CallRecorder(DType preferredType, Consumer<OpCall> listener) {
        this.dry = new DryDevice(preferredType);
        this.listener = listener;
    }

    /** Operations that pass calls on to the dry device's; what runs in scopes comes back here. */
    @Override
    public Ops ops(Scope scope) {
        Ops target = dry.ops(scope);
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals("device")) {
                return this;
            }
            Object[] given = arguments == null ? new Object[0] : arguments;
            if (OpCall.isOperation(method)) {
                return recorded(target, method, given);
            }
            return isStructure(method)
                    ? InvocationHandler.invokeDefault(proxy, method, given)
                    : passed(target, method, given);
        };
        return (Ops) Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, handler);
    }

    /** Methods that run a body on operations of this device. */
    private static boolean isStructure(Method method) {
        return switch (method.getName()) {
            case "in", "scoped", "scopedAll", "iterate", "iterateAll", "recording" -> true;
            default -> false;
        };
    }

    private Object recorded(Ops target, Method method, Object[] arguments) {
        List<Operand> operands = new ArrayList<>();
        for (Object argument : arguments) {
            operands.add(Operand.of(argument, this::isOfLayer));
        }
        Tally.Cost before = dry.tally().total();
        Object result = passed(target, method, arguments);
        Tally.Cost after = dry.tally().total();
        long flops = after.flops() - before.flops();
        OpCall call = new OpCall(method.getName(), operands, flops, after.bytes() - before.bytes());
        List<?> results = result instanceof List<?> list ? list : List.of(result);
        results.forEach(each -> computedBy.put(((Tensor) each).address(), call.kind()));
        if (after.calls() > before.calls()) { // a cast to the type that a tensor has is none
            listener.accept(call);
        }
        return result;
    }

    /** Addresses tell what computed a tensor, under whatever shape it is seen: an address that is used again is told anew. */
    private boolean isOfLayer(Tensor tensor) {
        OpCall.Kind kind = computedBy.get(tensor.address());
        return tensor.shape().rank() == 4 && (kind == OpCall.Kind.PRODUCT || kind == OpCall.Kind.CONVOLUTION);
    }

    private static Object passed(Ops target, Method method, Object[] arguments) {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw OpCall.unwrapped(e);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(method + " cannot be called", e);
        }
    }

    @Override
    public String name() {
        return dry.name();
    }

    @Override
    public String description() {
        return dry.description();
    }

    @Override
    public DType preferredType() {
        return dry.preferredType();
    }

    @Override
    public MemoryPool pool() {
        return dry.pool();
    }

    @Override
    public float[] download(Tensor tensor) {
        return dry.download(tensor);
    }

    @Override
    public byte[] downloadBytes(Tensor tensor) {
        return dry.downloadBytes(tensor);
    }

    @Override
    public void synchronize() {
        dry.synchronize();
    }

    @Override
    public void observe(@Nullable ScopeListener newListener) {
        dry.observe(newListener);
    }

    @Override
    public @Nullable ScopeListener observer() {
        return dry.observer();
    }

    @Override
    public void close() {
        dry.close();
    }
}
