package dev.darkroom.cuda;

import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Collects what a class logs, as text. */
public final class LogCapture {
    private LogCapture() {}

    /** What {@code source} logs while {@code action} runs. */
    public static List<String> of(Class<?> source, Runnable action) {
        List<String> messages = Collections.synchronizedList(new ArrayList<>());
        Logger logger = Logger.getLogger(source.getName());
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                messages.add(MessageFormat.format(entry.getMessage(), entry.getParameters()));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        logger.addHandler(handler);
        try {
            action.run();
        } finally {
            logger.removeHandler(handler);
        }
        return List.copyOf(messages);
    }
}
