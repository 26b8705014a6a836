package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Place;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Jars on the class path that carry libraries of CUDA: JavaCPP's redistribution (org.bytedeco:cuda-redist and its parts). */
final class LibraryJars {
    private static final String FOLDER = "org/bytedeco/cuda/linux-x86_64/";

    private LibraryJars() {}

    /** The folders inside such jars. */
    static List<Place> of(ClassLoader classes) {
        Map<Path, Place> places = new LinkedHashMap<>();
        for (CudaLibrary library : CudaLibrary.values()) {
            for (String file : library.files()) {
                try {
                    for (URL resource : Collections.list(classes.getResources(FOLDER + file))) {
                        Path folder = path(resource.toURI()).resolveSibling("");
                        places.putIfAbsent(folder, new Place(folder, "class path"));
                    }
                } catch (IOException | URISyntaxException e) {
                    throw new CudaUnavailableException("a jar on the class path cannot be read", String.valueOf(e), e);
                }
            }
        }
        return List.copyOf(places.values());
    }

    /** The path of a resource: in the file system that its jar is, which stays open for the life of the process. */
    private static Path path(URI resource) throws IOException {
        if (resource.getScheme().equals("jar")) {
            try {
                FileSystem jar = FileSystems.newFileSystem(resource, Map.of());
                return jar.provider().getPath(resource);
            } catch (FileSystemAlreadyExistsException e) {
                return Path.of(resource);
            }
        }
        return Path.of(resource);
    }
}
