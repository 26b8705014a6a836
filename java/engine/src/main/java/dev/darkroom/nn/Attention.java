package dev.darkroom.nn;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Multi-head attention with projections (Vaswani et al. 2017, section 3.2), from tokens [n, t, width] to keys and values of a context
 * [n, s, contextWidth].
 *
 * <p>Keys and values of a context that does not change are computed once ({@link #keysValues}) and used in every step.
 */
public final class Attention {
    /**
     * The projected context.
     *
     * @param keys   [n, s, inner]
     * @param values [n, s, inner]
     * @param beside contexts that the same queries attend to, each for itself; the results are added (Ye et al. 2023, eq. 5)
     */
    public record KeysValues(Tensor keys, Tensor values, List<KeysValues> beside) {
        public KeysValues(Tensor keys, Tensor values) {
            this(keys, values, List.of());
        }

        /** This context, and {@code other} beside it. */
        public KeysValues and(KeysValues other) {
            List<KeysValues> all = new ArrayList<>(beside);
            all.add(other);
            return new KeysValues(keys, values, List.copyOf(all));
        }

        /** Keys and values, then those of the contexts beside. */
        public List<Tensor> tensors() {
            List<Tensor> tensors = new ArrayList<>(List.of(keys, values));
            beside.forEach(each -> tensors.addAll(each.tensors()));
            return tensors;
        }

        /** The same with the next of {@code tensors}, in the order of {@link #tensors}, in their place. */
        public KeysValues with(Iterator<Tensor> tensors) {
            Tensor otherKeys = tensors.next();
            Tensor otherValues = tensors.next();
            return new KeysValues(
                    otherKeys,
                    otherValues,
                    beside.stream().map(each -> each.with(tensors)).toList());
        }
    }

    /**
     * The spelling of the four projections in a checkpoint.
     *
     * @param query,key,value,out path of each
     */
    public record Names(String query, String key, String value, String out) {
        public static final Names DIFFUSERS = new Names("to_q", "to_k", "to_v", "to_out.0");
        public static final Names CLIP = new Names("q_proj", "k_proj", "v_proj", "out_proj");
    }

    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear out;
    private final int heads;

    /**
     * An attention whose projections of x and context have a bias or not; that of the result always has one.
     *
     * @param width        channels of x and of the result
     * @param contextWidth channels of the context; {@code width} for self-attention
     * @param inner        channels of queries, keys and values, a multiple of {@code heads}
     */
    public Attention(Parameters p, Names names, boolean bias, int width, int contextWidth, int inner, int heads) {
        this.query = projection(p.at(names.query()), width, inner, bias);
        this.key = projection(p.at(names.key()), contextWidth, inner, bias);
        this.value = projection(p.at(names.value()), contextWidth, inner, bias);
        this.out = Linear.withBias(p.at(names.out()), inner, width);
        this.heads = heads;
    }

    private static Linear projection(Parameters p, int in, int out, boolean bias) {
        return bias ? Linear.withBias(p, in, out) : Linear.withoutBias(p, in, out);
    }

    /** context [n, s, contextWidth] → keys and values. */
    public KeysValues keysValues(Ops ops, Tensor context) {
        List<Tensor> projected = Linear.all(ops, context, key, value);
        return new KeysValues(projected.get(0), projected.get(1));
    }

    /** x [n, t, width] → attention(norm(x), context) + x. */
    public Tensor add(Ops ops, LayerNorm norm, Tensor x, KeysValues context) {
        Tensor queries = norm.linear(ops, x, query);
        return out.add(ops, attended(ops, queries, context), x);
    }

    private Tensor attended(Ops ops, Tensor queries, KeysValues context) {
        Tensor attended = ops.attention(queries, context.keys(), context.values(), heads, /* causal= */ false);
        for (KeysValues other : context.beside()) {
            attended = ops.add(attended, attended(ops, queries, other));
        }
        return attended;
    }

    /** x [n, t, width] → selfAttention(norm(x)) + x. */
    public Tensor addSelf(Ops ops, LayerNorm norm, Tensor x, boolean causal) {
        return attend(ops, norm.linears(ops, x, query, key, value), causal, x);
    }

    /** x [n, t, width], residual [n, t, width] → selfAttention(x) + residual. */
    public Tensor addSelf(Ops ops, Tensor x, boolean causal, Tensor residual) {
        return attend(ops, Linear.all(ops, x, query, key, value), causal, residual);
    }

    /** @param qkv queries, keys and values, [n, t, inner] each */
    private Tensor attend(Ops ops, List<Tensor> qkv, boolean causal, Tensor residual) {
        return out.add(ops, ops.attention(qkv.get(0), qkv.get(1), qkv.get(2), heads, causal), residual);
    }
}
