/**
 * The CPU device: oneDNN for the heavy operations, plain Java for the small ones.
 *
 * <p>Must not know any model, nor any other device. Nothing outside this package knows oneDNN.
 */
@NullMarked
package dev.darkroom.cpu;

import org.jspecify.annotations.NullMarked;
