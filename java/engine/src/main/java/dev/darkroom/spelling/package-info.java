/**
 * Finds what somebody may have meant by a name that does not exist.
 *
 * <p>Must not know what the names are of.
 */
@NullMarked
package dev.darkroom.spelling;

import org.jspecify.annotations.NullMarked;
