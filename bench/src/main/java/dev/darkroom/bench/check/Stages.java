package dev.darkroom.bench.check;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** All stages in their order: what tells most comes first. */
final class Stages {
    static final String DOCTOR = "doctor";
    static final String CONTRACTS = "contracts";
    static final String VERIFY = "verify";

    static final List<Stage> ALL = List.of(
            new Stage(DOCTOR, "Which GPU and libraries there are", false, 20, DoctorStage::run),
            new Stage("before", "Clocks, power and temperature before", false, 5, FactsStage::run),
            new Stage(VERIFY, "Networks, samplers and pipelines against reference tensors", true, 45, VerifyStage::run),
            new Stage(CONTRACTS, "The contract of every operation in every type", true, 75, ContractsStage::run),
            new Stage("sanitizer", "compute-sanitizer over the kernels", true, 60, SanitizerStage::run),
            new Stage("kernels", "Kernels over the shapes of SD 1.5, 2.1 and XL", true, 80, KernelsStage::ours),
            new Stage("torch-kernels", "torch's best on the same shapes", true, 50, KernelsStage::torch),
            new Stage("sd15", "Parts and pictures of SD 1.5 in turn with torch", true, 85, run -> NetworksStage.run(run, "sd15")),
            new Stage("load", "Loading time and the first picture", true, 15, LoadStage::run),
            new Stage("memory", "Memory peaks", true, 20, MemoryStage::run),
            new Stage("sdxl", "Parts and pictures of SDXL in turn with torch", true, 70, run -> NetworksStage.run(run, "sdxl")),
            new Stage("after", "Clocks, power and temperature after", false, 5, FactsStage::run));

    private Stages() {}

    /**
     * Those that are asked for. The doctor always comes, as all others go by what it finds.
     *
     * @throws IllegalArgumentException for a name that no stage has
     */
    static List<Stage> chosen(List<String> only, List<String> skip) {
        Set<String> unknown = new LinkedHashSet<>(only);
        unknown.addAll(skip);
        ALL.forEach(stage -> unknown.remove(stage.name()));
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("there is no stage " + String.join(", ", unknown) + "; there are "
                    + String.join(", ", ALL.stream().map(Stage::name).toList()));
        }
        if (skip.contains(DOCTOR)) {
            throw new IllegalArgumentException("the stage doctor cannot be skipped: the others go by what it finds");
        }
        List<Stage> chosen = new ArrayList<>(ALL);
        chosen.removeIf(stage -> skip.contains(stage.name())
                || !only.isEmpty() && !only.contains(stage.name()) && !stage.name().equals(DOCTOR));
        return chosen;
    }
}
