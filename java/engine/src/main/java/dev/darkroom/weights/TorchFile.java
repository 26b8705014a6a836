package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.pickle.PersistentId;
import dev.darkroom.weights.pickle.PickleException;
import dev.darkroom.weights.pickle.PickleMachine;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;

/**
 * Reads what {@code torch.save} writes (.ckpt, .pt, .pth, .bin), in a zip file or in the container from before PyTorch 1.6, without running
 * anything: the pickle in it is read as data, tensors are mapped where they lie.
 */
final class TorchFile implements TensorFile {
    /** Pickles of real checkpoints take some 300 KiB. */
    private static final int LONGEST_PICKLE = 32 << 20;

    /** What the old container begins with. */
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

    private static final int OLD_VERSION = 1001;

    private final FileRegions file;
    private final Map<String, TorchTensor> tensors;

    private TorchFile(FileRegions file, Map<String, TorchTensor> tensors) {
        this.file = file;
        this.tensors = tensors;
    }

    /** Whether a file that begins so is a pickle of protocol 2 or newer. */
    static boolean isPickle(ByteBuffer start) {
        return start.remaining() >= 2 && start.get(0) == (byte) 0x80 && start.get(1) >= 2 && start.get(1) <= 5;
    }

    /**
     * Opens a file and reads its pickle.
     *
     * @throws WeightsException when it cannot be read, is broken, or names classes that weights do not consist of
     */
    static TorchFile open(Path path) {
        return FileRegions.open(path, (channel, file) -> {
            try {
                boolean zip = ZipEntries.isZip(FileRegions.bytes(channel, 0, (int) Math.min(4, file.size())));
                return new TorchFile(file, zip ? inZip(channel, file) : inOldContainer(channel, file));
            } catch (PickleException e) {
                throw new WeightsException(path + " is refused as a PyTorch file: " + e.getMessage(), e);
            }
        });
    }

    private static Map<String, TorchTensor> inZip(FileChannel channel, FileRegions file) throws IOException {
        Map<String, ZipEntries.Entry> entries = ZipEntries.of(channel, file);
        List<String> pickles = entries.keySet().stream()
                .filter(name -> name.endsWith("/data.pkl"))
                .toList();
        if (pickles.size() != 1) {
            throw new PickleException(
                    "it is a zip file with " + pickles.size() + " entries */data.pkl, where PyTorch writes one");
        }
        String folder = pickles.get(0).substring(0, pickles.get(0).length() - "data.pkl".length());
        ZipEntries.Entry order = entries.get(folder + "byteorder");
        if (order != null
                && !StandardCharsets.US_ASCII
                        .decode(FileRegions.bytes(channel, order.offset(), (int) Math.min(order.size(), 16)))
                        .toString()
                        .equals("little")) {
            throw new PickleException("its values are not little-endian");
        }
        ZipEntries.Entry content = Objects.requireNonNull(entries.get(pickles.get(0)));
        ByteBuffer pickle = pickle(channel, content.offset(), content.size());
        Object root = read(pickle, id -> {});
        return TorchObjects.tensors(root, (key, type, elements, first) -> {
            ZipEntries.Entry entry = entries.get(folder + "data/" + key);
            if (entry == null) {
                throw new PickleException("it refers to a storage " + key + " that the file does not have");
            }
            return storage(key, type, first, elements, entry.offset(), entry.size());
        });
    }

    /** Three pickles of the container (magic number, version, machine), one of the content, one of the storages' keys; then the storages. */
    private static Map<String, TorchTensor> inOldContainer(FileChannel channel, FileRegions file) throws IOException {
        ByteBuffer head = pickle(channel, 0, Math.min(file.size(), LONGEST_PICKLE));
        if (!MAGIC.equals(read(head, id -> {}))) {
            throw new PickleException("it is a pickle of something else than torch.save writes");
        }
        Object version = read(head, id -> {});
        if (!Long.valueOf(OLD_VERSION).equals(version)) {
            throw new PickleException("its container has version " + version + ", where " + OLD_VERSION + " is known");
        }
        read(head, id -> {});
        Map<String, StoredType> types = new HashMap<>();
        Object root = read(head, id -> {
            Map.Entry<String, StoredType> keyAndType = TorchObjects.keyAndType(id);
            types.put(keyAndType.getKey(), keyAndType.getValue());
        });
        Object keys = read(head, id -> {});
        if (!(keys instanceof List<?> list)) {
            throw new PickleException("it lacks the list of its storages");
        }
        Map<String, ZipEntries.Entry> storages = oldStorages(channel, file, head.position(), list, types);
        return TorchObjects.tensors(root, (key, type, elements, first) -> {
            ZipEntries.Entry entry = storages.get(key);
            if (entry == null) {
                throw new PickleException("it refers to a storage " + key + " that the file does not have");
            }
            return storage(key, type, first, elements, entry.offset(), entry.size());
        });
    }

    /** Each storage is its number of elements and then these. */
    private static Map<String, ZipEntries.Entry> oldStorages(
            FileChannel channel, FileRegions file, long start, List<?> keys, Map<String, StoredType> types)
            throws IOException {
        Map<String, ZipEntries.Entry> storages = new HashMap<>();
        long position = start;
        for (Object key : keys) {
            StoredType type = types.get(String.valueOf(key));
            if (type == null) {
                throw new PickleException("it has a storage " + key + " that nothing refers to");
            }
            if (position > file.size() - Long.BYTES) {
                throw new PickleException("it is cut off before its storage " + key);
            }
            long elements = FileRegions.bytes(channel, position, Long.BYTES).getLong(0);
            position += Long.BYTES;
            LongUnaryOperator bytes = count -> count * type.bits() / Byte.SIZE;
            if (elements < 0 || elements > file.size() || bytes.applyAsLong(elements) > file.size() - position) {
                throw new PickleException("it is cut off in its storage " + key + " of " + elements + " elements");
            }
            storages.put(String.valueOf(key), new ZipEntries.Entry(position, bytes.applyAsLong(elements)));
            position += bytes.applyAsLong(elements);
        }
        return storages;
    }

    private static TorchStorage storage(
            String key, StoredType type, long first, long elements, long position, long bytes) {
        long elementBytes = type.bits() / Byte.SIZE;
        long there = bytes / elementBytes;
        if (elements > there || first > there - elements) {
            throw new PickleException("its storage " + key + " should have " + elements + " elements from " + first
                    + " and has " + there);
        }
        return new TorchStorage(type, position + first * elementBytes, elements);
    }

    private static Object read(ByteBuffer pickle, Consumer<PersistentId> references) {
        return PickleMachine.read(pickle, TorchObjects::isAllowed, references);
    }

    private static ByteBuffer pickle(FileChannel channel, long offset, long size) throws IOException {
        if (size > LONGEST_PICKLE) {
            throw new PickleException("its pickle has " + size + " bytes, where " + LONGEST_PICKLE + " are possible");
        }
        return FileRegions.bytes(channel, offset, (int) size).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public String format() {
        return "PyTorch pickle";
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public String storedAs(String name) {
        return tensor(name).storage().type().name().toLowerCase(Locale.ROOT);
    }

    @Override
    public long elements(String name) {
        return tensor(name).elements();
    }

    @Override
    public long byteSize(String name) {
        return elements(name) * tensor(name).storage().type().bits() / Byte.SIZE;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(tensors.keySet());
    }

    @Override
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public HostTensor get(String name) {
        return tensor(name).host(name, file);
    }

    private TorchTensor tensor(String name) {
        TorchTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw MissingTensor.in(this, name, null);
        }
        return tensor;
    }
}
