package dev.darkroom.cuda.bind;

import dev.darkroom.cuda.bind.LibraryFinding.Place;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The folders of NVIDIA's Python packages, {@code site-packages/nvidia/…/lib}, found by looking at environments as they lie on disk; Python is not started.
 *
 * <p>Looked at, in this order: {@code VIRTUAL_ENV}, {@code CONDA_PREFIX}, .venv and venv in the working folder, .venv in the home folder, the
 * environment of the python3 on the {@code PATH} (of pyenv's shim the version that is chosen), the user's own packages in ~/.local, those of the system.
 */
final class PythonPackages {
    private final List<Place> places = new ArrayList<>();

    private PythonPackages() {}

    static List<Place> of(Machine machine) {
        PythonPackages packages = new PythonPackages();
        packages.addEnvironment(machine, "VIRTUAL_ENV");
        packages.addEnvironment(machine, "CONDA_PREFIX");
        packages.add(machine.workingFolder().resolve(".venv"), "Python in .venv");
        packages.add(machine.workingFolder().resolve("venv"), "Python in venv");
        packages.add(machine.home().resolve(".venv"), "Python in ~/.venv");
        packages.addInterpreter(machine);
        packages.add(machine.home().resolve(".local"), "Python in ~/.local");
        packages.add(machine.at("/usr/local"), "Python of the system");
        packages.add(machine.at("/usr"), "Python of the system");
        return packages.places;
    }

    private void addEnvironment(Machine machine, String variable) {
        String value = machine.setting(variable);
        if (value != null) {
            Path environment = Path.of(value);
            if (variable.equals("CONDA_PREFIX")) {
                places.add(new Place(environment.resolve("lib"), variable)); // Conda's own packages of CUDA
            }
            add(environment, "Python of " + variable);
        }
    }

    /** The environment of a virtual environment's interpreter is where its link lies; of any other, where the link leads. */
    private void addInterpreter(Machine machine) {
        String path = machine.setting("PATH");
        if (path == null) {
            return;
        }
        for (String folder : path.split(":", -1)) {
            Path interpreter = Path.of(folder, "python3");
            if (!folder.isEmpty() && Files.isExecutable(interpreter)) {
                addPyenv(machine, environmentOf(interpreter));
                add(environmentOf(interpreter), "Python on the PATH");
                add(environmentOf(Folders.real(interpreter)), "Python on the PATH");
                return;
            }
        }
    }

    /** pyenv puts scripts in place of interpreters; which version they start, PYENV_VERSION says, else the file "version". */
    private void addPyenv(Machine machine, Path root) {
        String chosen = machine.setting("PYENV_VERSION");
        Path file = root.resolve("version");
        try {
            if (chosen == null && Files.isReadable(file)) {
                chosen = Files.readString(file);
            }
        } catch (IOException e) {
            throw new CudaUnavailableException(file + " cannot be read", String.valueOf(e.getMessage()), e);
        }
        if (chosen != null) {
            for (String version : chosen.strip().split("[:\\s]+")) {
                add(root.resolve("versions").resolve(version), "Python on the PATH");
            }
        }
    }

    /** Two folders up: prefix/bin/python3. */
    private static Path environmentOf(Path interpreter) {
        return interpreter.toAbsolutePath().normalize().resolve("../..").normalize();
    }

    private void add(Path environment, String origin) {
        for (String lib : List.of("lib", "lib64")) {
            for (Path python : Folders.entries(environment.resolve(lib), "python3*")) {
                for (String kind : List.of("site-packages", "dist-packages")) {
                    for (Path part : Folders.entries(python.resolve(kind).resolve("nvidia"), "*")) {
                        places.add(new Place(part.resolve("lib"), origin));
                    }
                }
            }
        }
    }
}
