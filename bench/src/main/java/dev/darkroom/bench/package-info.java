/**
 * Microbenchmarks of what Java itself does on the way to a picture.
 *
 * <p>Must not know the command line; whole networks are timed by {@code darkroom bench}.
 */
@NullMarked
package dev.darkroom.bench;

import org.jspecify.annotations.NullMarked;
