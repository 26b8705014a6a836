package dev.darkroom.cpu;

import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/** What a matrix product or convolution does to its sums, still in f32, before it rounds and writes them. */
enum Epilogue {
    NONE(dnnl.algorithm.undef, 0),
    GELU(dnnl.algorithm.eltwise_gelu_erf, 0),
    QUICK_GELU(dnnl.algorithm.eltwise_swish, 1.702f),
    SILU(dnnl.algorithm.eltwise_swish, 1),
    /** Adds another operand. */
    ADD(dnnl.algorithm.binary_add, 0),
    /** Multiplies by another operand. */
    MULTIPLY(dnnl.algorithm.binary_mul, 0);

    private final dnnl.algorithm function;
    private final float alpha;

    Epilogue(dnnl.algorithm function, float alpha) {
        this.function = function;
        this.alpha = alpha;
    }

    /** Whether it takes another operand, given last when the kernel is run. */
    boolean takesOperand() {
        return this == ADD || this == MULTIPLY;
    }

    /** Attributes that ask for it; {@code operand} is the layout of the other operand, if it takes one. */
    primitive_attr attributes(memory.desc operand) {
        primitive_attr attributes = Layouts.attributes();
        if (this != NONE) {
            post_ops steps = new post_ops();
            if (takesOperand()) {
                steps.append_binary(function, operand);
            } else {
                appendTo(steps);
            }
            attributes.set_post_ops(steps);
        }
        return attributes;
    }

    /** Appends a function of single elements, or nothing for {@link #NONE}. */
    void appendTo(post_ops steps) {
        if (this != NONE) {
            steps.append_eltwise(function, alpha, 0);
        }
    }

    /** oneDNN's name of the operand of step {@code step}, counted from 0. */
    static int operandName(int step) {
        return (step + 1) * dnnl.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | dnnl.DNNL_ARG_SRC_1;
    }
}
