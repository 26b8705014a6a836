package dev.darkroom.cuda;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * The way between host and device memory: a ring of pinned buffers, each with its counterpart on the device.
 *
 * <p>Uploads have a stream of their own: while one piece is converted on the compute stream the next is under way and the one after that
 * is copied into its pinned buffer.
 */
class Staging implements AutoCloseable {
    /** Queues what takes a piece that has arrived to where it belongs. */
    @FunctionalInterface
    interface Arrival {
        /**
         * @param address of the piece on the device, valid for work queued before this returns
         * @param start   its first byte in the whole
         * @param bytes   its length
         */
        void take(long address, long start, int bytes);
    }

    private static final int SLOTS = 3;
    static final int SLOT_BYTES = 8 << 20;

    private final CudaStream compute;
    private final DriverResources resources;
    private final CUstream transfer = new CUstream();
    private final List<Slot> slots = new ArrayList<>();
    private int next;

    private static final class Slot {
        final Pointer pinned = new Pointer();
        final DeviceAddress device = new DeviceAddress();
        final CUevent arrived = new CUevent();
        final CUevent taken = new CUevent();
        final ByteBuffer bytes;

        Slot(DriverResources resources) {
            resources.pinned(pinned, SLOT_BYTES);
            resources.memory(device, SLOT_BYTES);
            resources.event(arrived);
            resources.event(taken);
            bytes = pinned.getByteBuffer(0, SLOT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    Staging(CudaStream compute) {
        this.compute = compute;
        resources = new DriverResources(compute);
        try {
            resources.stream(transfer);
            for (int i = 0; i < SLOTS; i++) {
                slots.add(new Slot(resources));
            }
        } catch (RuntimeException | Error e) {
            resources.close();
            throw e;
        }
    }

    /** Without buffers, for {@link KernelPlan}, whose values go nowhere. */
    Staging() {
        compute = new PlannedStream();
        resources = new DriverResources(compute);
    }

    /** Brings {@code values} to the device in pieces of whole units of {@code unitBytes} and has {@code arrival} take each. */
    void upload(HostTensor values, long unitBytes, Arrival arrival) {
        if (unitBytes > SLOT_BYTES) {
            throw new IllegalArgumentException(values + " has rows of " + unitBytes + " bytes; at most " + SLOT_BYTES
                    + " can be brought to the device at once");
        }
        int pieceBytes = unitBytes == 0 ? SLOT_BYTES : Math.toIntExact(SLOT_BYTES / unitBytes * unitBytes);
        values.read(source -> {
            for (int start = 0; start < source.limit(); start += pieceBytes) {
                int bytes = Math.min(pieceBytes, source.limit() - start);
                send(source.slice(start, bytes), start, arrival);
            }
        });
    }

    private void send(ByteBuffer piece, long start, Arrival arrival) {
        compute.requireNotRecording("an upload");
        CUstream computing = compute.handle();
        int bytes = piece.remaining();
        Slot slot = slots.get(next);
        next = (next + 1) % SLOTS;
        compute.check(JCudaDriver.cuEventSynchronize(slot.taken), "cuEventSynchronize");
        slot.bytes.clear().put(piece);
        compute.make(
                "cuMemcpyHtoDAsync", () -> JCudaDriver.cuMemcpyHtoDAsync(slot.device, slot.pinned, bytes, transfer));
        compute.check(JCudaDriver.cuEventRecord(slot.arrived, transfer), "cuEventRecord");
        compute.check(JCudaDriver.cuStreamWaitEvent(computing, slot.arrived, 0), "cuStreamWaitEvent");
        arrival.take(slot.device.value(), start, bytes);
        compute.check(JCudaDriver.cuEventRecord(slot.taken, computing), "cuEventRecord");
    }

    /** Brings the bytes of {@code tensor} to the host, in order, a piece at a time; waits for the device. */
    void download(Tensor tensor, Consumer<ByteBuffer> reader) {
        compute.requireNotRecording("reading values");
        CUstream computing = compute.handle();
        Slot slot = slots.get(next);
        compute.check(JCudaDriver.cuEventSynchronize(slot.taken), "cuEventSynchronize");
        for (long start = 0; start < tensor.byteSize(); start += SLOT_BYTES) {
            int bytes = (int) Math.min(SLOT_BYTES, tensor.byteSize() - start);
            DeviceAddress from = DeviceAddress.of(tensor.address() + start);
            compute.make("cuMemcpyDtoHAsync", () -> JCudaDriver.cuMemcpyDtoHAsync(slot.pinned, from, bytes, computing));
            compute.synchronize();
            reader.accept(slot.bytes.clear().limit(bytes));
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
