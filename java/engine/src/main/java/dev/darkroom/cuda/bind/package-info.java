/**
 * Finds the libraries of CUDA on this machine and binds JCuda to them.
 *
 * <p>Must not know tensors or kernels.
 */
@NullMarked
package dev.darkroom.cuda.bind;

import org.jspecify.annotations.NullMarked;
