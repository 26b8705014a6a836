package dev.darkroom.prompt;

import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.tokenizer.TokenizedPrompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Packs the tokens of weighted texts into chunks of 75, so that a prompt may have any length.
 *
 * <p>AUTOMATIC1111's rules (sd_hijack_clip.py, tokenize_line): texts are tokenised one by one; BREAK ends a chunk; where a chunk is full and its last comma is
 * at most 20 tokens back, what follows the comma begins the next chunk.
 */
public final class PromptChunker {
    private static final int COMMA_LOOK_BACK = 20;

    private final ClipTokenizer tokenizer;

    public PromptChunker(ClipTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** {@code text} without any syntax in one chunk, cut off where it has no room. */
    public ChunkedPrompt plain(String text) {
        TokenizedPrompt prompt = tokenizer.tokenize(text);
        double[] weights = new double[tokenizer.maxLength()];
        Arrays.fill(weights, 1);
        return new ChunkedPrompt(List.of(new PromptChunk(prompt.ids(), weights)), prompt.tokens(), prompt.cutOff());
    }

    /** The chunk of the empty prompt, which pads others to equal length. */
    public PromptChunk empty() {
        return plain("").chunks().get(0);
    }

    /** All of {@code texts}. */
    public ChunkedPrompt pack(List<WeightedText> texts) {
        Packer packer = new Packer();
        for (WeightedText text : texts) {
            if (text.isBreak()) {
                packer.endChunk(packer.room);
            } else {
                for (int token : tokenizer.encode(text.text())) {
                    packer.add(token, text.weight());
                }
            }
        }
        if (packer.used > 0 || packer.chunks.isEmpty()) {
            packer.endChunk(packer.used);
        }
        return new ChunkedPrompt(List.copyOf(packer.chunks), packer.tokens, "");
    }

    /** The chunk that is being filled, and those that are done. */
    private final class Packer {
        private final int room = tokenizer.maxLength() - 2;
        private final List<PromptChunk> chunks = new ArrayList<>();
        private int[] ids = new int[room];
        private double[] weights = new double[room];
        private int used;
        private int lastComma = -1;
        private int tokens;

        void add(int token, double weight) {
            if (token == tokenizer.comma()) {
                lastComma = used;
            } else if (used == room && lastComma >= 0 && room - lastComma <= COMMA_LOOK_BACK) {
                moveOnFrom(lastComma + 1);
            }
            if (used == room) {
                endChunk(room);
            }
            ids[used] = token;
            weights[used++] = weight;
        }

        /** Ends the chunk before token {@code from}; the others begin the next one. */
        private void moveOnFrom(int from) {
            int[] movedIds = Arrays.copyOfRange(ids, from, room);
            double[] movedWeights = Arrays.copyOfRange(weights, from, room);
            used = from;
            endChunk(room);
            System.arraycopy(movedIds, 0, ids, 0, movedIds.length);
            System.arraycopy(movedWeights, 0, weights, 0, movedWeights.length);
            used = movedIds.length;
        }

        void endChunk(int counted) {
            int[] all = new int[room + 2];
            double[] factors = new double[room + 2];
            Arrays.fill(factors, 1);
            all[0] = tokenizer.start();
            System.arraycopy(ids, 0, all, 1, used);
            System.arraycopy(weights, 0, factors, 1, used);
            Arrays.fill(all, used + 1, all.length, tokenizer.end());
            if (tokenizer.pad() != tokenizer.end()) {
                int end = 1; // the first end, where a prompt spells one out itself
                while (all[end] != tokenizer.end()) {
                    end++;
                }
                Arrays.fill(all, end + 1, all.length, tokenizer.pad());
            }
            chunks.add(new PromptChunk(all, factors));
            tokens += counted;
            used = 0;
            lastComma = -1;
        }
    }
}
