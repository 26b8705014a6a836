/**
 * Tensors, the operations on them, and the memory they live in.
 *
 * <p>Must not know any device, model or file format: {@code cpu}, {@code cuda} and {@code dry} implement what is declared here.
 */
@NullMarked
package dev.darkroom.tensor;

import org.jspecify.annotations.NullMarked;
