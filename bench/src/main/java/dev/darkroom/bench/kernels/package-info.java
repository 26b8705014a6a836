/**
 * Times every operation of the published networks by itself, on a GPU, and predicts what it should take.
 *
 * <p>Must not know pipelines or the command line; which operations there are, and of which shapes, it learns from the networks.
 */
@NullMarked
package dev.darkroom.bench.kernels;

import org.jspecify.annotations.NullMarked;
