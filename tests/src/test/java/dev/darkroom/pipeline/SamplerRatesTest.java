package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.sampling.SamplerKind;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * How often the demo model draws the background that the prompt names, for each sampler, against DDIM at 50 steps. Takes an hour or so on two cores, and
 * therefore runs only when asked for, by -Ddarkroom.rates=true.
 */
@EnabledIfSystemProperty(named = "darkroom.rates", matches = "true")
class SamplerRatesTest {
    private static final int STEPS = 20;
    private static final double ALLOWED = 0.05; // of the prompts, below DDIM's share
    /** For models that were distilled or trained for them, which the demo model is not. */
    private static final Set<SamplerKind> NOT_FOR_IT =
            Set.of(SamplerKind.LCM, SamplerKind.TCD, SamplerKind.EDM_EULER, SamplerKind.EDM_DPMPP_2M);

    private static final List<String> COLOURS =
            List.of("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white", "cyan");
    private static final List<String> SHAPES = List.of("circle", "star");

    @Test
    void everySamplerDrawsWhatThePromptSaysAsOftenAsDdim() {
        StringBuilder table = new StringBuilder();
        boolean holds = true;
        try (Darkroom darkroom = Darkroom.open(System.getProperty("darkroom.root") + "/models/demo")) {
            double ddim = share(darkroom, "DDIM", 50);
            table.append(String.format(Locale.ROOT, "| DDIM, 50 steps | %.0f %% |%n", 100 * ddim));
            for (SamplerKind kind : SamplerKind.values()) {
                if (NOT_FOR_IT.contains(kind)) {
                    continue;
                }
                double share = share(darkroom, kind.title(), STEPS);
                table.append(String.format(Locale.ROOT, "| %s | %.0f %% |%n", kind.title(), 100 * share));
                holds &= share >= ddim - ALLOWED;
            }
        }
        System.out.println(table);
        assertTrue(holds, table.toString());
    }

    private static double share(Darkroom darkroom, String sampler, int steps) {
        int right = 0;
        int total = 0;
        for (String background : COLOURS) {
            for (String shape : SHAPES) {
                String colour = COLOURS.get((COLOURS.indexOf(background) + 4) % COLOURS.size());
                String prompt = String.format(Locale.ROOT, "a %s %s on a %s background", colour, shape, background);
                Request.Builder request = Request.of(prompt)
                        .sampler(sampler)
                        .steps(steps)
                        .guidance(5)
                        .seed(total++);
                right += Colours.nearest(Colours.ofBorder(
                                        darkroom.generate(request.build()).picture()))
                                .equals(background)
                        ? 1
                        : 0;
            }
        }
        return (double) right / total;
    }
}
