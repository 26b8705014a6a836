package dev.darkroom.dry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.LinearWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.ShapeException;
import dev.darkroom.tensor.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The rules are one for all devices; the dry one shows them. */
@DisplayName("Operands that do not fit are refused with the operation, the scope and both sides")
class ShapeErrorsTest {
    private final DryDevice device = new DryDevice(DType.F32);
    private final Scope root = Scope.open(device, "unet");
    private final Ops ops = device.ops(root.child("mid"));

    @AfterEach
    void nothingIsLeftAlive() {
        root.close();
        device.close();
    }

    @Test
    void byLinear() {
        LinearWeight w = ops.linearWeight(host("to_q", 3, 5), null, DType.F32);
        fails(
                "linear at unet/mid: x is [2, 4] but the weight to_q f32 [3, 5] takes 5 channels",
                () -> ops.linear(f32(2, 4), w));
        fails(
                "linear at unet/mid: x is bf16 [2, 5] on dry but the weight to_q f32 [3, 5] was made for f32",
                () -> ops.linear(bf16(2, 5), w));
        fails(
                "linear at unet/mid: x is [2, 7] but the weight to_q f32 [3, 5] takes 5 channels",
                () -> ops.linearConcat(f32(2, 4), f32(2, 3), w));
        fails(
                "concatChannels at unet/mid: f32 [2, 4] on dry and f32 [3, 1] on dry must agree in all but the last size",
                () -> ops.linearConcat(f32(2, 4), f32(3, 1), w));
        fails(
                "linearAdd at unet/mid: the result is f32 [2, 3] but the residual is f32 [1, 3] on dry",
                () -> ops.linearAdd(f32(2, 5), w, f32(1, 3)));
        LinearWeight other = ops.linearWeight(host("gate", 4, 5), null, DType.F32);
        fails(
                "linearGeglu at unet/mid: to_q f32 [3, 5] and gate f32 [4, 5] differ in their outputs",
                () -> ops.linearGeglu(f32(2, 5), w, other));
        fails(
                "linears at unet/mid: to_q f32 [3, 5] and gate f32 [4, 5] differ in their outputs",
                () -> ops.linears(f32(2, 5), w, other));
        fails("linears at unet/mid: needs at least one weight", () -> ops.linears(f32(2, 5)));
        fails(
                "layerNorm at unet/mid: x is f32 [2, 5] on dry; gain and bias must be f32 [5], given f32 [4] on dry",
                () -> ops.layerNormLinear(f32(2, 5), new Affine(f32(4), f32(4)), 1e-5f, w));
        fails(
                "linearWeight at unet/mid: to_k f32 [3, 5, 1, 1] must be [out, in]",
                () -> ops.linearWeight(host("to_k", 3, 5, 1, 1), null, DType.F32));
        fails(
                "linearWeight at unet/mid: the bias b f32 [5] does not fit the weight to_k f32 [3, 5]",
                () -> ops.linearWeight(host("to_k", 3, 5), host("b", 5), DType.F32));
    }

    @Test
    void byConvolutions() {
        Conv2dWeight w =
                ops.conv2dWeight(host("conv1", 6, 5, 3, 3), null, Conv2dWeight.Geometry.halving(0, 1), DType.F32);
        fails(
                "conv2d at unet/mid: x is [1, 8, 8, 4] but the weight conv1 f32 [6, 3, 3, 5] takes 5 channels",
                () -> ops.conv2d(f32(1, 8, 8, 4), w));
        fails("conv2d at unet/mid: takes 4 dimensions, given f32 [8, 5] on dry", () -> ops.conv2d(f32(8, 5), w));
        fails(
                "conv2d at unet/mid: x is [1, 1, 8, 5], too small for the kernel of conv1 f32 [6, 3, 3, 5]",
                () -> ops.conv2d(f32(1, 1, 8, 5), w));
        fails(
                "conv2dAdd at unet/mid: the result is f32 [1, 4, 4, 6] but the residual is f32 [1, 8, 8, 6] on dry",
                () -> ops.conv2dAdd(f32(1, 8, 8, 5), w, f32(1, 8, 8, 6)));
        fails(
                "conv2dAddPerChannel at unet/mid: to f32 [1, 4, 4, 6] can be added f32 [1, 6], given f32 [6] on dry",
                () -> ops.conv2dAddPerChannel(f32(1, 8, 8, 5), w, f32(6)));
        fails(
                "upsampleConv2d at unet/mid: x is [1, 8, 8, 4] but the weight conv1 f32 [6, 3, 3, 5] takes 5 channels",
                () -> ops.upsampleConv2d(f32(1, 8, 8, 4), 16, 16, w));
        fails(
                "conv2dWeight at unet/mid: conv2 f32 [6, 5] must be [out, in, kh, kw]",
                () -> ops.conv2dWeight(host("conv2", 6, 5), null, Conv2dWeight.Geometry.same(1), DType.F32));
    }

    @Test
    void byAttention() {
        Tensor q = f32(2, 7, 40);
        Tensor k = f32(2, 9, 40);
        fails(
                "attention at unet/mid: q is f32 [2, 7, 40] on dry, k is f32 [2, 9, 40] on dry, v is f32 [2, 7, 40] on dry:"
                        + " batch, channels and type must agree",
                () -> ops.attention(q, k, q, 8, false));
        fails(
                "attention at unet/mid: 40 channels cannot be divided among 7 heads",
                () -> ops.attention(q, k, k, 7, false));
        fails(
                "attention at unet/mid: causal attention takes as many queries as keys, given 7 and 9",
                () -> ops.attention(q, k, k, 8, true));
        fails(
                "attention at unet/mid: takes 3 dimensions, given f32 [7, 40] on dry",
                () -> ops.attention(f32(7, 40), k, k, 8, false));
    }

    @Test
    void byNormalisations() {
        Affine affine = new Affine(f32(40), f32(40));
        fails(
                "groupNorm at unet/mid: x is [1, 2, 2, 40]: needs [n, ..., c] with c divisible by 32 groups",
                () -> ops.groupNorm(f32(1, 2, 2, 40), affine, 32, 1e-5f));
        fails(
                "groupNorm at unet/mid: x is [1, 2, 2, 50]; gain and bias must be f32 [50], given f32 [40] on dry",
                () -> ops.groupNormSiluConcat(f32(1, 2, 2, 40), f32(1, 2, 2, 10), affine, 10, 1e-5f));
        fails(
                "layerNorm at unet/mid: x is f32 [2, 30] on dry; gain and bias must be f32 [30], given f32 [40] on dry",
                () -> ops.layerNorm(f32(2, 30), affine, 1e-5f));
        fails(
                "layerNorm at unet/mid: x is bf16 [2, 40] on dry; gain and bias must be f32 [40], given bf16 [40] on dry",
                () -> ops.layerNorm(bf16(2, 40), new Affine(f32(40), bf16(40)), 1e-5f));
    }

    @Test
    void byElementwiseOperations() {
        fails(
                "add at unet/mid: f32 [2, 3] on dry and f32 [2] on dry do not fit:"
                        + " the second must have the first's type and its trailing sizes",
                () -> ops.add(f32(2, 3), f32(2)));
        fails(
                "mul at unet/mid: f32 [2, 3] on dry and bf16 [2, 3] on dry do not fit:"
                        + " the second must have the first's type and its trailing sizes",
                () -> ops.mul(f32(2, 3), bf16(2, 3)));
        fails(
                "addPerChannel at unet/mid: to f32 [2, 4, 4, 3] can be added f32 [2, 3], given f32 [3] on dry",
                () -> ops.addPerChannel(f32(2, 4, 4, 3), f32(3)));
        fails("weightedSum at unet/mid: needs at least one term", () -> ops.weightedSum(f32(1, 1)));
        fails(
                "weightedSum at unet/mid: terms are of one shape, given f32 [2, 3] on dry and f32 [2, 4] on dry",
                () -> ops.weightedSum(f32(1, 2), f32(2, 3), f32(2, 4)));
        fails(
                "weightedSum at unet/mid: terms are f32, given bf16 [2, 3] on dry",
                () -> ops.weightedSum(f32(1, 2), f32(2, 3), bf16(2, 3)));
        fails(
                "weightedSum at unet/mid: coefficients are f32 [3, 1] on dry for 1 terms of [2, 3]",
                () -> ops.weightedSum(f32(3, 1), f32(2, 3)));
        fails(
                "weightedSums at unet/mid: coefficients are f32 [1, 3] on dry for 2 sums of 2 terms of [2, 3]",
                () -> ops.weightedSums(f32(1, 3), 2, f32(2, 3), bf16(2, 3)));
        fails(
                "weightedSums at unet/mid: terms are f32 or of one 16-bit type,"
                        + " given [bf16 [2, 3] on dry, f16 [2, 3] on dry]",
                () -> ops.weightedSums(f32(1, 2), 1, bf16(2, 3), ops.cast(f32(2, 3), DType.F16)));
        fails("weightedSums at unet/mid: cannot give 0 sums", () -> ops.weightedSums(f32(1, 1), 0, f32(2, 3)));
    }

    @Test
    void byMovements() {
        fails(
                "concatChannels at unet/mid: f32 [2, 3] on dry and f32 [1, 3] on dry must agree in all but the last size",
                () -> ops.concatChannels(f32(2, 3), f32(1, 3)));
        fails(
                "concatRows at unet/mid: f32 [2, 3] on dry and f32 [2, 4] on dry must agree in all but the first size",
                () -> ops.concatRows(f32(2, 3), f32(2, 4)));
        fails("concatRows at unet/mid: needs at least one part", ops::concatRows);
        fails("sliceChannels at unet/mid: channels 2 to 5 of x [2, 4]", () -> ops.sliceChannels(f32(2, 4), 2, 5));
        fails("sliceChannels at unet/mid: channels 2 to 2 of x [2, 4]", () -> ops.sliceChannels(f32(2, 4), 2, 2));
        fails("upsampleNearest at unet/mid: target size 0 x 4", () -> ops.upsampleNearest(f32(1, 2, 2, 3), 0, 4));
        fails("embedding at unet/mid: ids are f32 [3] on dry, must be i32", () -> ops.embedding(f32(3), f32(9, 4)));
        fails(
                "embeddingAdd at unet/mid: to f32 [2, 3, 4] can be added what has its type and trailing sizes,"
                        + " given f32 [2, 4] on dry",
                () -> ops.embeddingAdd(root.allocate(Shape.of(2, 3), DType.I32), f32(9, 4), f32(2, 4)));
    }

    @Test
    void bySamplersOperations() {
        fails(
                "timeEmbedding at unet/mid: t is f32 [2] on dry and the width 7: needs f32 [n] and an even width",
                () -> ops.timeEmbedding(f32(2), 7, true, 0));
        fails(
                "rescaleGuidance at unet/mid: takes f32 [n, ...] of one shape, given f32 [2, 3] on dry and f32 [1, 3] on dry",
                () -> ops.rescaleGuidance(f32(2, 3), f32(1, 3), 0.5f));
        fails(
                "dynamicThreshold at unet/mid: takes f32 [n, ...] of one shape, given bf16 [2, 3] on dry and bf16 [2, 3] on dry",
                () -> ops.dynamicThreshold(bf16(2, 3), 0.9f, 1));
        Tensor ids = root.allocate(Shape.of(2), DType.I32);
        fails("toPixels at unet/mid: x is i32 [2] on dry, must be floating", () -> ops.toPixels(ids));
        fails(
                "fromPixels at unet/mid: x is i32 [2] on dry, must be u8, and becomes floating, not f32",
                () -> ops.fromPixels(ids, DType.F32));
        fails(
                "normal at unet/mid: streams are i32 [2] on dry, must be i32 [n, 3], for maps of 8 x 8 and 4 channels",
                () -> ops.normal(ids, 8, 8, 4));
    }

    private Tensor f32(int... dims) {
        return root.allocate(Shape.of(dims), DType.F32);
    }

    private Tensor bf16(int... dims) {
        return root.allocate(Shape.of(dims), DType.BF16);
    }

    private static HostTensor host(String name, int... dims) {
        return HostTensor.shapeOnly(name, Shape.of(dims), DType.F32);
    }

    private static void fails(String message, Runnable operation) {
        assertEquals(message, assertThrows(ShapeException.class, operation::run).getMessage());
    }
}
