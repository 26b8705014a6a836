package dev.darkroom.prompt;

import dev.darkroom.spelling.NearNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Replaces {@code __name__} by a line of {@code name.txt}, chosen by the picture's seed. Lines that are empty or begin with # do not count, and a line may
 * name wildcards itself. A name may lead into folders: {@code __animals/cats__}.
 */
public final class Wildcards {
    /** What stands before and after a name. */
    public static final String MARK = "__";

    private static final String ENDING = ".txt";
    private static final int MAX_NAME = 100;
    private static final int MAX_REPLACEMENTS = 1000;
    private static final int MAX_LENGTH = 1_000_000;
    private static final int NEAR_NAMES = 3;
    private static final int FOLDERS_DEEP = 8;
    private static final int MAX_LISTED = 10_000;

    private final @Nullable Path folder;
    private final Map<String, List<String>> lines = new HashMap<>();

    /** @param folder of the text files; null for none, where a prompt that names a wildcard is refused */
    public Wildcards(@Nullable Path folder) {
        this.folder = folder;
    }

    /** The choices of one picture, in the order in which they are made: the same seed, the same choices. */
    public static final class Choices {
        private long state;

        public Choices(long seed) {
            state = seed;
        }

        /** A number from 0 to {@code bound} - 1, by SplitMix64 (Steele, Lea and Flood 2014). */
        int next(int bound) {
            state += 0x9e3779b97f4a7c15L;
            long z = (state ^ state >>> 30) * 0xbf58476d1ce4e5b9L;
            z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
            return (int) Long.remainderUnsigned(z ^ z >>> 31, bound);
        }
    }

    /** A text and how far it has been read. */
    private static final class Reading {
        private final String text;
        private int position;

        Reading(String text) {
            this.text = text;
        }
    }

    /** {@code text} with a choice for each wildcard. @throws PromptException when there is no such wildcard; names those near it */
    public String expand(String text, Choices choices) {
        StringBuilder done = new StringBuilder();
        Deque<Reading> readings = new ArrayDeque<>(List.of(new Reading(text))); // the line that was chosen last on top
        int replacements = 0;
        while (!readings.isEmpty()) {
            Reading reading = readings.peek();
            int mark = reading.text.indexOf(MARK, reading.position);
            int end = mark < 0 ? reading.text.length() : mark;
            done.append(reading.text, reading.position, end);
            reading.position = end;
            if (mark < 0) {
                readings.pop();
                continue;
            }
            String name = name(reading.text, mark + MARK.length());
            if (name.isEmpty()) {
                done.append(reading.text.charAt(reading.position++));
                continue;
            }
            if (++replacements > MAX_REPLACEMENTS || done.length() > MAX_LENGTH) {
                throw new PromptException("wildcards are replaced more than " + MAX_REPLACEMENTS
                        + " times, or by more than " + MAX_LENGTH + " characters; the last is " + MARK + name + MARK
                        + ". Does a file name itself?");
            }
            List<String> options = lines.computeIfAbsent(name, this::read);
            reading.position = mark + name.length() + 2 * MARK.length();
            readings.push(new Reading(options.get(choices.next(options.size()))));
        }
        return done.toString();
    }

    /** The name that begins at {@code from} and ends before a mark; empty where there is none. */
    private static String name(String text, int from) {
        int end = text.indexOf(MARK, from + 1);
        if (end < 0 || end - from > MAX_NAME) {
            return "";
        }
        String name = text.substring(from, end);
        boolean isName = name.chars().allMatch(c -> Character.isLetterOrDigit(c) || "_-./\\ ".indexOf(c) >= 0);
        return isName && name.equals(name.strip()) ? name : "";
    }

    private List<String> read(String name) {
        if (folder == null) {
            throw new PromptException(
                    "the prompt names the wildcard " + MARK + name + MARK
                            + ", and no folder of wildcards is given; give one with --wildcards, or write the words themselves");
        }
        boolean leavesTheFolder = name.startsWith("/")
                || name.contains("\\")
                || List.of(name.split("/", -1)).stream()
                        .anyMatch(part -> part.isBlank() || part.startsWith(".") || !part.equals(part.strip()));
        if (leavesTheFolder) {
            throw new PromptException("the name of the wildcard " + MARK + name + MARK
                    + " leads out of its folder; names are those of text files below " + folder
                    + ", with / between folders");
        }
        Path file = folder.resolve(name + ENDING);
        if (!Files.isRegularFile(file)) {
            throw new PromptException(
                    "there is no wildcard " + MARK + name + MARK + ": " + file + " is missing" + near(folder, name));
        }
        List<String> options = options(file);
        if (options.isEmpty()) {
            throw new PromptException("the wildcard " + MARK + name + MARK + " has no choices: " + file
                    + " holds nothing but empty lines and comments");
        }
        return options;
    }

    private static List<String> options(Path file) {
        try {
            return Files.readAllLines(file).stream()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .toList();
        } catch (MalformedInputException e) {
            throw new PromptException(file + " is not text in UTF-8; save it as such");
        } catch (IOException e) {
            throw new PromptException(file + " cannot be read: " + e.getMessage());
        }
    }

    private static String near(Path folder, String name) {
        if (!Files.isDirectory(folder)) {
            return "; " + folder + " is no folder";
        }
        try (Stream<Path> files = Files.walk(folder, FOLDERS_DEEP)) {
            List<String> names = files.map(
                            file -> folder.relativize(file).toString().replace('\\', '/'))
                    .filter(file -> file.endsWith(ENDING))
                    .limit(MAX_LISTED)
                    .map(file -> file.substring(0, file.length() - ENDING.length()))
                    .toList();
            return names.isEmpty()
                    ? "; " + folder + " holds no .txt files"
                    : "; near it are " + String.join(", ", NearNames.of(name, names, NEAR_NAMES));
        } catch (IOException | UncheckedIOException e) {
            throw new PromptException(folder + " cannot be listed: " + e.getMessage());
        }
    }
}
