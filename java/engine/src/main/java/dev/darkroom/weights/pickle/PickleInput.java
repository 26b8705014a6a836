package dev.darkroom.weights.pickle;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/** The numbers and texts of a pickle, each checked against what is left of it. */
final class PickleInput {
    /** Python's integers may be of any length; those in weights are sizes, seeds and PyTorch's magic number. */
    private static final int LONGEST_INTEGER_BYTES = 255;

    private static final int LONGEST_LINE = 1 << 16;

    private final ByteBuffer bytes;

    PickleInput(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    PickleException broken(String fault) {
        return new PickleException("its pickle is broken near byte " + bytes.position() + ": " + fault);
    }

    int unsignedByte() {
        need(1);
        return bytes.get() & 0xff;
    }

    int unsignedShort() {
        need(2);
        return bytes.getShort() & 0xffff;
    }

    int signedInt() {
        need(4);
        return bytes.getInt();
    }

    /** A length of four bytes, of which no more may be claimed than is left. */
    int length4() {
        return length(signedInt() & 0xffffffffL);
    }

    /** A length of eight bytes, of which no more may be claimed than is left. */
    int length8() {
        need(8);
        return length(bytes.getLong());
    }

    double bigEndianDouble() {
        need(8);
        return Double.longBitsToDouble(Long.reverseBytes(bytes.getLong()));
    }

    /** A whole number in two's complement, little-endian: a Long, or a BigInteger where that is too short. */
    Object twosComplement(int count) {
        if (count > LONGEST_INTEGER_BYTES) {
            throw broken("it has a whole number of " + count + " bytes");
        }
        need(count);
        byte[] bigEndian = new byte[count];
        for (int i = count - 1; i >= 0; i--) {
            bigEndian[i] = bytes.get();
        }
        return count == 0 ? 0L : shortest(new BigInteger(bigEndian));
    }

    String utf8(int count) {
        return text(count, StandardCharsets.UTF_8);
    }

    String latin1(int count) {
        return text(count, StandardCharsets.ISO_8859_1);
    }

    Bytes bytes(int count) {
        need(count);
        bytes.position(bytes.position() + count);
        return new Bytes(count);
    }

    /** Text up to the end of the line. */
    String line() {
        int start = bytes.position();
        int limit = Math.min(bytes.limit(), start + LONGEST_LINE);
        for (int end = start; end < limit; end++) {
            if (bytes.get(end) == '\n') {
                String line = text(end - start, StandardCharsets.UTF_8);
                bytes.get();
                return line;
            }
        }
        throw broken("it is cut off, or has a line of more than " + LONGEST_LINE + " bytes");
    }

    String quotedLine() {
        String line = line();
        int last = line.length() - 1;
        if (last < 1 || line.charAt(0) != line.charAt(last) || (line.charAt(0) != '\'' && line.charAt(0) != '"')) {
            throw broken("it has a text without quotes");
        }
        return line.substring(1, last);
    }

    /** Protocol 0 writes true and false as the numbers 01 and 00. */
    Object decimalOrBoolean() {
        String line = line();
        return switch (line) {
            case "01" -> true;
            case "00" -> false;
            default -> decimal(line);
        };
    }

    Object decimalLong() {
        String line = line();
        return decimal(line.endsWith("L") ? line.substring(0, line.length() - 1) : line);
    }

    int decimalInt() {
        if (decimal(line()) instanceof Long value && value == value.intValue()) {
            return value.intValue();
        }
        throw broken("it numbers a value beyond all bounds");
    }

    double decimalDouble() {
        String line = line();
        try {
            return Double.parseDouble(line);
        } catch (NumberFormatException e) {
            throw broken("it has \"" + line + "\" for a number");
        }
    }

    private Object decimal(String digits) {
        try {
            if (digits.length() <= 2 * LONGEST_INTEGER_BYTES) {
                return shortest(new BigInteger(digits));
            }
        } catch (NumberFormatException e) {
            throw broken("it has \"" + digits + "\" for a whole number");
        }
        throw broken("it has a whole number of " + digits.length() + " digits");
    }

    private static Object shortest(BigInteger value) {
        return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
    }

    private String text(int count, Charset charset) {
        need(count);
        ByteBuffer part = bytes.slice(bytes.position(), count);
        bytes.position(bytes.position() + count);
        try {
            return charset.newDecoder().decode(part).toString();
        } catch (CharacterCodingException e) {
            throw broken("it has text that is not " + charset);
        }
    }

    private int length(long claimed) {
        if (claimed < 0 || claimed > bytes.remaining()) {
            throw broken("it claims " + Long.toUnsignedString(claimed) + " bytes where " + bytes.remaining()
                    + " are left");
        }
        return (int) claimed;
    }

    private void need(int count) {
        if (count < 0 || bytes.remaining() < count) {
            throw broken("it is cut off");
        }
    }
}
