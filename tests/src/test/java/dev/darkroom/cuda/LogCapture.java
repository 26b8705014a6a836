package dev.darkroom.cuda;

import java.text.MessageFormat;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Collects what a class logs, as text, until it is closed. */
public final class LogCapture implements AutoCloseable {
    private final Logger logger;
    private final Handler handler;

    private LogCapture(Logger logger, Handler handler) {
        this.logger = logger;
        this.handler = handler;
        logger.addHandler(handler);
    }

    /** Adds the messages of {@code source} to {@code messages} from now on. */
    public static LogCapture of(Class<?> source, List<String> messages) {
        return new LogCapture(Logger.getLogger(source.getName()), new Handler() {
            @Override
            public synchronized void publish(LogRecord entry) {
                messages.add(MessageFormat.format(entry.getMessage(), entry.getParameters()));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        });
    }

    @Override
    public void close() {
        logger.removeHandler(handler);
    }
}
