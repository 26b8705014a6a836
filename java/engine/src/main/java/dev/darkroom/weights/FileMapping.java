package dev.darkroom.weights;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.function.Consumer;

/**
 * Maps a part of a file for the length of one call.
 *
 * <p>A mapped buffer is normally unmapped by the garbage collector, whenever that runs; until then a checkpoint would count twice.
 * JDK 22 and newer unmap at the close of an {@code Arena}, older ones through the buffer's cleaner. Each way prints warnings or is
 * absent where the other belongs, so the JDK that runs decides.
 */
abstract class FileMapping {
    private static final FileMapping INSTANCE = Runtime.version().feature() >= 22 ? new ByArena() : new ByCleaner();

    /**
     * Maps {@code size} bytes of {@code file} from {@code offset}, calls {@code reader} with them, and unmaps them.
     *
     * @throws InternalError when the file was cut off meanwhile and the JVM met pages that are gone; else they read as zeros
     */
    static void read(FileChannel file, long offset, long size, Consumer<ByteBuffer> reader) throws IOException {
        try {
            INSTANCE.map(file, offset, size, data -> {
                try {
                    reader.accept(data);
                } finally {
                    deliverFault(8);
                }
            });
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("this JDK (" + Runtime.version() + ") cannot map files", e);
        }
    }

    /**
     * Has the JVM throw the error of mapped pages that are gone, if it met any: it does so when a thread next comes back from the VM, and in a
     * cleaner, which is what comes next, that would end the process. An array of arrays is always made by the VM.
     */
    private static Object deliverFault(int rows) {
        return new byte[rows][1];
    }

    // Throwable is what method handles throw.
    abstract void map(FileChannel file, long offset, long size, Consumer<ByteBuffer> reader) throws Throwable;

    /** {@code try (Arena arena = Arena.ofShared()) { reader.accept(file.map(READ_ONLY, offset, size, arena).asByteBuffer()); }} */
    private static final class ByArena extends FileMapping {
        private final MethodHandle ofShared;
        private final MethodHandle map;
        private final MethodHandle asByteBuffer;

        ByArena() {
            try {
                Class<?> arena = Class.forName("java.lang.foreign.Arena");
                Class<?> segment = Class.forName("java.lang.foreign.MemorySegment");
                MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                ofShared = lookup.findStatic(arena, "ofShared", MethodType.methodType(arena))
                        .asType(MethodType.methodType(AutoCloseable.class));
                map = lookup.findVirtual(
                                FileChannel.class,
                                "map",
                                MethodType.methodType(segment, MapMode.class, long.class, long.class, arena))
                        .asType(MethodType.methodType(
                                Object.class,
                                FileChannel.class,
                                MapMode.class,
                                long.class,
                                long.class,
                                AutoCloseable.class));
                asByteBuffer = lookup.findVirtual(segment, "asByteBuffer", MethodType.methodType(ByteBuffer.class))
                        .asType(MethodType.methodType(ByteBuffer.class, Object.class));
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("this JDK lacks java.lang.foreign.Arena", e);
            }
        }

        @Override
        void map(FileChannel file, long offset, long size, Consumer<ByteBuffer> reader) throws Throwable {
            AutoCloseable arena = (AutoCloseable) ofShared.invokeExact();
            try {
                Object segment = (Object) map.invokeExact(file, MapMode.READ_ONLY, offset, size, arena);
                reader.accept((ByteBuffer) asByteBuffer.invokeExact(segment));
            } finally {
                arena.close();
            }
        }
    }

    /** {@code Unsafe.invokeCleaner(buffer)}, the only way to unmap before JDK 22. */
    private static final class ByCleaner extends FileMapping {
        private final MethodHandle invokeCleaner;

        ByCleaner() {
            try {
                Class<?> unsafe = Class.forName("sun.misc.Unsafe");
                Field instance = unsafe.getDeclaredField("theUnsafe");
                instance.setAccessible(true);
                invokeCleaner = MethodHandles.publicLookup()
                        .findVirtual(unsafe, "invokeCleaner", MethodType.methodType(void.class, ByteBuffer.class))
                        .bindTo(instance.get(null));
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("this JDK lacks sun.misc.Unsafe.invokeCleaner", e);
            }
        }

        @Override
        void map(FileChannel file, long offset, long size, Consumer<ByteBuffer> reader) throws Throwable {
            ByteBuffer buffer = file.map(MapMode.READ_ONLY, offset, size);
            try {
                reader.accept(buffer.duplicate());
            } finally {
                invokeCleaner.invokeExact(buffer);
            }
        }
    }
}
