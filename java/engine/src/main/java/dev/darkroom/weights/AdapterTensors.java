package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a LoRA file says of one module, whatever the kind: low-rank factors and what belongs to them, by their role.
 *
 * <p>The change of a weight W [out, in, …] by each kind, with scale = alpha / rank (alpha = rank where it is absent):
 * <ul>
 *   <li>LoRA (Hu et al. 2021, eq. 3): scale · up · down; LoCon's core between them where a convolution is factored three times
 *   <li>LoHa (Hyeon-Woo et al. 2021, eq. 5): scale · (w1a · w1b) ⊙ (w2a · w2b)
 *   <li>LoKr (Yeh et al. 2023, section 3.2): scale · w1 ⊗ w2, each whole or factored
 *   <li>a difference: itself
 * </ul>
 */
final class AdapterTensors {
    /** The roles a tensor can have, by what files call them after the module's name. */
    enum Role {
        UP(".lora_up.weight", ".lora_B.weight", ".lora_B.default.weight", ".lora.up.weight", ".lora_linear_layer.up.weight", "_lora.up.weight"),
        DOWN(".lora_down.weight", ".lora_A.weight", ".lora_A.default.weight", ".lora.down.weight", ".lora_linear_layer.down.weight", "_lora.down.weight"),
        CORE(".lora_mid.weight"),
        ALPHA(".alpha"),
        MAGNITUDE(".dora_scale", ".lora_magnitude_vector.weight", ".lora_magnitude_vector.default.weight", ".lora_magnitude_vector"),
        HADAMARD_1A(".hada_w1_a"),
        HADAMARD_1B(".hada_w1_b"),
        HADAMARD_2A(".hada_w2_a"),
        HADAMARD_2B(".hada_w2_b"),
        HADAMARD_CORE_1(".hada_t1"),
        HADAMARD_CORE_2(".hada_t2"),
        KRONECKER_1(".lokr_w1"),
        KRONECKER_1A(".lokr_w1_a"),
        KRONECKER_1B(".lokr_w1_b"),
        KRONECKER_2(".lokr_w2"),
        KRONECKER_2A(".lokr_w2_a"),
        KRONECKER_2B(".lokr_w2_b"),
        KRONECKER_CORE(".lokr_t2"),
        DIFFERENCE(".diff"),
        BIAS_DIFFERENCE(".diff_b");

        private final String[] suffixes;

        Role(String... suffixes) {
            this.suffixes = suffixes;
        }

        /** The role of a tensor of this name, or null where it is none of these. */
        static @Nullable Role of(String name) {
            return Arrays.stream(values())
                    .filter(role -> role.suffix(name) != null)
                    .findFirst()
                    .orElse(null);
        }

        /** What of {@code name} says the role, or null. */
        private @Nullable String suffix(String name) {
            return Arrays.stream(suffixes).filter(name::endsWith).findFirst().orElse(null);
        }

        /** The module that a tensor of this role and name belongs to. */
        String module(String name) {
            String suffix = suffix(name);
            return suffix == null ? name : name.substring(0, name.length() - suffix.length());
        }
    }

    private final Map<Role, HostTensor> tensors = new HashMap<>();

    void put(Role role, HostTensor tensor) {
        tensors.put(role, tensor);
    }

    boolean has(Role role) {
        return tensors.containsKey(role);
    }

    private Factor factor(Role role) {
        HostTensor tensor = tensors.get(role);
        if (tensor == null) {
            throw new WeightsException("a LoRA lacks " + role.suffixes[0] + " of " + tensors.values());
        }
        return Factor.of(tensor);
    }

    /** The magnitudes of DoRA (Liu et al. 2024, eq. 5), one for each output or each input; null where this is no DoRA. */
    float @Nullable [] magnitudes() {
        HostTensor tensor = tensors.get(Role.MAGNITUDE);
        return tensor == null ? null : tensor.toFloats();
    }

    /** What is added to the bias, or null. */
    float @Nullable [] biasChange() {
        HostTensor tensor = tensors.get(Role.BIAS_DIFFERENCE);
        return tensor == null ? null : tensor.toFloats();
    }

    /**
     * The change of the weight, in its order of elements, or null where only the bias changes.
     *
     * @throws WeightsException when a factor is missing, or they do not fit together
     */
    float @Nullable [] change() {
        if (has(Role.UP) || has(Role.DOWN)) {
            Factor down = factor(Role.DOWN);
            Factor product = has(Role.CORE)
                    ? factor(Role.CORE).between(factor(Role.UP), down)
                    : factor(Role.UP).times(down);
            return product.scaled(scale(down.rows()));
        }
        if (has(Role.HADAMARD_1A)) {
            Factor first = product(Role.HADAMARD_1A, Role.HADAMARD_1B, Role.HADAMARD_CORE_1);
            Factor second = product(Role.HADAMARD_2A, Role.HADAMARD_2B, Role.HADAMARD_CORE_2);
            return first.elementwise(second).scaled(scale(factor(Role.HADAMARD_1B).rows()));
        }
        if (has(Role.KRONECKER_1) || has(Role.KRONECKER_1A)) {
            return kronecker();
        }
        HostTensor difference = tensors.get(Role.DIFFERENCE);
        return difference == null ? null : difference.toFloats();
    }

    private float[] kronecker() {
        Factor first = has(Role.KRONECKER_1)
                ? factor(Role.KRONECKER_1)
                : factor(Role.KRONECKER_1A).times(factor(Role.KRONECKER_1B));
        Factor second = has(Role.KRONECKER_2)
                ? factor(Role.KRONECKER_2)
                : product(Role.KRONECKER_2A, Role.KRONECKER_2B, Role.KRONECKER_CORE);
        float scale = 1; // alpha counts where there is a rank to divide it by
        if (has(Role.KRONECKER_1B)) {
            scale = scale(factor(Role.KRONECKER_1B).rows());
        } else if (has(Role.KRONECKER_2B)) {
            scale = scale(factor(Role.KRONECKER_2B).rows());
        }
        return first.kronecker(second).scaled(scale);
    }

    /** a · b, or the three-fold product with a core, for which files store a [rank, out] and b [rank, in]. */
    private Factor product(Role a, Role b, Role core) {
        return has(core)
                ? factor(core).between(factor(a).transposed(), factor(b))
                : factor(a).times(factor(b));
    }

    private float scale(int rank) {
        HostTensor alpha = tensors.get(Role.ALPHA);
        return alpha == null ? 1 : alpha.toFloats()[0] / rank;
    }
}
