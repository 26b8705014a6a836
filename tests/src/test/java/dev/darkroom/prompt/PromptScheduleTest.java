package dev.darkroom.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("correctness 11: texts change from step to step, and prompts guide together")
class PromptScheduleTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "[a:b:0.5]        ! a,a,b,b",
                "[a:b:1]          ! a,b,b,b",
                "[a:b:1.0]        ! a,a,a,a",
                "x[b:2]           ! x,x,xb,xb",
                "[a::3]           ! a,a,a,",
                "[a|b|c]          ! a,b,c,a",
                "[[a|b]:c:2]      ! a,b,c,c",
                "([a:b:2]:1.2)    ! (a:1.2),(a:1.2),(b:1.2),(b:1.2)",
                "[a\\:b:c:1]      ! a\\:b,c,c,c",
                "[(a:2):c:1]      ! (a:2),c,c,c",
                "[a:b:9]          ! a,a,a,a",
                "[a:b:-1]         ! b,b,b,b",
                "[a:b:c:1]        ! [a:b:c:1],[a:b:c:1],[a:b:c:1],[a:b:c:1]",
                "[a [b:c:1]       ! [a b,[a c,[a c,[a c",
                "[(a] [b:c:1]     ! [(a] b,[(a] c,[(a] c,[(a] c",
                "y | [b:c:1]      ! y | b,y | c,y | c,y | c"
            })
    void asTheNumberSays(String text, String expected) {
        assertEquals(
                expected, String.join(",", PromptSchedule.parse(text).texts(4)).strip());
    }

    @Test
    void aMillionCharactersTakeNoTimeAndNoStack() {
        for (String part : List.of("a", "[", "(", "[a:b:0.5]", "[a|b]", "]", "[a:", "(a", "|", "\\")) {
            String text = part.repeat(1_000_000 / part.length());
            assertTimeout(
                    Duration.ofSeconds(5), () -> PromptSchedule.parse(text).entries(2), part);
        }
        String nested = "[a:".repeat(100_000) + "b" + ":0.5]".repeat(100_000);
        assertEquals(List.of("a", "b"), PromptSchedule.parse(nested).texts(2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "a AND b:1.2           ! a*1.0 & b*1.2",
                "a:0.5 AND b : -1 AND c! a*0.5 & b*-1.0 & c*1.0",
                "BAND AND_ SAND        ! BAND AND_ SAND*1.0",
                "a 16:9 AND b          ! a 16*9.0 & b*1.0",
                "a:1:2 AND b           ! a:1*2.0 & b*1.0"
            })
    void promptsAreDividedAtAnd(String text, String expected) {
        String parts = Composition.parse(text).parts().stream()
                .map(each -> each.text().strip() + "*" + each.weight())
                .collect(Collectors.joining(" & "));
        assertEquals(expected, parts);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nan", "NaN", "-inf", "+Infinity", "99999999999999999999999999999999999999999"})
    void aWeightThatIsNoFiniteNumberIsRefused(String weight) {
        String message = assertThrows(PromptException.class, () -> Composition.parse("a AND b:" + weight))
                .getMessage();
        assertTrue(String.valueOf(message).contains("it must be a finite number"), message);
    }

    @Test
    void theWeightOfAWholePromptIsWarnedOf() {
        assertEquals(1, Composition.parse("a picture of format 16:9").warnings().size());
        assertEquals(List.of(), Composition.parse("a AND b:2").warnings());
    }

    @Test
    void composingAMillionCharactersTakesNoTime() {
        for (String part : List.of("a AND ", "AND", ":", " ", "1")) {
            String text = part.repeat(1_000_000 / part.length());
            assertTimeout(Duration.ofSeconds(5), () -> Composition.parse("a AND b" + text), part);
        }
    }

    @Test
    void networksAreTakenOutOfTheText() {
        ExtraNetworks found = ExtraNetworks.parse("a <lora:b c:0.8:x> d <e> <f:> <lora:g");
        assertEquals("a  d <e> <f:> <lora:g", found.prompt());
        assertEquals(List.of(new ExtraNetworks.Named("lora", List.of("b c", "0.8", "x"))), found.networks());
        for (String part : List.of("<", "<a:", "<a:b>", ">", "<a")) {
            String text = part.repeat(1_000_000 / part.length());
            assertTimeout(Duration.ofSeconds(5), () -> ExtraNetworks.parse(text), part);
        }
    }
}
