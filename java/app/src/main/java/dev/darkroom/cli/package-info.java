/**
 * The command line: reads flags, shows progress, writes files, and turns failures into messages and exit codes.
 *
 * <p>Must not know devices' implementations or networks; everything goes through {@code pipeline}, {@code reference} and {@code weights}.
 */
@NullMarked
package dev.darkroom.cli;

import org.jspecify.annotations.NullMarked;
