package dev.darkroom.weights;

import dev.darkroom.weights.pickle.Call;
import dev.darkroom.weights.pickle.Global;
import dev.darkroom.weights.pickle.PersistentId;
import dev.darkroom.weights.pickle.PickleException;
import dev.darkroom.weights.pickle.Tuple;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a PyTorch pickle means: which calls describe tensors, and where among its maps they stand.
 *
 * <p>Source: torch/_utils.py (_rebuild_tensor_v2, _rebuild_parameter) and torch/serialization.py of PyTorch.
 */
final class TorchObjects {
    /** Gives the storage that a pickle refers to. */
    interface Storages {
        /**
         * @param key    the storage's name in the file
         * @param first  of the view that is meant, in elements; 0 unless an old file has views of storages
         * @throws PickleException when there is none, or it is too short
         */
        TorchStorage find(String key, StoredType type, long elements, long first);
    }

    private static final Map<String, StoredType> STORAGE_TYPES = Map.ofEntries(
            Map.entry("FloatStorage", StoredType.F32),
            Map.entry("HalfStorage", StoredType.F16),
            Map.entry("BFloat16Storage", StoredType.BF16),
            Map.entry("DoubleStorage", StoredType.F64),
            Map.entry("LongStorage", StoredType.I64),
            Map.entry("IntStorage", StoredType.I32),
            Map.entry("ShortStorage", StoredType.I16),
            Map.entry("CharStorage", StoredType.I8),
            Map.entry("ByteStorage", StoredType.U8),
            Map.entry("BoolStorage", StoredType.BOOL),
            Map.entry("Float8_e4m3fnStorage", StoredType.F8_E4M3),
            Map.entry("Float8_e5m2Storage", StoredType.F8_E5M2));

    private static final Set<String> TENSORS = Set.of("_rebuild_tensor", "_rebuild_tensor_v2");
    private static final Set<String> PARAMETERS = Set.of("_rebuild_parameter", "_rebuild_parameter_with_state");

    /** What published checkpoints name beside tensors: counters of their training, which are passed over. */
    private static final Set<String> PASSED_OVER = Set.of(
            "__builtin__.set",
            "builtins.set",
            "__builtin__.object",
            "builtins.object",
            "copy_reg._reconstructor",
            "copyreg._reconstructor",
            "_codecs.encode",
            "numpy.core.multiarray.scalar",
            "numpy.core.multiarray._reconstruct",
            "numpy._core.multiarray.scalar",
            "numpy._core.multiarray._reconstruct",
            "numpy.dtype",
            "numpy.ndarray",
            "torch.Size",
            "torch.device",
            "torch.nn.modules.container.ParameterDict",
            "torch.nn.parameter.Parameter",
            "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint");

    /** Maps within maps of real files go four deep. */
    private static final int DEEPEST = 16;

    private static final int MOST_VALUES = 1 << 20;

    private final Storages storages;
    private final Map<String, TorchTensor> tensors = new LinkedHashMap<>();

    private TorchObjects(Storages storages) {
        this.storages = storages;
    }

    /** Whether a pickle of weights may name this class or function. */
    static boolean isAllowed(Global global) {
        return switch (global.module()) {
            case "collections" -> global.name().equals("OrderedDict");
            case "torch._utils" -> TENSORS.contains(global.name()) || PARAMETERS.contains(global.name());
            case "torch" -> STORAGE_TYPES.containsKey(global.name()) || PASSED_OVER.contains(global.toString());
            default -> PASSED_OVER.contains(global.toString());
        };
    }

    /** The key and the type of the storage that a pickle refers to. */
    static Map.Entry<String, StoredType> keyAndType(PersistentId reference) {
        List<Object> parts = reference.id() instanceof Tuple tuple ? tuple.items() : List.of();
        if (parts.size() < 5 || !"storage".equals(parts.get(0))) {
            throw new PickleException("it has a storage that is described in another way than PyTorch does");
        }
        StoredType type = parts.get(1) instanceof Global global ? STORAGE_TYPES.get(global.name()) : null;
        if (type == null) {
            throw new PickleException("it has a storage of the unknown type " + parts.get(1));
        }
        return Map.entry(String.valueOf(parts.get(2)), type);
    }

    /** A position among maps that is still to be looked at. */
    private record Place(String prefix, Object value, int depth) {}

    /**
     * The tensors of what a pickle holds, by the keys that lead to them, joined with dots; those of a {@code state_dict} without that prefix.
     *
     * @throws PickleException when a tensor's description is broken
     */
    static Map<String, TorchTensor> tensors(Object root, Storages storages) {
        Object start = root instanceof Map<?, ?> map && map.get("state_dict") instanceof Map<?, ?> inner ? inner : root;
        TorchObjects objects = new TorchObjects(storages);
        objects.walk(start);
        return objects.tensors;
    }

    private void walk(Object start) {
        Deque<Place> open = new ArrayDeque<>();
        open.add(new Place("", start, 0));
        for (int seen = 0; !open.isEmpty(); seen++) {
            Place place = open.remove();
            if (seen > MOST_VALUES || place.depth() > DEEPEST) {
                throw new PickleException("its maps are nested without end");
            }
            TorchTensor tensor = tensor(place.value());
            if (tensor != null) {
                tensors.put(place.prefix(), tensor);
            } else {
                String dot = place.prefix().isEmpty() ? "" : ".";
                entries(place.value())
                        .forEach((key, value) -> open.add(
                                new Place(place.prefix() + dot + key, value, place.depth() + 1)));
            }
        }
    }

    /** The entries of a map, or of the map in a parameter dictionary of old; of anything else none. */
    private static Map<?, ?> entries(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        if (value instanceof Call call
                && call.state() instanceof Map<?, ?> attributes
                && attributes.get("_parameters") instanceof Map<?, ?> parameters) {
            return parameters;
        }
        return Map.of();
    }

    private @Nullable TorchTensor tensor(Object value) {
        if (!(value instanceof Call call) || !call.function().module().equals("torch._utils")) {
            return null;
        }
        List<Object> arguments = call.arguments();
        if (PARAMETERS.contains(call.function().name())) {
            if (arguments.isEmpty() || !(arguments.get(0) instanceof Call inner) || inner == call) {
                throw new PickleException("it has a parameter without a tensor");
            }
            if (!TENSORS.contains(inner.function().name())) {
                throw new PickleException("it has a parameter of a parameter");
            }
            return tensor(inner);
        }
        if (arguments.size() < 4 || !(arguments.get(0) instanceof PersistentId id)) {
            throw new PickleException("it has a tensor without a storage");
        }
        return view(
                id, number(arguments.get(1), "offset"), numbers(arguments.get(2), "sizes"), numbers(arguments.get(3), "strides"));
    }

    private TorchTensor view(PersistentId id, long offset, long[] sizes, long[] strides) {
        TorchStorage storage = storage(id);
        if (sizes.length != strides.length) {
            throw new PickleException("it has a tensor of " + sizes.length + " sizes and " + strides.length + " strides");
        }
        int[] ints = new int[sizes.length];
        long elements = 1;
        long last = offset;
        try {
            for (int i = 0; i < sizes.length; i++) {
                ints[i] = Math.toIntExact(sizes[i]);
                elements = Math.multiplyExact(elements, sizes[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, sizes[i] - 1), strides[i]));
            }
        } catch (ArithmeticException e) {
            throw new PickleException("it has a tensor whose sizes are beyond all bounds");
        }
        boolean within = elements == 0 || (last < storage.elements() && elements <= storage.elements());
        if (!within) {
            throw new PickleException("it has a tensor of " + elements + " elements up to " + last + " in a storage of "
                    + storage.elements());
        }
        return new TorchTensor(storage, offset, ints, strides);
    }

    /** ("storage", type, key, location, elements), and in old files (key of the view, first element, elements of the view) or None. */
    private TorchStorage storage(PersistentId reference) {
        Map.Entry<String, StoredType> keyAndType = keyAndType(reference);
        List<Object> parts = ((Tuple) reference.id()).items();
        long first = 0;
        long elements = number(parts.get(4), "number of elements");
        if (parts.size() > 5 && parts.get(5) instanceof Tuple view && view.items().size() == 3) {
            first = number(view.items().get(1), "first element");
            elements = number(view.items().get(2), "number of elements");
        }
        return storages.find(keyAndType.getKey(), keyAndType.getValue(), elements, first);
    }

    private static long number(Object value, String what) {
        if (value instanceof Long number && number >= 0) {
            return number;
        }
        throw new PickleException("it has a tensor whose " + what + " is " + value);
    }

    private static long[] numbers(Object value, String what) {
        Object list = value instanceof Call call && call.arguments().size() == 1 ? call.arguments().get(0) : value;
        if (!(list instanceof Tuple tuple)) {
            throw new PickleException("it has a tensor without " + what);
        }
        return tuple.items().stream().mapToLong(item -> number(item, what)).toArray();
    }
}
