package dev.darkroom.models.clip;

import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.Objects;

/**
 * CLIP: two encoders whose embeddings point the same way where text and picture belong together (Radford et al. 2021, figure 3).
 *
 * <p>The embeddings leave the device before they are compared: what is left are a norm and a few products of some hundred numbers each.
 */
public final class ClipModel {
    private final ClipTextEncoder text;
    private final ClipImageEncoder image;
    private final HostTensor logitScale;

    /** A model whose parameters are {@code p}, named as transformers' CLIPModel has them, checked against {@code config}. */
    public ClipModel(Parameters p, ClipConfig config) {
        text = new ClipTextEncoder(p, config.text());
        image = new ClipImageEncoder(p, config.image());
        logitScale = p.path().tensor("logit_scale", Shape.of());
    }

    public ClipTextEncoder text() {
        return text;
    }

    public ClipImageEncoder image() {
        return image;
    }

    /** What cosines are multiplied by to become logits: e to the power of the learned {@code logit_scale}, 100 at most. */
    public double logitScale() {
        return Math.exp(logitScale.toFloats()[0]);
    }

    /** ids [n][t] → n embeddings of unit length; waits for the device. @throws IllegalArgumentException as {@link ClipTextEncoder#encode} */
    public float[][] embedTexts(Ops ops, int[][] ids) {
        return unitRows(Objects.requireNonNull(text.encode(ops, ids).projected()));
    }

    /** pixels [n, size, size, 3] → n embeddings of unit length; waits for the device. @throws IllegalArgumentException as {@link ClipImageEncoder#encode} */
    public float[][] embedImages(Ops ops, Tensor pixels) {
        return unitRows(Objects.requireNonNull(image.encode(ops, pixels).projected()));
    }

    /** x [n, c] → its rows, each divided by its Euclidean length; waits for the device. */
    public static float[][] unitRows(Tensor x) {
        float[] values = x.toHost();
        int width = x.dim(1);
        float[][] rows = new float[x.dim(0)][width];
        for (int i = 0; i < rows.length; i++) {
            double squares = 0;
            for (int c = 0; c < width; c++) {
                squares += (double) values[i * width + c] * values[i * width + c];
            }
            for (int c = 0; c < width; c++) {
                rows[i][c] = (float) (values[i * width + c] / Math.sqrt(squares));
            }
        }
        return rows;
    }

    /** exp(logit_scale) · images · textsᵀ: m embeddings of images and n of texts → logits [m][n], whose softmax over n says which text suits a picture. */
    public double[][] logits(float[][] images, float[][] texts) {
        double scale = logitScale();
        double[][] logits = cosines(images, texts);
        for (double[] row : logits) {
            Arrays.setAll(row, j -> scale * row[j]);
        }
        return logits;
    }

    /** The cosine of each of m embeddings with each of n, all of unit length → [m][n]. */
    public static double[][] cosines(float[][] a, float[][] b) {
        double[][] cosines = new double[a.length][b.length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < b.length; j++) {
                for (int c = 0; c < a[i].length; c++) {
                    cosines[i][j] += (double) a[i][c] * b[j][c];
                }
            }
        }
        return cosines;
    }
}
