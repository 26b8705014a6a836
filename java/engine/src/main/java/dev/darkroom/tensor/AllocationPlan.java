package dev.darkroom.tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
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
    private final int[] events; // in their order: i where block i is made, -1 - i where it is released
    private final long bytes;

    private AllocationPlan(long[] sizes, long[] offsets, int[] events) {
        this.sizes = sizes;
        this.offsets = offsets;
        this.events = events;
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
        private final IdentityHashMap<Object, Integer> live = new IdentityHashMap<>();
        private final List<Integer> events = new ArrayList<>();

        void made(Object block, long bytes) {
            live.put(block, lives.size());
            lives.add(new Life(bytes, events.size(), Integer.MAX_VALUE));
            events.add(lives.size() - 1);
        }

        void released(Object block) {
            Integer index = live.remove(block);
            if (index != null) { // else it was made before the run
                Life life = lives.get(index);
                lives.set(index, new Life(life.bytes, life.born, events.size()));
                events.add(-1 - index);
            }
        }

        AllocationPlan plan() {
            long[] offsets = new long[lives.size()];
            List<Integer> placed = new ArrayList<>(); // by offset
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, lives.size()).boxed().toList());
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
                    lives.stream().mapToLong(Life::bytes).toArray(),
                    offsets,
                    events.stream().mapToInt(each -> each).toArray());
        }
    }

    /** Carries the plan out once, and sees to it that blocks are made and released in the planned order: only then do none overlap. */
    final class Placement {
        private final long address;
        private final IdentityHashMap<Object, Integer> live = new IdentityHashMap<>();
        private int next; // event
        private boolean departed;

        /** @param address of the piece of memory */
        Placement(long address) {
            this.address = address;
        }

        /** The address of the next block. @throws DepartureException when the planned run did not ask for such a block now */
        long place(long size, Scope scope) {
            int index = next < events.length ? events[next] : -1;
            if (departed || index < 0 || sizes[index] != size) {
                throw new DepartureException("a block of " + Bytes.format(size) + " at " + scope.path()
                        + " was not made then, or not after the same blocks had been made and released");
            }
            return address + offsets[index];
        }

        /** Takes down that the block of the address given last is {@code block}. */
        void made(Object block) {
            live.put(block, events[next++]);
        }

        void released(Object block) {
            Integer index = live.remove(block);
            departed |= index == null || next == events.length || events[next] != -1 - index;
            next++;
        }
    }
}
