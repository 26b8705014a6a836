package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A Darkroom used by several threads")
class DarkroomThreadsTest {
    private static final String MODEL = System.getProperty("darkroom.root") + "/tests/reference/checkpoints/sd1";

    private final ExecutorService threads = Executors.newFixedThreadPool(2);
    private final Darkroom darkroom =
            Darkroom.builder(MODEL).device("cpu").threads(1).open();

    @AfterEach
    void close() {
        threads.shutdownNow();
        darkroom.close();
    }

    private static Request request(int seed) {
        return Request.of("a boat").size(32, 32).steps(1).seed(seed).build();
    }

    @Test
    void servesOneRequestAfterTheOther() throws Exception {
        byte[] first = darkroom.generate(request(1)).picture().rgb();
        byte[] second = darkroom.generate(request(2)).picture().rgb();
        Future<Result> one = threads.submit(() -> darkroom.generate(request(1)));
        Future<Result> other = threads.submit(() -> darkroom.generate(request(2)));
        assertArrayEquals(first, one.get().picture().rgb());
        assertArrayEquals(second, other.get().picture().rgb());
    }

    @Test
    void isClosedAfterTheRequestThatItServes() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch mayEnd = new CountDownLatch(1);
        Monitor monitor = new Monitor() {
            @Override
            public void progress(Progress progress) {
                begun.countDown();
                try {
                    mayEnd.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        };
        Future<Result> request = threads.submit(() -> darkroom.generate(request(1), monitor));
        assertTrue(begun.await(1, TimeUnit.MINUTES));
        CountDownLatch closed = new CountDownLatch(1);
        threads.execute(() -> {
            darkroom.close();
            closed.countDown();
        });
        assertFalse(closed.await(100, TimeUnit.MILLISECONDS), "closed under a request");
        mayEnd.countDown();
        assertEquals(32, request.get().picture().width());
        assertTrue(closed.await(1, TimeUnit.MINUTES));
        assertThrows(IllegalStateException.class, () -> darkroom.generate(request(1)));
        darkroom.close(); // once more does nothing
    }
}
