package dev.darkroom.cpu;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.jspecify.annotations.Nullable;

/** Convolutions of feature maps, an image at a time: as fast as all at once, and no image can depend on its neighbours. */
final class Convolution {
    /** Height and width of the map for which weights are packed as they are loaded. */
    private static final int TYPICAL_SIZE = 64;

    private final Kernels kernels;

    private record Key(
            int height,
            int width,
            int kernelHeight,
            int kernelWidth,
            int in,
            int out,
            Conv2dWeight.Geometry geometry,
            DType dtype,
            boolean bias,
            Addend addend) {
        static Key of(Conv2dWeight weight, int height, int width, Addend addend) {
            return new Key(
                    height,
                    width,
                    weight.kernelHeight(),
                    weight.kernelWidth(),
                    weight.in(),
                    weight.out(),
                    weight.geometry(),
                    weight.dtype(),
                    weight.hasBias(),
                    addend);
        }
    }

    private record Plan(Kernel kernel, memory.desc weightLayout) {}

    private final Map<Key, Plan> plans = new HashMap<>();

    /** What is added to the sums. */
    enum Addend {
        NONE,
        /** A map of the result's size. */
        MAP,
        /** A number for each channel. */
        CHANNELS
    }

    Convolution(Kernels kernels) {
        this.kernels = kernels;
    }

    /** The layout in which the weights of {@code weight} are kept at first. */
    memory.desc typicalLayout(Conv2dWeight weight) {
        return describe(Key.of(weight, TYPICAL_SIZE, TYPICAL_SIZE, Addend.NONE)).weights_desc();
    }

    /** x [n, h, w, in] → y [n, h', w', out]; {@code addend} is [n, h', w', out] or [n, out]. */
    void run(Scope scope, Tensor x, CpuConv2dWeight weight, Addend kind, @Nullable Tensor addend, Tensor y) {
        Plan plan = plans.computeIfAbsent(Key.of(weight, x.dim(1), x.dim(2), kind), this::plan);
        long values = form(scope, weight, plan.weightLayout).values().address();
        for (int image = 0; image < x.dim(0); image++) {
            plan.kernel.run(
                    scope,
                    x.rows(image, image + 1).address(),
                    y.rows(image, image + 1).address(),
                    values,
                    weight.biasAddress(),
                    addend == null ? 0 : addend.rows(image, image + 1).address());
        }
    }

    private CpuConv2dWeight.Form form(Scope scope, CpuConv2dWeight weight, memory.desc layout) {
        for (CpuConv2dWeight.Form form : weight.forms()) {
            if (form.layout().equals(layout)) {
                return form;
            }
        }
        CpuConv2dWeight.Form first = weight.forms().get(0);
        Tensor values = weight.scope().allocate(Kernel.bytes(layout.get_size()), DType.U8);
        Packing.reorder(kernels.library(), first.layout(), layout)
                .run(scope, first.values().address(), values.address());
        CpuConv2dWeight.Form form = new CpuConv2dWeight.Form(layout, values);
        weight.forms().add(form);
        return form;
    }

    private convolution_forward.primitive_desc describe(Key key) {
        Conv2dWeight.Geometry geometry = key.geometry;
        memory.desc y = result(key);
        long[] strides = {geometry.stride(), geometry.stride()};
        long[] before = {geometry.padBefore(), geometry.padBefore()};
        long[] after = {geometry.padAfter(), geometry.padAfter()};
        Epilogue epilogue = key.addend == Addend.NONE ? Epilogue.NONE : Epilogue.ADD;
        return new convolution_forward.primitive_desc(
                kernels.library().engine(),
                dnnl.prop_kind.forward_inference,
                dnnl.algorithm.convolution_direct,
                Layouts.image(key.dtype, key.in, key.height, key.width),
                Layouts.any(key.dtype, key.out, key.in, key.kernelHeight, key.kernelWidth),
                key.bias ? Layouts.rowMajor(DType.F32, key.out) : new memory.desc(),
                y,
                strides,
                before,
                after,
                epilogue.attributes(addend(key)),
                false);
    }

    private static memory.desc result(Key key) {
        return Layouts.image(
                key.dtype,
                key.out,
                key.geometry.outputSize(key.height, key.kernelHeight),
                key.geometry.outputSize(key.width, key.kernelWidth));
    }

    private static memory.desc addend(Key key) {
        return switch (key.addend) {
            case NONE -> new memory.desc();
            case MAP -> result(key);
            case CHANNELS -> Layouts.image(key.dtype, key.out, 1, 1);
        };
    }

    private Plan plan(Key key) {
        convolution_forward.primitive_desc description = describe(key);
        Kernel kernel = new Kernel(
                kernels.library(),
                new convolution_forward(description),
                description.scratchpad_desc(),
                new int[] {
                    dnnl.DNNL_ARG_SRC,
                    dnnl.DNNL_ARG_DST,
                    dnnl.DNNL_ARG_WEIGHTS,
                    dnnl.DNNL_ARG_BIAS,
                    Epilogue.operandName(0)
                },
                description.src_desc(),
                description.dst_desc(),
                description.weights_desc(),
                description.bias_desc(),
                addend(key));
        return new Plan(kernel, description.weights_desc());
    }
}
