/**
 * The CUDA device: memory, stream and operations of one NVIDIA GPU, and the Java side of every kernel in {@code kernels/}.
 *
 * <p>Must not know any other device, and no model.
 */
@NullMarked
package dev.darkroom.cuda;

import org.jspecify.annotations.NullMarked;
