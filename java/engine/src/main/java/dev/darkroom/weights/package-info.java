/**
 * Weights on disk: safetensors files, shards, model folders and single-file checkpoints, seen under the names diffusers gives them.
 *
 * <p>Must not know any device or network: it hands out {@link dev.darkroom.tensor.HostTensor}s by name and checks their shapes.
 */
@NullMarked
package dev.darkroom.weights;

import org.jspecify.annotations.NullMarked;
