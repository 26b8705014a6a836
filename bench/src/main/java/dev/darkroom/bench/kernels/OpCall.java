package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * An operation of {@link Ops} with the shapes of its operands: what networks call, and what is timed.
 *
 * @param operation its name in {@link Ops}
 * @param operands  in the order of its parameters
 * @param flops     floating point operations, two for each multiply-add, as the dry device counts them
 * @param bytes     of operands and results, each moved once, as the dry device counts them
 */
record OpCall(String operation, List<Operand> operands, long flops, long bytes) {
    private static final Set<String> NOT_OPERATIONS =
            Set.of("upload", "scoped", "scopedAll", "iterate", "iterateAll", "in");
    private static final Map<String, Method> OPERATIONS = Arrays.stream(Ops.class.getMethods())
            .filter(OpCall::isOperation)
            .collect(Collectors.toMap(Method::getName, method -> method));

    /** Operations that are told apart on the command line and in tables. */
    enum Kind {
        PRODUCT,
        CONVOLUTION,
        ATTENTION,
        GROUP_NORM,
        LAYER_NORM,
        OTHER
    }

    /** Whether a method of {@link Ops} computes tensors from tensors. */
    static boolean isOperation(Method method) {
        return (method.getReturnType() == Tensor.class || method.getReturnType() == List.class)
                && !NOT_OPERATIONS.contains(method.getName());
    }

    /** Whether {@link Ops} has an operation of this name. */
    static boolean isKnown(String operation) {
        return OPERATIONS.containsKey(operation);
    }

    Kind kind() {
        if (operation.startsWith("linear") || operation.startsWith("layerNormLinear")) {
            return Kind.PRODUCT;
        }
        if (operation.contains("onv2d")) {
            return Kind.CONVOLUTION;
        }
        if (operation.startsWith("groupNorm")) {
            return Kind.GROUP_NORM;
        }
        return switch (operation) {
            case "attention" -> Kind.ATTENTION;
            case "layerNorm" -> Kind.LAYER_NORM;
            default -> Kind.OTHER;
        };
    }

    /** Whether its operands can be drawn at random: no token ids, no pictures of bytes. */
    boolean takesNumbers() {
        return operands.stream().allMatch(OpCall::isNumbers);
    }

    private static boolean isNumbers(Operand operand) {
        return operand instanceof Operand.OfArray array
                ? array.parts().stream().allMatch(OpCall::isNumbers)
                : !(operand instanceof Operand.OfTensor tensor)
                        || tensor.dtype().isFloating();
    }

    /** The shape of its first operand. */
    Shape input() {
        Operand first = operands.get(0);
        Operand operand = first instanceof Operand.OfArray array ? array.parts().get(0) : first;
        return operand instanceof Operand.OfTensor tensor ? tensor.shape() : Shape.of(0);
    }

    /**
     * Calls it.
     *
     * @param arguments as {@link Operands} makes them
     */
    Object call(Ops ops, Object[] arguments) {
        Method method = OPERATIONS.get(operation);
        if (method == null) {
            throw new IllegalStateException("Ops has no operation " + operation);
        }
        try {
            return method.invoke(ops, arguments);
        } catch (InvocationTargetException e) {
            throw unwrapped(e);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(operation + " cannot be called", e);
        }
    }

    /** What a call by reflection threw, as the call itself would have. */
    static RuntimeException unwrapped(InvocationTargetException e) {
        Throwable cause = e.getCause();
        if (cause instanceof Error error) {
            throw error;
        }
        return cause instanceof RuntimeException runtime
                ? runtime
                : new IllegalStateException(String.valueOf(cause), cause);
    }

    /** What tells it from all others, for people and for peers. */
    String id() {
        return operation + " " + operands.stream().map(Operand::toString).collect(Collectors.joining(" "));
    }

    /** Puts it into a JSON object. */
    ObjectNode writeTo(ObjectNode node) {
        node.put("id", id()).put("op", operation).put("flops", flops).put("bytes", bytes);
        operands.forEach(operand -> operand.writeTo(node.withArray("operands")));
        return node;
    }
}
