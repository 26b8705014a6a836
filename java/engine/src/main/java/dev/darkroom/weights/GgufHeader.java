package dev.darkroom.weights;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Parses and checks the head of a GGUF file: keys with values, then where tensors lie. */
final class GgufHeader {
    /** A tensor: its shape with the fastest dimension last, and where it begins in the data. */
    @SuppressWarnings("ArrayRecordComponent") // two are never compared
    record Entry(GgufType type, int[] shape, long offset) {
        long elements() {
            return Arrays.stream(shape).asLongStream().reduce(1, (a, b) -> a * b);
        }
    }

    private static final String ALIGNMENT = "general.alignment";

    /** The shape a tensor had before it was reshaped to whole blocks, as ComfyUI-GGUF writes it. */
    private static final String ORIGINAL_SHAPE = "comfy.gguf.orig_shape.";

    private static final int DEFAULT_ALIGNMENT = 32;
    private static final int MAX_RANK = 8;
    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int[] VALUE_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8
    }; // u8 i8 u16 i16 u32 i32 f32 bool - - u64 i64 f64

    private final String file;
    private final ByteBuffer head;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, int[]> originalShapes = new LinkedHashMap<>();
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private long dataStart;

    private GgufHeader(String file, ByteBuffer head) {
        this.file = file;
        this.head = head;
    }

    /**
     * @param head     the file's first bytes, little-endian
     * @param fileSize of the whole file
     * @throws WeightsException when the head breaks any rule of the format
     */
    static GgufHeader read(String file, ByteBuffer head, long fileSize) {
        GgufHeader header = new GgufHeader(file, head);
        header.readAll(fileSize);
        return header;
    }

    Map<String, String> metadata() {
        return metadata;
    }

    Map<String, Entry> entries() {
        return entries;
    }

    /** Where the data begins in the file. */
    long dataStart() {
        return dataStart;
    }

    private void readAll(long fileSize) {
        need(24);
        head.getInt(); // the magic number, by which the format was told
        int version = head.getInt();
        if (version != 2 && version != 3) {
            throw broken("it is of version " + version + ", where 2 and 3 can be read");
        }
        long tensors = head.getLong();
        long keys = head.getLong();
        for (long i = 0; i < keys; i++) {
            readKey();
        }
        for (long i = 0; i < tensors; i++) {
            readTensor();
        }
        long alignment = alignment();
        dataStart = (head.position() + alignment - 1) / alignment * alignment;
        entries.forEach((name, entry) -> {
            long bytes = entry.type().bytes(entry.elements());
            if (entry.offset() < 0
                    || entry.offset() % alignment != 0
                    || entry.offset() > fileSize - dataStart - bytes) {
                throw broken("its tensor \"" + name + "\" would lie outside the file; it may be cut off");
            }
        });
    }

    private long alignment() {
        String value = metadata.getOrDefault(ALIGNMENT, String.valueOf(DEFAULT_ALIGNMENT));
        if (!value.matches("[1-9][0-9]{0,5}")) {
            throw broken("its alignment is " + value);
        }
        return Long.parseLong(value);
    }

    private void readKey() {
        String key = string();
        int type = integer();
        if (type == ARRAY) {
            readArray(key);
        } else {
            metadata.put(key, value(type));
        }
    }

    /** Arrays are vocabularies and the like, passed over, but for shapes. */
    private void readArray(String key) {
        int type = integer();
        long count = count();
        int[] shape = key.startsWith(ORIGINAL_SHAPE) && count <= MAX_RANK ? new int[(int) count] : null;
        for (long i = 0; i < count; i++) {
            String value = value(type);
            if (shape != null) {
                shape[(int) i] = size(value);
            }
        }
        if (shape != null) {
            originalShapes.put(key.substring(ORIGINAL_SHAPE.length()), shape);
        }
    }

    private int size(String digits) {
        if (!digits.matches("[0-9]{1,9}")) {
            throw broken("it gives \"" + digits + "\" for the size of a tensor");
        }
        return Integer.parseInt(digits);
    }

    private String value(int type) {
        if (type == STRING) {
            return string();
        }
        if (type < 0 || type >= VALUE_BYTES.length || VALUE_BYTES[type] == 0) {
            throw broken("it has a value of the unknown type " + type);
        }
        need(VALUE_BYTES[type]);
        return switch (type) {
            case 0 -> String.valueOf(head.get() & 0xff);
            case 1 -> String.valueOf(head.get());
            case 2 -> String.valueOf(head.getShort() & 0xffff);
            case 3 -> String.valueOf(head.getShort());
            case 4 -> Integer.toUnsignedString(head.getInt());
            case 5 -> String.valueOf(head.getInt());
            case 6 -> String.valueOf(head.getFloat());
            case 7 -> String.valueOf(head.get() != 0);
            case 10 -> Long.toUnsignedString(head.getLong());
            case 11 -> String.valueOf(head.getLong());
            default -> String.valueOf(head.getDouble());
        };
    }

    private void readTensor() {
        String name = string();
        int rank = integer();
        if (rank < 0 || rank > MAX_RANK) {
            throw broken("its tensor \"" + name + "\" has " + Integer.toUnsignedString(rank) + " dimensions");
        }
        int[] shape = new int[rank];
        long elements = 1;
        for (int i = rank - 1; i >= 0; i--) {
            need(8);
            long size = head.getLong();
            if (size < 0 || size > Integer.MAX_VALUE || elements * size > Integer.MAX_VALUE) {
                throw broken("its tensor \"" + name + "\" has more than 2^31 elements");
            }
            shape[i] = (int) size;
            elements *= size;
        }
        int code = integer();
        GgufType type = GgufType.of(code);
        need(8);
        long offset = head.getLong();
        if (type == null) {
            throw new WeightsException(file + ": tensor \"" + name + "\" is of GGUF's type " + code
                    + ", which cannot be read; known are " + Arrays.toString(GgufType.values()));
        }
        if (rank > 0 && shape[rank - 1] % type.blockElements() != 0) {
            throw broken("its tensor \"" + name + "\" has rows of " + shape[rank - 1]
                    + " elements, which are no whole blocks of " + type);
        }
        int[] original = originalShapes.getOrDefault(name, shape);
        if (Arrays.stream(original).asLongStream().reduce(1, (a, b) -> a * b) != elements) {
            throw broken("its tensor \"" + name + "\" has another number of elements than its original shape");
        }
        if (entries.put(name, new Entry(type, original, offset)) != null) {
            throw broken("it has two tensors \"" + name + "\"");
        }
    }

    private String string() {
        int length = (int) count();
        String text = StandardCharsets.UTF_8
                .decode(head.slice(head.position(), length))
                .toString();
        head.position(head.position() + length);
        return text;
    }

    /** A number of things of at least a byte each, which can be no more than the bytes that are left. */
    private long count() {
        need(8);
        long count = head.getLong();
        if (count < 0 || count > head.remaining()) {
            throw broken("it claims " + Long.toUnsignedString(count) + " bytes or values where " + head.remaining()
                    + " bytes are left");
        }
        return count;
    }

    private int integer() {
        need(4);
        return head.getInt();
    }

    private void need(int bytes) {
        if (head.remaining() < bytes) {
            throw broken("it is cut off in its head");
        }
    }

    private WeightsException broken(String fault) {
        return new WeightsException(file + " is not a valid GGUF file: " + fault + ". Download or convert it again");
    }
}
