package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;

/**
 * The GPU that is checked, as {@code darkroom doctor} found it.
 *
 * @param device  as {@code --device} takes it
 * @param problem why it cannot be used; empty where it can
 * @param facts   the doctor's report on CUDA: libraries and GPUs
 */
record Gpu(
        String device,
        String model,
        String capability,
        long totalBytes,
        long freeBytes,
        String problem,
        JsonNode facts) {
    /** What the software CUDA device calls itself. */
    private static final String SOFTWARE = "software device";

    /** Before the doctor was there, or where the doctor found nothing. */
    static Gpu unknown(String device, String problem) {
        return new Gpu(device, "", "", 0, 0, problem, MissingNode.getInstance());
    }

    /** From {@code doctor --json}; {@code device} is {@code cuda} or {@code cuda:N}. */
    static Gpu of(String device, JsonNode doctor) {
        String name = device.equals("cuda") ? "cuda:0" : device;
        JsonNode cuda = doctor.path("cuda");
        JsonNode card = cuda.path("gpus").path(name);
        String problem = cuda.path("problem").asText();
        if (problem.isEmpty()) {
            problem = card.isMissingNode()
                    ? name + " is not there; the driver sees " + cuda.path("gpus").size() + " GPUs"
                    : card.path("problem").asText();
        }
        JsonNode opened = doctor.path("devices").path("cuda"); // of the first GPU alone
        if (problem.isEmpty() && name.equals("cuda:0") && !opened.path("available").asBoolean()) {
            problem = opened.path("description").asText();
        }
        return new Gpu(
                name,
                card.path("model").asText(),
                card.path("compute_capability").asText(),
                card.path("total_bytes").asLong(),
                card.path("free_bytes").asLong(),
                problem,
                cuda);
    }

    boolean isUsable() {
        return problem.isEmpty();
    }

    /** Whether it is no GPU but tests/softcuda, whose times say nothing. */
    boolean isSoftware() {
        return model.equals(SOFTWARE);
    }

    /** The version of a library such as {@code cuBLAS}; empty where it is absent. */
    String version(String library) {
        return facts.path("libraries").path(library).path("version").asText();
    }

    /** Why a library is absent. */
    String absence(String library) {
        return facts.path("libraries").path(library).path("explanation").asText();
    }
}
