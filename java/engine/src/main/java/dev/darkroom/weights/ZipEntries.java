package dev.darkroom.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where the entries of a zip file lie, for those that are stored as they are, as PyTorch stores them: tensors can then be mapped in place,
 * which {@link java.util.zip.ZipFile} does not allow, as it does not tell offsets.
 *
 * <p>Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3 (zip64).
 */
final class ZipEntries {
    /** An entry's bytes in the file. */
    record Entry(long offset, long size) {}

    private static final int LOCAL = 0x04034b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int END64 = 0x06064b50;
    private static final int LOCATOR64 = 0x07064b50;
    private static final int END_BYTES = 22;
    private static final int LOCATOR64_BYTES = 20;
    private static final int END64_BYTES = 56;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL_BYTES = 30;
    private static final int LONGEST_COMMENT = 0xffff;
    private static final int ZIP64_FIELD = 1;
    private static final long ESCAPED = 0xffffffffL;

    /** Directories of real checkpoints take some 200 KiB. */
    private static final int LONGEST_DIRECTORY = 32 << 20;

    private final FileChannel file;
    private final FileRegions regions;

    private ZipEntries(FileChannel file, FileRegions regions) {
        this.file = file;
        this.regions = regions;
    }

    static boolean isZip(ByteBuffer start) {
        return start.remaining() >= 4 && start.getInt(0) == LOCAL;
    }

    /**
     * The entries by their names, in the directory's order.
     *
     * @throws WeightsException when the directory is broken, or an entry is compressed or does not lie within the file
     */
    static Map<String, Entry> of(FileChannel file, FileRegions regions) throws IOException {
        return new ZipEntries(file, regions).read();
    }

    private Map<String, Entry> read() throws IOException {
        ByteBuffer directory = directory();
        Map<String, Entry> entries = new LinkedHashMap<>();
        while (directory.remaining() >= CENTRAL_BYTES) {
            int start = directory.position();
            if (directory.getInt(start) != CENTRAL) {
                throw broken("its directory has something that is no entry");
            }
            int nameBytes = directory.getShort(start + 28) & 0xffff;
            int extraBytes = directory.getShort(start + 30) & 0xffff;
            int next = start + CENTRAL_BYTES + nameBytes + extraBytes + (directory.getShort(start + 32) & 0xffff);
            if (next > directory.limit()) {
                throw broken("its directory is cut off");
            }
            String name = StandardCharsets.UTF_8
                    .decode(directory.slice(start + CENTRAL_BYTES, nameBytes))
                    .toString();
            if (entries.put(name, entry(directory, start, name, nameBytes, extraBytes)) != null) {
                throw broken("it has two entries \"" + name + "\"");
            }
            directory.position(next);
        }
        return entries;
    }

    private Entry entry(ByteBuffer directory, int start, String name, int nameBytes, int extraBytes)
            throws IOException {
        if (directory.getShort(start + 10) != 0) {
            throw broken("its entry \"" + name + "\" is compressed or encrypted, which PyTorch never does");
        }
        long[] sizes = {
            directory.getInt(start + 24) & ESCAPED, // in the order in which zip64's field replaces them
            directory.getInt(start + 20) & ESCAPED,
            directory.getInt(start + 42) & ESCAPED
        };
        ByteBuffer extra = directory.slice(start + CENTRAL_BYTES + nameBytes, extraBytes).order(directory.order());
        replaceEscaped(sizes, extra);
        if (sizes[0] != sizes[1]) {
            throw broken("its entry \"" + name + "\" has two different sizes");
        }
        return located(name, sizes[2], sizes[0]);
    }

    private static void replaceEscaped(long[] sizes, ByteBuffer extra) {
        while (extra.remaining() >= 4) {
            int id = extra.getShort() & 0xffff;
            int size = extra.getShort() & 0xffff;
            int end = Math.min(extra.position() + size, extra.limit());
            for (int i = 0; id == ZIP64_FIELD && i < sizes.length; i++) {
                if (sizes[i] == ESCAPED && extra.position() + Long.BYTES <= end) {
                    sizes[i] = extra.getLong();
                }
            }
            extra.position(end);
        }
    }

    /** The entry whose local header is at {@code header}. */
    private Entry located(String name, long header, long size) throws IOException {
        requireWithin(name, header, LOCAL_BYTES);
        ByteBuffer local = FileRegions.bytes(file, header, LOCAL_BYTES);
        if (local.getInt(0) != LOCAL) {
            throw broken("its entry \"" + name + "\" is not where the directory says");
        }
        long offset = header + LOCAL_BYTES + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff);
        requireWithin(name, offset, size);
        return new Entry(offset, size);
    }

    private ByteBuffer directory() throws IOException {
        int tailBytes = (int) Math.min(regions.size(), END_BYTES + LONGEST_COMMENT);
        long tailStart = regions.size() - tailBytes;
        ByteBuffer tail = FileRegions.bytes(file, tailStart, tailBytes);
        int end = tailBytes - END_BYTES;
        while (end >= 0 && tail.getInt(end) != END) {
            end--;
        }
        if (end < 0) {
            throw broken("it has no directory at its end: it is cut off");
        }
        long size = tail.getInt(end + 12) & ESCAPED;
        long offset = tail.getInt(end + 16) & ESCAPED;
        long locator = tailStart + end - LOCATOR64_BYTES;
        if ((size == ESCAPED || offset == ESCAPED || tail.getShort(end + 10) == -1) && locator >= 0) {
            ByteBuffer end64 = end64(locator);
            size = end64.getLong(40);
            offset = end64.getLong(48);
        }
        if (size < 0 || size > LONGEST_DIRECTORY) {
            throw broken("its directory claims " + Long.toUnsignedString(size) + " bytes");
        }
        requireWithin("directory", offset, size);
        return FileRegions.bytes(file, offset, (int) size);
    }

    private ByteBuffer end64(long locatorOffset) throws IOException {
        ByteBuffer locator = FileRegions.bytes(file, locatorOffset, LOCATOR64_BYTES);
        long offset = locator.getLong(8);
        if (locator.getInt(0) == LOCATOR64) {
            requireWithin("zip64 directory", offset, END64_BYTES);
            ByteBuffer end64 = FileRegions.bytes(file, offset, END64_BYTES);
            if (end64.getInt(0) == END64) {
                return end64;
            }
        }
        throw broken("its zip64 directory is missing");
    }

    private void requireWithin(String name, long offset, long size) {
        if (offset < 0 || size < 0 || offset > regions.size() - size) {
            throw broken("its " + name + " would lie outside the file");
        }
    }

    private WeightsException broken(String fault) {
        return new WeightsException(regions.path() + " is not a valid PyTorch file: " + fault
                + ". Download or save it again; it may be incomplete");
    }
}
