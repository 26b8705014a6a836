package dev.darkroom.prompt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("correctness 9: weights act on embeddings")
class EmphasisTest {
    private static final PromptChunk CHUNK = new PromptChunk(new int[] {1, 2}, new double[] {1, 1.5});
    private static final float[] TOKENS = {1, 2, 3, -4}; // two tokens of two channels, mean 0.5
    private static final float[] EMPTY = {1, 2, 1, -2};

    @Test
    void multipliedAndBroughtBackToTheMeanOfTheChunk() {
        // 1, 2, 4.5, -6: mean 0.375, factor 4/3
        assertArrayEquals(new float[] {4 / 3f, 8 / 3f, 6, -8}, Emphasis.ORIGINAL.apply(TOKENS, CHUNK, EMPTY), 1e-6f);
    }

    @Test
    void multipliedAndNoMore() {
        assertArrayEquals(new float[] {1, 2, 4.5f, -6}, Emphasis.NO_NORM.apply(TOKENS, CHUNK, EMPTY));
    }

    @Test
    void awayFromTheEmptyPromptInComfyUi() {
        assertArrayEquals(new float[] {1, 2, 4, -5}, Emphasis.COMFY.apply(TOKENS, CHUNK, EMPTY));
    }

    @Test
    void notAtAllWhereAllAreOne() {
        PromptChunk plain = new PromptChunk(new int[] {1, 2}, new double[] {1, 1});
        for (Emphasis each : Emphasis.values()) {
            assertSame(TOKENS, each.apply(TOKENS, plain, EMPTY));
        }
    }

    @Test
    void aMeanOfZeroIsLeftAlone() {
        PromptChunk chunk = new PromptChunk(new int[] {1, 2}, new double[] {0, 2});
        float[] given = Emphasis.ORIGINAL.apply(new float[] {1, 1, 1, -1}, chunk, EMPTY);
        assertArrayEquals(new float[] {0, 0, 2, -2}, given);
    }

    @Test
    void modesAreFoundByTheirNames() {
        assertEquals(Emphasis.NO_NORM, Emphasis.parse("no-norm"));
        assertEquals(Emphasis.NO_NORM, Emphasis.parse("No norm"));
        assertEquals(Emphasis.COMFY, Emphasis.parse("comfy"));
        String message = assertThrows(IllegalArgumentException.class, () -> Emphasis.parse("loud"))
                .getMessage();
        assertTrue(String.valueOf(message).contains("known are original, no-norm, comfy"), message);
    }
}
