package dev.darkroom.cpu;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive;
import org.jspecify.annotations.Nullable;

/** A oneDNN primitive with its arguments, made once for a shape and then run with changing addresses. */
final class Kernel {
    private final OneDnn library;
    private final primitive operation;
    private final IntMemoryMap arguments = new IntMemoryMap();
    private final @Nullable memory[] slots;
    private final memory scratchpad;
    private final long scratchBytes;
    private final Address address = new Address();

    /**
     * @param scratchpad the memory that the primitive wants for itself while it runs
     * @param names      oneDNN's names of the arguments (DNNL_ARG_SRC …), in the order in which {@link #run} takes addresses
     * @param layouts    their layouts; those without dimensions stand for arguments that this primitive does not take
     */
    Kernel(OneDnn library, primitive operation, memory.desc scratchpad, int[] names, memory.desc... layouts) {
        this.library = library;
        this.operation = operation;
        slots = new memory[names.length];
        for (int i = 0; i < names.length; i++) {
            if (layouts[i].get_ndims() > 0) {
                memory slot = new memory(layouts[i], library.engine(), new Address());
                slots[i] = slot;
                arguments.put(names[i], slot);
            }
        }
        scratchBytes = scratchpad.get_size();
        this.scratchpad = new memory(scratchpad, library.engine(), new Address());
        arguments.put(dnnl.DNNL_ARG_SCRATCHPAD, this.scratchpad);
    }

    /** Bytes of memory that the primitive wants for itself while it runs. */
    long scratchBytes() {
        return scratchBytes;
    }

    /** Runs with these addresses on all threads; scratch memory comes from the pool, for the length of the call. */
    void run(Scope scope, long... addresses) {
        library.useAllThreads();
        if (scratchBytes == 0) {
            runWith(0, addresses);
            return;
        }
        try (Scope scratch = scope.child("scratch")) {
            runWith(scratch.allocate(bytes(scratchBytes), DType.U8).address(), addresses);
        }
    }

    /** Runs with these addresses and scratch memory, on as many threads as the calling thread has been given. */
    void runWith(long scratch, long... addresses) {
        for (int i = 0; i < slots.length; i++) {
            memory slot = slots[i];
            if (slot != null) {
                slot.set_data_handle(address.at(addresses[i]));
            }
        }
        if (scratchBytes > 0) {
            scratchpad.set_data_handle(address.at(scratch));
        }
        operation.execute(library.stream(), arguments);
    }

    /** The shape of a block of {@code count} bytes. */
    static Shape bytes(long count) {
        return count <= Integer.MAX_VALUE ? Shape.of((int) count) : Shape.of((int) (count >> 12) + 1, 1 << 12);
    }
}
