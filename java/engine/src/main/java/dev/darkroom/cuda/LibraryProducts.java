package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.cuda.ServingTable.Line;
import dev.darkroom.cuda.ServingTable.Server;
import dev.darkroom.cuda.bind.CudaLibrary;
import dev.darkroom.cuda.bind.LibraryBinding;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products and convolutions by cuBLAS and cuDNN, where the {@link ServingTable} says so and they can; all others are left to our own kernels.
 *
 * <p>That a line asks for what cannot be had is warned of once.
 */
final class LibraryProducts implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(LibraryProducts.class.getName());

    private final Modules modules;
    private final MomentsKernels moments;
    private final ServingTable table;
    private final Function<CudaLibrary, LibraryBinding> libraries;
    private final FinishKernels finishKernels;
    private final Map<Product, Choice> choices = new LinkedHashMap<>();
    private final Set<String> warnings = new HashSet<>();
    private @Nullable Cublas cublas;
    private @Nullable Cudnn cudnn;

    /** @param libraries cuBLAS and cuDNN, bound when they are first asked for */
    LibraryProducts(
            Modules modules,
            MomentsKernels moments,
            ServingTable table,
            Function<CudaLibrary, LibraryBinding> libraries) {
        this.modules = modules;
        this.moments = moments;
        this.table = table;
        this.libraries = libraries;
        finishKernels = new FinishKernels(modules);
    }

    /**
     * As {@link GemmKernels#linear}, if a library is to compute it.
     *
     * @param y none of the operands
     * @return whether it was computed
     */
    boolean linear(Scope scope, Tensor x, Tensor weight, Epilogue epilogue, Tensor y) {
        int images = images(y);
        Product product = Product.linear(x.dtype(), rows(y) / images, weight.dim(1), weight.dim(0));
        if (choose(product).server() != Server.CUBLAS) {
            return false;
        }
        try (Scope scratch = scope.child("cublas")) {
            Tensor sums = epilogue.isEmpty() ? y : sums(scratch, y);
            cublas().multiply(product, images, x, weight, sums);
            if (!epilogue.isEmpty()) {
                finishKernels.finish(sums, epilogue, images, y);
            }
            moments.leave(scratch, y);
        }
        return true;
    }

    /** As {@link GemmKernels#geglu}, if a library is to compute it. Returns whether it was computed. */
    boolean geglu(
            Scope scope,
            Tensor x,
            Tensor value,
            @Nullable Tensor valueBias,
            Tensor gate,
            @Nullable Tensor gateBias,
            Tensor y) {
        int images = images(y);
        Product product = Product.geglu(x.dtype(), rows(y) / images, value.dim(1), value.dim(0));
        if (choose(product).server() != Server.CUBLAS) {
            return false;
        }
        try (Scope scratch = scope.child("cublas")) {
            Tensor sums = sums(scratch, y);
            Tensor gates = scratch.allocate(y.shape(), DType.F32);
            cublas().multiply(product, images, x, value, sums);
            cublas().multiply(product, images, x, gate, gates);
            finishKernels.gate(sums, valueBias, gates, gateBias, y);
        }
        return true;
    }

    /**
     * As {@link ConvolutionKernels#convolution}, if a library is to compute it.
     *
     * @param y none of the operands
     * @return whether it was computed
     */
    boolean convolution(
            Scope scope, Tensor x, Tensor weight, Conv2dWeight.Geometry geometry, Epilogue epilogue, Tensor y) {
        Product product = Product.convolution(
                x.dtype(), x.dim(1), x.dim(2), x.dim(3), weight.dim(0), weight.dim(1), weight.dim(2), geometry);
        Choice choice = choose(product);
        if (choice.server() != Server.CUDNN) {
            return false;
        }
        try (Scope scratch = scope.child("cudnn")) {
            cudnn().convolve(scratch, product, choice.algorithm(), x.dim(0), x, weight, y);
            if (!epilogue.isEmpty()) {
                finishKernels.finish(y, epilogue, x.dim(0), y);
            }
            moments.leave(scratch, y);
        }
        return true;
    }

    /** Whether a library is to compute a product. */
    boolean serves(Product product) {
        return choose(product).server() != Server.OWN;
    }

    /** Who computes a product: what the table says, or our own kernels where that cannot be had. */
    Choice choose(Product product) {
        Choice known = choices.get(product);
        if (known == null) {
            known = look(product);
            choices.put(product, known);
        }
        return known;
    }

    private Choice look(Product product) {
        Optional<Line> line = table.find(product, modules.gpu().capability());
        if (line.isEmpty()) {
            return Choice.OWN;
        }
        Choice choice = line.get().choice();
        String problem = problem(product, choice);
        if (problem.isEmpty()) {
            return choice;
        }
        if (warnings.add(line.get().number() + problem)) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "{0} asks {1} for {2}: {3}; our own kernels serve it by rule of thumb",
                    table.at(line.get().number()),
                    choice,
                    product,
                    problem);
        }
        return Choice.OWN;
    }

    /** Why a choice cannot be had for a product; empty where it can. */
    private String problem(Product product, Choice choice) {
        if (choice.server() == Server.OWN) {
            return choice.schedule().problem(product, modules.gpu());
        }
        LibraryBinding binding =
                libraries.apply(choice.server() == Server.CUBLAS ? CudaLibrary.CUBLAS : CudaLibrary.CUDNN);
        if (!binding.isBound()) {
            return binding.description();
        }
        String general = product.problem();
        return !general.isEmpty() || choice.server() == Server.CUBLAS
                ? general
                : cudnn().problem(product, choice.algorithm());
    }

    /** How our own kernels are to compute a product. */
    Schedule schedule(Product product) {
        return choose(product).schedule();
    }

    /** All that could serve a product, our own kernels by rule of thumb first. */
    List<Choice> alternatives(Product product) {
        List<Choice> all = new ArrayList<>(List.of(Choice.OWN));
        if (product.kind() != Product.Kind.CONVOLUTION) {
            all.add(Choice.CUBLAS);
        } else if (libraries.apply(CudaLibrary.CUDNN).isBound() && product.paddingBefore() == product.paddingAfter()) {
            cudnn().algorithms(product).forEach(algorithm -> all.add(Choice.cudnn(algorithm)));
        }
        all.removeIf(choice ->
                choice.server() != Server.OWN && !problem(product, choice).isEmpty());
        return all;
    }

    /** The products that were asked for so far. */
    List<Product> products() {
        return List.copyOf(choices.keySet());
    }

    /** Forgets which products were asked for and what was prescribed: the table decides again. */
    void forget() {
        choices.clear();
    }

    /** Has a product computed in one way from now on, whatever the table says. */
    void prescribe(Product product, Choice choice) {
        choices.put(product, choice);
    }

    /** The bindings of cuBLAS and cuDNN. */
    Function<CudaLibrary, LibraryBinding> libraries() {
        return libraries;
    }

    /** Which libraries are used, and which not and why, in a few words; loads those that the table asks for. */
    String description() {
        return describe(Server.CUBLAS, CudaLibrary.CUBLAS) + ", " + describe(Server.CUDNN, CudaLibrary.CUDNN);
    }

    private String describe(Server server, CudaLibrary library) {
        if (!table.names(server)) {
            return library.title() + " unused (" + table.origin() + " does not ask for it)";
        }
        LibraryBinding binding = libraries.apply(library);
        return binding.isBound()
                ? library.title() + " " + binding.version().orElseThrow() + " by " + table.origin()
                : binding.description();
    }

    /** Sums in f32: y itself where it is of that type. */
    private static Tensor sums(Scope scratch, Tensor y) {
        return y.dtype() == DType.F32 ? y : scratch.allocate(y.shape(), DType.F32);
    }

    private static int images(Tensor y) {
        return y.shape().rank() < 2 ? 1 : y.dim(0);
    }

    private static int rows(Tensor y) {
        return Math.toIntExact(y.shape().rows());
    }

    private Cublas cublas() {
        Cublas known = cublas;
        if (known == null) {
            known = new Cublas(modules.stream(), modules.gpu());
            cublas = known;
        }
        return known;
    }

    private Cudnn cudnn() {
        Cudnn known = cudnn;
        if (known == null) {
            known = new Cudnn(modules.stream());
            cudnn = known;
        }
        return known;
    }

    @Override
    public void close() {
        Cublas first = cublas;
        Cudnn second = cudnn;
        try (first;
                second) {
            cublas = null;
            cudnn = null;
        }
    }
}
