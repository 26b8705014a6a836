package dev.darkroom.weights.pickle;

/** A class or function of Python, by its name alone. */
public record Global(String module, String name) {
    @Override
    public String toString() {
        return module + "." + name;
    }
}
