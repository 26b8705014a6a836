package dev.darkroom.weights.pickle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Runs a pickle as a data machine: opcodes push and combine values, and a call of Python becomes a {@link Call} that describes it.
 *
 * <p>Classes and functions that are not allowed end the run before anything is built of them. Values are {@link Long} or {@link java.math.BigInteger},
 * {@link Double}, {@link Boolean}, {@link String}, {@link Bytes}, {@link None}, {@link List}, {@link Map}, {@link Tuple}, {@link Global},
 * {@link Call} and {@link PersistentId}. Protocols 0 to 5 as far as Python's pickler writes them for such values; see
 * <a href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">pickletools.py</a>. The memory taken is bounded.
 */
public final class PickleMachine {
    private static final Global ORDERED_DICT = new Global("collections", "OrderedDict");
    private static final Object MARK = new Object();
    private static final int MOST_OPCODES = 1 << 20;

    private final PickleInput input;
    private final Predicate<Global> allowed;
    private final Consumer<PersistentId> references;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private PickleMachine(ByteBuffer bytes, Predicate<Global> allowed, Consumer<PersistentId> references) {
        this.input = new PickleInput(bytes);
        this.allowed = allowed;
        this.references = references;
    }

    /**
     * Reads one pickle from the buffer's position and leaves the position behind it.
     *
     * @param allowed    which classes and functions a pickle may name
     * @param references called with each reference to what lies outside
     * @throws PickleException when the pickle is cut off or broken, or names what is not allowed
     */
    public static Object read(ByteBuffer bytes, Predicate<Global> allowed, Consumer<PersistentId> references) {
        return new PickleMachine(bytes.order(ByteOrder.LITTLE_ENDIAN), allowed, references).run();
    }

    private Object run() {
        for (int codes = 0; codes < MOST_OPCODES; codes++) {
            int code = input.unsignedByte();
            if (code == '.') {
                Object result = pop();
                if (!stack.isEmpty()) {
                    throw input.broken("it ends with " + stack.size() + " values left over");
                }
                return result;
            }
            if (!pushes(code) && !combines(code) && !remembers(code)) {
                throw input.broken(String.format("it has the unknown opcode 0x%02x", code));
            }
        }
        throw input.broken("it has more than " + MOST_OPCODES + " opcodes, where a checkpoint of 2000 tensors has 80000");
    }

    /** Opcodes that push a value of their own. */
    private boolean pushes(int code) {
        switch (code) {
            case '(' -> stack.add(MARK);
            case 'N' -> stack.add(None.NONE);
            case 0x88 -> stack.add(true);
            case 0x89 -> stack.add(false);
            case '}' -> stack.add(new LinkedHashMap<Object, Object>());
            case ']', 0x8f -> stack.add(new ArrayList<Object>());
            case ')' -> stack.add(new Tuple(List.of()));
            case 'J' -> stack.add((long) input.signedInt());
            case 'K' -> stack.add((long) input.unsignedByte());
            case 'M' -> stack.add((long) input.unsignedShort());
            case 'I' -> stack.add(input.decimalOrBoolean());
            case 'L' -> stack.add(input.decimalLong());
            case 0x8a -> stack.add(input.twosComplement(input.unsignedByte()));
            case 0x8b -> stack.add(input.twosComplement(input.length4()));
            case 'G' -> stack.add(input.bigEndianDouble());
            case 'F' -> stack.add(input.decimalDouble());
            case 'X' -> stack.add(input.utf8(input.length4()));
            case 0x8c -> stack.add(input.utf8(input.unsignedByte()));
            case 0x8d -> stack.add(input.utf8(input.length8()));
            case 'V' -> stack.add(input.line());
            case 'S' -> stack.add(input.quotedLine());
            case 'T' -> stack.add(input.latin1(input.length4()));
            case 'U' -> stack.add(input.latin1(input.unsignedByte()));
            case 'B' -> stack.add(input.bytes(input.length4()));
            case 'C' -> stack.add(input.bytes(input.unsignedByte()));
            case 0x8e, 0x96 -> stack.add(input.bytes(input.length8()));
            case 'c' -> stack.add(global(input.line(), input.line()));
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Opcodes that make a value of those on the stack. */
    private boolean combines(int code) {
        switch (code) {
            case 't' -> stack.add(new Tuple(popToMark()));
            case 0x85 -> stack.add(new Tuple(popLast(1)));
            case 0x86 -> stack.add(new Tuple(popLast(2)));
            case 0x87 -> stack.add(new Tuple(popLast(3)));
            case 'l', 0x91 -> stack.add(popToMark());
            case 'd' -> putAll(new LinkedHashMap<>(), popToMark());
            case 'a' -> append(popLast(1));
            case 'e', 0x90 -> append(popToMark());
            case 's' -> setItems(popLast(2));
            case 'u' -> setItems(popToMark());
            case 0x93 -> {
                List<Object> names = popLast(2);
                stack.add(global(string(names.get(0)), string(names.get(1))));
            }
            case 'R', 0x81 -> {
                List<Object> parts = popLast(2);
                stack.add(call(parts.get(0), parts.get(1)));
            }
            case 0x92 -> {
                List<Object> parts = popLast(3);
                stack.add(call(parts.get(0), parts.get(1)));
            }
            case 'b' -> build(pop());
            case 'Q' -> stack.add(reference(pop()));
            case 'P' -> stack.add(reference(input.line()));
            case '0' -> popAny();
            case '1' -> popToMark();
            case '2' -> stack.add(top());
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Opcodes that store in the memo, fetch from it, or frame the stream. */
    private boolean remembers(int code) {
        switch (code) {
            case 'q' -> memo.put(input.unsignedByte(), top());
            case 'r' -> memo.put(input.signedInt(), top());
            case 'p' -> memo.put(input.decimalInt(), top());
            case 0x94 -> memo.put(memo.size(), top());
            case 'h' -> stack.add(remembered(input.unsignedByte()));
            case 'j' -> stack.add(remembered(input.signedInt()));
            case 'g' -> stack.add(remembered(input.decimalInt()));
            case 0x80 -> {
                int protocol = input.unsignedByte();
                if (protocol > 5) {
                    throw input.broken("it is of protocol " + protocol + ", where 0 to 5 are known");
                }
            }
            case 0x95 -> input.length8(); // a frame; its end is no concern of a reader that has all bytes
            default -> {
                return false;
            }
        }
        return true;
    }

    private Global global(String module, String name) {
        Global global = new Global(module, name);
        if (!allowed.test(global)) {
            throw new PickleException("it names " + global + ", which is none of the few classes that weights consist of;"
                    + " such a file can run a program on your machine, and nothing of it was run here");
        }
        return global;
    }

    private PersistentId reference(Object id) {
        PersistentId reference = new PersistentId(id);
        references.accept(reference);
        return reference;
    }

    private Object call(Object function, Object arguments) {
        if (!(function instanceof Global global) || !(arguments instanceof Tuple tuple)) {
            throw input.broken("it calls what is no function");
        }
        if (!global.equals(ORDERED_DICT)) {
            return new Call(global, tuple.items());
        }
        Map<Object, Object> map = new LinkedHashMap<>();
        if (!tuple.items().isEmpty()) {
            if (!(tuple.items().get(0) instanceof List<?> pairs)) {
                throw input.broken("it makes a map of what are no pairs");
            }
            for (Object pair : pairs) {
                List<?> two = pair instanceof Tuple t ? t.items() : pair instanceof List<?> l ? l : List.of();
                if (two.size() != 2) {
                    throw input.broken("it makes a map of what are no pairs");
                }
                map.put(key(two.get(0)), two.get(1));
            }
        }
        return map;
    }

    private void build(Object state) {
        Object target = top();
        if (target instanceof Call call) {
            call.setState(state);
        } else if (!(target instanceof Map)) { // a map's attributes, as a state dict's _metadata, are of no use here
            throw input.broken("it sets the state of what has none");
        }
    }

    private void append(List<Object> values) {
        if (!(top() instanceof List<?>)) {
            throw input.broken("it appends to what is no list");
        }
        @SuppressWarnings("unchecked") // lists on the stack are made here, of any objects
        List<Object> list = (List<Object>) top();
        list.addAll(values);
    }

    private void setItems(List<Object> keysAndValues) {
        if (!(top() instanceof Map<?, ?>)) {
            throw input.broken("it sets items of what is no map");
        }
        @SuppressWarnings("unchecked") // maps on the stack are made here, of any objects
        Map<Object, Object> map = (Map<Object, Object>) pop();
        putAll(map, keysAndValues);
    }

    /** Pushes the map with the pairs added. */
    private void putAll(Map<Object, Object> map, List<Object> keysAndValues) {
        if (keysAndValues.size() % 2 != 0) {
            throw input.broken("it gives a map a key without a value");
        }
        for (int i = 0; i < keysAndValues.size(); i += 2) {
            map.put(key(keysAndValues.get(i)), keysAndValues.get(i + 1));
        }
        stack.add(map);
    }

    /** Keys whose hash neither runs through other values nor changes; Python as well takes no lists and maps. */
    private Object key(Object value) {
        if (value instanceof Map || value instanceof List || value instanceof Tuple || value instanceof PersistentId) {
            throw input.broken("it uses a " + value.getClass().getSimpleName() + " as a key");
        }
        return value;
    }

    private String string(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw input.broken("it names a class by what is no text");
    }

    private Object remembered(int index) {
        Object value = memo.get(index);
        if (value == null) {
            throw input.broken("it uses value " + index + ", which it never stored");
        }
        return value;
    }

    private Object top() {
        if (stack.isEmpty() || stack.get(stack.size() - 1) == MARK) {
            throw input.broken("it uses a value where there is none");
        }
        return stack.get(stack.size() - 1);
    }

    private Object pop() {
        Object value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private Object popAny() {
        if (stack.isEmpty()) {
            throw input.broken("it takes a value where there is none");
        }
        return stack.remove(stack.size() - 1);
    }

    private List<Object> popLast(int count) {
        return popFrom(stack.size() - count, stack.size() - count);
    }

    private List<Object> popToMark() {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw input.broken("it ends a group that it never began");
        }
        return popFrom(mark + 1, mark);
    }

    private List<Object> popFrom(int first, int newSize) {
        if (newSize < 0) {
            throw input.broken("it takes values where there are none");
        }
        List<Object> tail = stack.subList(first, stack.size());
        List<Object> values = new ArrayList<>(tail);
        if (values.contains(MARK)) {
            throw input.broken("it takes values across the begin of a group");
        }
        stack.subList(newSize, stack.size()).clear();
        return values;
    }
}
