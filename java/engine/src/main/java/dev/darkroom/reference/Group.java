package dev.darkroom.reference;

/** The cases of one directory of a reference set. */
interface Group {
    /** The directory's name. */
    String name();

    /** Runs every case and reports what it finds to {@code check}. */
    void run(Check check);
}
