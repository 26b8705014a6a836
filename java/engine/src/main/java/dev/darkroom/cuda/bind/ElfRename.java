package dev.darkroom.cuda.bind;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Changes the names of the libraries that a shared object needs, and of their symbol versions, to others of equal length.
 *
 * <p>Source: System V ABI, "Dynamic Section"; Linux Standard Base, "Symbol Versioning" (Elf64_Verneed, Elf64_Vernaux).
 */
final class ElfRename {
    private static final int MAGIC = 0x464c457f;
    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final long DT_NEEDED = 1;
    private static final long DT_STRTAB = 5;
    private static final long DT_VERNEED = 0x6ffffffeL;
    private static final long DT_VERNEEDNUM = 0x6fffffffL;

    private final ByteBuffer elf;
    private final Map<String, String> renames;
    private final Set<Integer> renamed = new HashSet<>();

    private ElfRename(byte[] elf, Map<String, String> renames) {
        this.elf = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        this.renames = renames;
    }

    /** {@code elf}, a 64-bit little-endian shared object, with its needed libraries renamed in place. */
    static byte[] apply(byte[] elf, Map<String, String> renames) {
        if (!renames.isEmpty()) {
            new ElfRename(elf, renames).apply();
        }
        return elf;
    }

    private void apply() {
        if (elf.getInt(0) != MAGIC || elf.get(4) != 2 || elf.get(5) != 1) {
            throw new IllegalArgumentException("not a 64-bit little-endian ELF file");
        }
        Map<Long, Long> dynamic = new HashMap<>();
        Set<Long> needed = new HashSet<>();
        readDynamic(dynamic, needed);
        int strings = offset(dynamic.getOrDefault(DT_STRTAB, 0L));
        for (long name : needed) {
            rename(strings + (int) name);
        }
        int versions = dynamic.getOrDefault(DT_VERNEEDNUM, 0L).intValue();
        if (versions > 0) {
            renameVersions(offset(dynamic.getOrDefault(DT_VERNEED, 0L)), versions, strings);
        }
    }

    private void readDynamic(Map<Long, Long> values, Set<Long> needed) {
        for (int header = programHeaders(); header < programHeadersEnd(); header += programHeaderSize()) {
            if (elf.getInt(header) == PT_DYNAMIC) {
                int start = (int) elf.getLong(header + 8);
                int end = start + (int) elf.getLong(header + 32);
                for (int entry = start; entry < end && elf.getLong(entry) != 0; entry += 16) {
                    if (elf.getLong(entry) == DT_NEEDED) {
                        needed.add(elf.getLong(entry + 8));
                    } else {
                        values.put(elf.getLong(entry), elf.getLong(entry + 8));
                    }
                }
            }
        }
    }

    /** Symbol versions are named after the library that gives them, and found by a hash of that name. */
    private void renameVersions(int table, int count, int strings) {
        int need = table;
        for (int i = 0; i < count; i++) {
            rename(strings + elf.getInt(need + 4));
            int version = need + elf.getInt(need + 8);
            for (int j = 0; j < elf.getShort(need + 2); j++) {
                int name = strings + elf.getInt(version + 8);
                rename(name);
                elf.putInt(version, hash(string(name)));
                version += elf.getInt(version + 12);
            }
            need += elf.getInt(need + 12);
        }
    }

    private void rename(int at) {
        String name = string(at);
        String other = renames.get(name);
        if (other == null || !renamed.add(at)) {
            return;
        }
        if (other.length() != name.length()) {
            throw new IllegalArgumentException(other + " is not as long as " + name + ", which it should replace");
        }
        elf.put(at, other.getBytes(StandardCharsets.ISO_8859_1));
    }

    private int offset(long virtualAddress) {
        for (int header = programHeaders(); header < programHeadersEnd(); header += programHeaderSize()) {
            long start = elf.getLong(header + 16);
            boolean holds = virtualAddress >= start && virtualAddress < start + elf.getLong(header + 32);
            if (elf.getInt(header) == PT_LOAD && holds) {
                return (int) (virtualAddress - start + elf.getLong(header + 8));
            }
        }
        throw new IllegalArgumentException("address " + virtualAddress + " is in no segment of the file");
    }

    private int programHeaders() {
        return (int) elf.getLong(32);
    }

    private int programHeaderSize() {
        return elf.getShort(54);
    }

    private int programHeadersEnd() {
        return programHeaders() + elf.getShort(56) * programHeaderSize();
    }

    private String string(int at) {
        int end = at;
        while (elf.get(end) != 0) {
            end++;
        }
        return new String(elf.array(), at, end - at, StandardCharsets.ISO_8859_1);
    }

    /** The hash function of the System V ABI. */
    private static int hash(String name) {
        int hash = 0;
        for (byte character : name.getBytes(StandardCharsets.ISO_8859_1)) {
            hash = (hash << 4) + (character & 0xff);
            int high = hash & 0xf0000000;
            hash = (hash ^ high >>> 24) & ~high;
        }
        return hash;
    }
}
