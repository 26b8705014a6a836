package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class LinearFormTest {
    private final LinearForm x = LinearForm.of(0);
    private final LinearForm y = LinearForm.of(1);

    @Test
    void nestedSumsCollapseIntoOneCoefficientPerSlot() {
        LinearForm mean = x.plus(y).times(0.5);
        assertEquals(Map.of(0, 2.0, 1, -1.0), mean.times(4).minus(y.times(3)).coefficients());
    }

    @Test
    void slotsThatCancelOutAreLeftOut() {
        assertEquals(Map.of(1, 1.0), x.plus(y).minus(x).coefficients());
    }

    @Test
    void formsDoNotChange() {
        LinearForm sum = x.plus(y);
        sum.times(2);
        sum.plus(x);
        assertEquals(Map.of(0, 1.0, 1, 1.0), sum.coefficients());
    }
}
