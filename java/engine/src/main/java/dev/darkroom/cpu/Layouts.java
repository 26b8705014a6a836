package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;

/** How tensors are described to oneDNN. */
final class Layouts {
    private static final memory.format_tag[] ROW_MAJOR = {
        memory.format_tag.a, memory.format_tag.ab, memory.format_tag.abc, memory.format_tag.abcd
    };

    private Layouts() {}

    static memory.data_type type(DType dtype) {
        return switch (dtype) {
            case F32 -> memory.data_type.f32;
            case BF16 -> memory.data_type.bf16;
            case I32 -> memory.data_type.s32;
            case U8 -> memory.data_type.u8;
            case F16, I64 -> throw new IllegalArgumentException("the cpu device does not compute in " + dtype);
        };
    }

    /** Dense, innermost dimension last. */
    static memory.desc rowMajor(DType dtype, long... dims) {
        return new memory.desc(dims, type(dtype), ROW_MAJOR[dims.length - 1]);
    }

    static memory.desc strided(DType dtype, long[] dims, long[] strides) {
        return new memory.desc(dims, type(dtype), strides);
    }

    /** One image [1, c, h, w] in oneDNN's order of dimensions, in memory [h, w, c]. */
    static memory.desc image(DType dtype, long channels, long height, long width) {
        return new memory.desc(new long[] {1, channels, height, width}, type(dtype), memory.format_tag.nhwc);
    }

    /** A layout that oneDNN is to choose. */
    static memory.desc any(DType dtype, long... dims) {
        return new memory.desc(dims, type(dtype), memory.format_tag.any);
    }

    /** Attributes of every primitive: scratch memory is ours. */
    static primitive_attr attributes() {
        primitive_attr attributes = new primitive_attr();
        attributes.set_scratchpad_mode(dnnl.scratchpad_mode.user);
        return attributes;
    }
}
