package dev.darkroom.cuda;

import java.util.List;

/**
 * A file of {@code kernels/} with its compile-time choices: what is compiled at once and loaded as one module.
 *
 * @param file    such as {@code gemm.cu}
 * @param defines such as {@code T=f16}, in the order in which the compiler is given them
 */
public record KernelVariant(String file, List<String> defines) {
    public KernelVariant {
        defines = List.copyOf(defines);
    }

    /** As messages and records name it: {@code layernorm.cu T=f16 VECTOR=1}. */
    @Override
    public String toString() {
        return file + " " + String.join(" ", defines);
    }
}
