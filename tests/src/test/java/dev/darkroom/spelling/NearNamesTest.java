package dev.darkroom.spelling;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The names that are spelled most alike")
class NearNamesTest {
    @Test
    void areAsFarAsCharactersMustChange() {
        assertEquals(0, NearNames.distance("to_q", "to_q"));
        assertEquals(4, NearNames.distance("", "to_q"));
        assertEquals(3, NearNames.distance("kitten", "sitting"));
    }

    @Test
    void comeNearestFirstAndThenInTheirOrder() {
        assertEquals(
                List.of("to_q", "to_k", "to_v"), NearNames.of("to_q", List.of("other", "to_v", "to_k", "to_q"), 3));
        assertEquals(List.of(), NearNames.of("to_q", List.of(), 3));
    }
}
