package dev.darkroom.tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Where the blocks of a computation lie in one piece of memory, found from when each was made and released in an earlier run.
 *
 * <p>The largest block is placed first, each at the lowest address at which it meets none that lives at the same time. Since all lifetimes are known, the
 * piece is hardly larger than what is live at once.
 */
public final class AllocationPlan {
    /** The computation has asked for other blocks than in the run that was planned from. */
    public static final class DepartureException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private DepartureException(String message) {
            super(message);
        }
    }

    private final long[] sizes; // of the blocks, in the order in which they are made
    private final long[] offsets;
    private final long bytes;

    private AllocationPlan(long[] sizes, long[] offsets) {
        this.sizes = sizes;
        this.offsets = offsets;
        this.bytes = IntStream.range(0, sizes.length)
                .mapToLong(i -> offsets[i] + sizes[i])
                .max()
                .orElse(0);
    }

    /** Size of the piece of memory. */
    public long bytes() {
        return bytes;
    }

    /** Watches a run. */
    static final class Trace {
        private record Life(long bytes, int born, int died) {
            private boolean meets(Life other) {
                return born < other.died && other.born < died;
            }
        }

        private final List<Life> lives = new ArrayList<>();
        private final Map<Object, Integer> live = new IdentityHashMap<>();
        private int clock;

        void made(Object block, long bytes) {
            live.put(block, lives.size());
            lives.add(new Life(bytes, clock++, Integer.MAX_VALUE));
        }

        void released(Object block) {
            Integer index = live.remove(block);
            if (index != null) { // else it was made before the run
                Life life = lives.get(index);
                lives.set(index, new Life(life.bytes, life.born, clock++));
            }
        }

        AllocationPlan plan() {
            long[] offsets = new long[lives.size()];
            List<Integer> placed = new ArrayList<>(); // by offset
            List<Integer> order = new ArrayList<>(
                    IntStream.range(0, lives.size()).boxed().toList());
            order.sort(Comparator.comparingLong((Integer i) -> -lives.get(i).bytes));
            for (int block : order) {
                Life life = lives.get(block);
                long offset = 0;
                for (int other : placed) {
                    if (life.meets(lives.get(other))) {
                        if (offset + life.bytes <= offsets[other]) {
                            break;
                        }
                        offset = Math.max(offset, offsets[other] + lives.get(other).bytes);
                    }
                }
                offsets[block] = offset;
                long found = offset;
                int at = (int)
                        placed.stream().filter(other -> offsets[other] <= found).count();
                placed.add(at, block);
            }
            return new AllocationPlan(
                    lives.stream().mapToLong(Life::bytes).toArray(), offsets);
        }
    }

    /** Carries the plan out once. */
    final class Placement {
        private final long address;
        private int next;

        /** @param address of the piece of memory */
        Placement(long address) {
            this.address = address;
        }

        /** The address of the next block. @throws DepartureException when the planned run did not ask for such a block */
        long place(long size, Scope scope) {
            if (next == sizes.length || sizes[next] != size) {
                throw new DepartureException("block " + next + " is of " + Bytes.format(size) + " at " + scope.path()
                        + ", planned was "
                        + (next == sizes.length ? "no more" : Bytes.format(sizes[next])));
            }
            return address + offsets[next++];
        }
    }
}
