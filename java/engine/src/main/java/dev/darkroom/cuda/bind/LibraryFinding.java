package dev.darkroom.cuda.bind;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** What the search for a library of CUDA came to. */
public sealed interface LibraryFinding {
    /** What was looked for. */
    CudaLibrary library();

    /**
     * What was found.
     *
     * @throws CudaUnavailableException when it is missing; says what was looked for, where, and what to do
     */
    Found orThrow();

    /**
     * A library that can be loaded.
     *
     * @param path  of its file; inside a jar where it comes from one
     * @param major its version as the file's name has it
     * @param place where it was found
     */
    record Found(CudaLibrary library, Path path, int major, Place place) implements LibraryFinding {
        @Override
        public Found orThrow() {
            return this;
        }

        /** The file as people read it, with what it is a link to, whose name tells a driver's release. */
        public String file() {
            Path real = Folders.real(path);
            boolean link = !real.getFileName().equals(path.getFileName());
            return Folders.name(path) + (link ? " -> " + real.getFileName() : "");
        }

        /** What the finding comes to when the library turns out not to work. */
        public Missing unusable(String reason) {
            return new Missing(library, List.of(place), List.of(new Rejected(path, "does not work: " + reason)));
        }
    }

    /**
     * A library that this machine lacks, or has in no version that can be used.
     *
     * @param searched where it was looked for
     * @param rejected files of that library that cannot be used
     */
    record Missing(CudaLibrary library, List<Place> searched, List<Rejected> rejected) implements LibraryFinding {

        /** What was looked for and where, what was there instead, and what to do. */
        public String explanation() {
            StringBuilder text = new StringBuilder(String.join(" or ", library.files()));
            if (rejected.isEmpty()) {
                text.append(" is in none of ").append(folders());
            } else {
                text.append(" is needed, and what was found cannot be used: ")
                        .append(rejected.stream().map(Rejected::toString).collect(Collectors.joining("; ")));
            }
            return text.append("; ").append(library.remedy()).toString();
        }

        @Override
        public Found orThrow() {
            String summary = rejected.isEmpty() ? " was found" : " that can be used was found";
            throw new CudaUnavailableException("no " + library.title() + summary, explanation());
        }

        private String folders() {
            return searched.isEmpty()
                    ? "the usual folders, for there are none"
                    : searched.stream()
                            .map(place -> Folders.name(place.folder()))
                            .collect(Collectors.joining(", "));
        }
    }

    /** A file that was found and cannot be used. */
    record Rejected(Path path, String reason) {
        @Override
        public String toString() {
            return Folders.name(path) + " " + reason;
        }
    }

    /**
     * A folder that is searched.
     *
     * @param origin what names it: a variable, the loader's configuration, a Python environment, a jar
     */
    record Place(Path folder, String origin) {}
}
