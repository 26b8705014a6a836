/**
 * Numeric regression: runs our networks, samplers and pipelines on a reference set and compares tensor by tensor.
 *
 * <p>Must not know the command line or any server, nor the values of one particular set: shapes, sizes, prompts and
 * head counts are read from the set.
 */
@NullMarked
package dev.darkroom.reference;

import org.jspecify.annotations.NullMarked;
