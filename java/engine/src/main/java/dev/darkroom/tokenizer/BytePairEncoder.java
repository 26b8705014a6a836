package dev.darkroom.tokenizer;

import java.util.Arrays;
import java.util.PriorityQueue;

/**
 * Merges the symbols of one word: always the pair that was merged earliest in training, the leftmost where there are several (Sennrich et al. 2016).
 *
 * <p>A queue of candidate pairs over a linked list: n log n in the length of the word, so that a word of a million letters does no harm.
 */
final class BytePairEncoder {
    private final Vocabulary vocabulary;

    BytePairEncoder(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    /** symbols [n] of a word → the ids that remain after merging. */
    int[] encode(int[] symbols) {
        int[] ids = symbols.clone();
        int n = ids.length;
        int[] next = new int[n];
        int[] previous = new int[n];
        Arrays.setAll(next, i -> i + 1);
        Arrays.setAll(previous, i -> i - 1);
        boolean[] gone = new boolean[n];
        PriorityQueue<Candidate> queue = new PriorityQueue<>();
        for (int i = 0; i + 1 < n; i++) {
            offer(queue, ids, i, i + 1);
        }
        for (Candidate best = queue.poll(); best != null; best = queue.poll()) {
            int left = best.position;
            int right = gone[left] ? n : next[left];
            if (right >= n || ids[left] != best.left || ids[right] != best.right) {
                continue; // a neighbour has been merged since
            }
            ids[left] = (int) best.merge;
            gone[right] = true;
            next[left] = next[right];
            if (next[left] < n) {
                previous[next[left]] = left;
                offer(queue, ids, left, next[left]);
            }
            if (previous[left] >= 0) {
                offer(queue, ids, previous[left], left);
            }
        }
        int[] result = new int[n];
        int count = 0;
        for (int i = 0; i < n; i = next[i]) {
            result[count++] = ids[i];
        }
        return Arrays.copyOf(result, count);
    }

    private void offer(PriorityQueue<Candidate> queue, int[] ids, int left, int right) {
        long merge = vocabulary.merge(ids[left], ids[right]);
        if (merge >= 0) {
            queue.add(new Candidate(merge, left, ids[left], ids[right]));
        }
    }

    /** A pair that may be merged: its rank and what it becomes, where it stands, and what stood there when it was found. */
    private record Candidate(long merge, int position, int left, int right) implements Comparable<Candidate> {
        @Override
        public int compareTo(Candidate other) {
            int byMerge = Long.compare(merge, other.merge);
            return byMerge != 0 ? byMerge : Integer.compare(position, other.position);
        }
    }
}
