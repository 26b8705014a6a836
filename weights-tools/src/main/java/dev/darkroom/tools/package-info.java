/**
 * Commands on weights: look into a checkpoint, convert it, make one up for benches.
 *
 * <p>Must not know how an operation is computed: networks are built on the dry device, for the list of their tensors alone.
 */
@NullMarked
package dev.darkroom.tools;

import org.jspecify.annotations.NullMarked;
