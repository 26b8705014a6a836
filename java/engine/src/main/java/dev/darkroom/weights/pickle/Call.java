package dev.darkroom.weights.pickle;

import java.util.List;

/** What Python would have called, and with what; nothing was called. */
public final class Call {
    private final Global function;
    private final List<Object> arguments;
    private Object state = None.NONE;

    Call(Global function, List<Object> arguments) {
        this.function = function;
        this.arguments = arguments;
    }

    public Global function() {
        return function;
    }

    public List<Object> arguments() {
        return arguments;
    }

    /** What Python would have set in the object afterwards; {@link None#NONE} for nothing. */
    public Object state() {
        return state;
    }

    void setState(Object state) {
        this.state = state;
    }

    @Override
    public String toString() {
        return function + "(" + arguments.size() + " arguments)";
    }
}
