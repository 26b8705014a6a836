package dev.darkroom.cuda.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.cuda.bind.LibraryFinding.Found;
import dev.darkroom.cuda.bind.LibraryFinding.Missing;
import dev.darkroom.cuda.bind.LibraryFinding.Place;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("The libraries of CUDA are found")
final class CudaLibrariesTest {
    private static final OptionalInt CUDA_12 = OptionalInt.of(12_060);
    private static final OptionalInt CUDA_13 = OptionalInt.of(13_000);
    private static final String SITE = "/lib/python3.12/site-packages/nvidia/";

    @TempDir
    private Path root = Path.of("");

    private FakeMachine machine() {
        return new FakeMachine(root);
    }

    private static Found found(FakeMachine machine, CudaLibrary library) {
        return assertInstanceOf(Found.class, machine.libraries().find(library, CUDA_13));
    }

    private static Missing missing(FakeMachine machine, CudaLibrary library, OptionalInt driver) {
        return assertInstanceOf(Missing.class, machine.libraries().find(library, driver));
    }

    @ParameterizedTest(name = "in {0}")
    @ValueSource(
            strings = {
                "/usr/local/cuda/lib64",
                "/usr/local/cuda-13.1/lib64",
                "/lib/x86_64-linux-gnu",
                "/usr/lib64",
                "/usr/local/nvidia/lib64",
                "/usr/lib/wsl/lib",
                "/project/.venv" + SITE + "cu13/lib",
                "/project/venv" + SITE + "cuda_nvrtc/lib",
                "/home/user/.venv" + SITE + "cuda_nvrtc/lib",
                "/home/user/.local" + SITE + "cuda_nvrtc/lib",
                "/usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib",
                "/usr/local/lib/python3.11/dist-packages/nvidia/cuda_nvrtc/lib"
            })
    void whereTheyUsuallyLie(String folder) throws IOException {
        FakeMachine machine = machine().with(folder + "/libnvrtc.so.13");
        assertEquals(
                machine.at(folder + "/libnvrtc.so.13"),
                found(machine, CudaLibrary.NVRTC).path());
    }

    @ParameterizedTest(name = "{0}")
    @ValueSource(
            strings = {
                "DARKROOM_CUDA_DRIVER=/opt/x",
                "DARKROOM_CUDA_HOME=/opt/x",
                "DARKROOM_CUDA_HOME=/opt/x lib",
                "DARKROOM_CUDA_HOME=/opt/x lib64",
                "CUDA_HOME=/opt/x lib64",
                "CUDA_PATH=/opt/x lib",
                "LD_LIBRARY_PATH=/opt/x",
                "VIRTUAL_ENV=/opt/x lib/python3.12/site-packages/nvidia/cublas/lib",
                "CONDA_PREFIX=/opt/x lib/python3.12/site-packages/nvidia/cu13/lib",
                "CONDA_PREFIX=/opt/x lib"
            })
    void whereVariablesSay(String example) throws IOException {
        String[] words = example.split("[= ]");
        String folder = words[1] + (words.length > 2 ? "/" + words[2] : "");
        FakeMachine machine = machine()
                .with(folder + "/libcublas.so.13")
                .with(folder + "/libcublasLt.so.13")
                .set(words[0], words[1]);
        Found found = found(machine, CudaLibrary.CUBLAS);
        assertEquals(machine.at(folder + "/libcublas.so.13"), found.path());
        assertTrue(found.place().origin().contains(words[0]), found.place().origin());
    }

    @Test
    void besideThePython3OnThePathAlsoWhereItsEnvironmentIsALink() throws IOException {
        FakeMachine machine = machine()
                .with("/opt/python/bin/python3.12")
                .with("/opt/python" + SITE + "cudnn/lib/libcudnn.so.9")
                .with("/opt/python" + SITE + "cudnn/lib/libcudnn_graph.so.9")
                .with("/opt/python" + SITE + "cudnn/lib/libcudnn_ops.so.9")
                .with("/opt/python" + SITE + "cudnn/lib/libcudnn_cnn.so.9")
                .with("/env/bin/activate")
                .with("/env" + SITE + "cu13/lib/libnvrtc.so.13")
                .set("PATH", "/nowhere", "/env/bin");
        assertTrue(machine.at("/opt/python/bin/python3.12").toFile().setExecutable(true));
        Files.createSymbolicLink(machine.at("/env/bin/python3"), machine.at("/opt/python/bin/python3.12"));
        assertEquals(
                "Python on the PATH", found(machine, CudaLibrary.NVRTC).place().origin());
        assertEquals(
                "Python on the PATH", found(machine, CudaLibrary.CUDNN).place().origin());
    }

    @Test
    void ofTheVersionThatPyenvChooses() throws IOException {
        FakeMachine machine = machine()
                .with("/pyenv/shims/python3")
                .with("/pyenv/version", "3.12.4\n")
                .with("/pyenv/versions/3.11.9/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13")
                .with("/pyenv/versions/3.12.4" + SITE + "cu13/lib/libnvrtc.so.13")
                .set("PATH", "/pyenv/shims");
        assertTrue(machine.at("/pyenv/shims/python3").toFile().setExecutable(true));
        assertEquals(
                machine.at("/pyenv/versions/3.12.4" + SITE + "cu13/lib/libnvrtc.so.13"),
                found(machine, CudaLibrary.NVRTC).path());
        machine.set("PYENV_VERSION", "/pyenv/versions/3.11.9");
        assertTrue(found(machine, CudaLibrary.NVRTC).path().toString().contains("3.11.9"));
    }

    @Test
    void inFoldersThatTheLoadersConfigurationIncludes() throws IOException {
        FakeMachine machine = machine()
                .with("/etc/ld.so.conf", "# a comment\ninclude ld.so.conf.d/*.conf\ninclude /etc/ld.so.conf\n")
                .with("/etc/ld.so.conf.d/b.conf", "hwcap 1 nosegneg\n/opt/nvidia/lib # the driver\n")
                .with("/opt/nvidia/lib/libcuda.so.1");
        assertEquals(
                machine.at("/opt/nvidia/lib/libcuda.so.1"),
                found(machine, CudaLibrary.DRIVER).path());
        assertEquals(
                "/etc/ld.so.conf", found(machine, CudaLibrary.DRIVER).place().origin());
    }

    @Test
    void inAJarOnTheClassPath() throws IOException {
        FakeMachine machine = machine()
                .withJar(
                        "/m2/cuda-redist.jar",
                        "org/bytedeco/cuda/linux-x86_64/libnvrtc.so.13",
                        "org/bytedeco/cuda/linux-x86_64/libnvrtc-builtins.so.13.1");
        Found found = found(machine, CudaLibrary.NVRTC);
        assertEquals("class path", found.place().origin());
        assertTrue(
                Folders.name(found.path()).endsWith("cuda-redist.jar!/org/bytedeco/cuda/linux-x86_64/libnvrtc.so.13"));
        List<Path> beside = Folders.entries(found.place().folder(), "libnvrtc-builtins.so.*");
        assertEquals(1, beside.size(), beside.toString());
    }

    @Test
    void inTheOrderOfTheSearchPath() throws IOException {
        FakeMachine machine = machine()
                .set("DARKROOM_CUDA_HOME", "/a")
                .set("CUDA_HOME", "/b")
                .set("CUDA_PATH", "/c")
                .set("LD_LIBRARY_PATH", "/d", "/e")
                .set("VIRTUAL_ENV", "/f");
        List<String> folders = List.of(
                "/a",
                "/b/lib64",
                "/c/lib64",
                "/usr/local/cuda/lib64",
                "/usr/local/cuda-13.10/lib64",
                "/usr/local/cuda-13.2/lib64",
                "/usr/local/cuda-9/lib64",
                "/d",
                "/e",
                "/usr/lib64",
                "/f" + SITE + "cu13/lib");
        for (String folder : folders) {
            machine.with(folder + "/libnvrtc.so.12");
        }
        machine.withJar("/m2/x.jar", "org/bytedeco/cuda/linux-x86_64/libnvrtc.so.12");
        machine.with("/usr/local/cuda-samples/lib64/libnvrtc.so.13");
        List<Path> searched =
                machine.libraries().places().stream().map(Place::folder).toList();
        assertEquals(folders.size() + 1, searched.size(), searched.toString());
        for (String folder : folders) {
            assertEquals(machine.at(folder), searched.get(folders.indexOf(folder)));
        }
    }

    @Test
    void inTheFolderOfANamedDriverAndTheNamedHomeOnly() throws IOException {
        FakeMachine machine = machine()
                .with("/soft/libcuda.so.1")
                .with("/home13/lib64/libnvrtc.so.13")
                .with("/usr/lib64/libcublas.so.13")
                .with("/usr/lib64/libcublasLt.so.13")
                .set("DARKROOM_CUDA_DRIVER", "/soft");
        assertEquals(
                List.of(new Place(machine.at("/soft"), "DARKROOM_CUDA_DRIVER")),
                machine.libraries().places());
        missing(machine, CudaLibrary.CUBLAS, CUDA_13);
        machine.set("DARKROOM_CUDA_HOME", "/home13");
        found(machine, CudaLibrary.NVRTC);
        missing(machine, CudaLibrary.CUBLAS, CUDA_13);
    }

    @Test
    void ofTheNewestVersionThatTheDriverCanServe() throws IOException {
        FakeMachine machine = machine()
                .with("/usr/lib64/libnvrtc.so.12")
                .with("/usr/lib64/libnvrtc.so.13")
                .with("/usr/local/cuda/lib64/libnvrtc.so.11.2");
        assertEquals(13, found(machine, CudaLibrary.NVRTC).major());
        LibraryFinding older = machine.libraries().find(CudaLibrary.NVRTC, CUDA_12);
        assertEquals(12, assertInstanceOf(Found.class, older).major());
    }

    @Test
    void exceptThoseThatNeedANewerDriver() throws IOException {
        FakeMachine machine = machine().with("/usr/lib64/libnvrtc.so.13");
        String text = missing(machine, CudaLibrary.NVRTC, CUDA_12).explanation();
        assertTrue(
                text.contains(
                        "/usr/lib64/libnvrtc.so.13 needs a driver for CUDA 13.0 or newer (580), the one here is for CUDA 12.6"),
                text);
    }

    @Test
    void exceptThoseOfAnotherVersion() throws IOException {
        FakeMachine machine = machine()
                .with("/usr/lib64/libnvrtc.so.11.8.89")
                .with("/usr/lib64/libcudnn.so.8")
                .with("/usr/lib64/libcublas.so.11");
        Files.createSymbolicLink(
                machine.at("/usr/lib64/libnvrtc.so.11.2"), machine.at("/usr/lib64/libnvrtc.so.11.8.89"));
        Missing nvrtc = missing(machine, CudaLibrary.NVRTC, CUDA_13);
        assertEquals(1, nvrtc.rejected().size(), "one file by two names");
        assertTrue(nvrtc.explanation().contains("libnvrtc.so.11.2 is of version 11, needed is 13 or 12"));
        assertTrue(missing(machine, CudaLibrary.CUDNN, CUDA_13)
                .explanation()
                .contains("libcudnn.so.8 is of version 8, needed is 9"));
        CudaUnavailableException thrown = assertThrows(
                CudaUnavailableException.class,
                () -> machine.libraries().find(CudaLibrary.CUBLAS, CUDA_13).orThrow());
        assertEquals("no cuBLAS that can be used was found", thrown.summary());
    }

    @Test
    void exceptThoseThatLackTheirParts() throws IOException {
        FakeMachine machine = machine()
                .with("/usr/lib64/libcudnn.so.9")
                .with("/usr/lib64/libcudnn_graph.so.9")
                .with("/usr/lib64/libcublas.so.13")
                .with("/usr/lib64/libnvrtc.so.13.0.88");
        assertTrue(missing(machine, CudaLibrary.CUDNN, CUDA_13)
                .explanation()
                .contains("libcudnn.so.9 lacks libcudnn_ops.so.9, libcudnn_cnn.so.9 beside it"));
        assertTrue(missing(machine, CudaLibrary.CUBLAS, CUDA_13)
                .explanation()
                .contains("libcublas.so.13 lacks libcublasLt.so.13 beside it"));
        assertTrue(missing(machine, CudaLibrary.NVRTC, CUDA_13)
                .explanation()
                .contains("libnvrtc.so.13.0.88 lacks the link libnvrtc.so.13 to it"));
    }

    @Test
    void orTheMessageSaysWhatWasLookedForWhereAndWhatToDo() throws IOException {
        FakeMachine machine = machine().with("/usr/lib64/libc.so").with("/project/.venv/pyvenv.cfg");
        LibraryFinding driver = machine.libraries().driver();
        CudaUnavailableException thrown = assertThrows(CudaUnavailableException.class, driver::orThrow);
        assertEquals("no NVIDIA driver was found", thrown.summary());
        assertEquals(
                "no NVIDIA driver was found: libcuda.so.1 is in none of " + machine.at("/usr/lib64")
                        + "; install the driver, or name the folder that holds it in DARKROOM_CUDA_HOME; --device cpu needs none",
                thrown.getMessage());
        Missing nvrtc = missing(machine, CudaLibrary.NVRTC, CUDA_13);
        assertTrue(nvrtc.explanation().startsWith("libnvrtc.so.13 or libnvrtc.so.12 is in none of"));
        assertFalse(nvrtc.explanation().contains(".venv"), "folders that are not there are not named");
    }

    @ParameterizedTest
    @ValueSource(strings = {"DARKROOM_CUDA_DRIVER", "DARKROOM_CUDA_HOME"})
    void butASettingThatNamesNoFolderIsAnError(String variable) {
        FakeMachine machine = machine().set(variable, "/typo");
        CudaUnavailableException thrown = assertThrows(CudaUnavailableException.class, machine::libraries);
        assertEquals(
                variable + " is wrong: " + machine.at("/typo")
                        + " is no folder; correct it, or unset it to search the usual places",
                thrown.getMessage());
    }
}
