/**
 * Python's pickle format as data: a machine that builds maps, lists, numbers and descriptions of calls, and calls nothing.
 *
 * <p>Must not know files, tensors or PyTorch; what a description of a call means is for the caller to say.
 */
@NullMarked
package dev.darkroom.weights.pickle;

import org.jspecify.annotations.NullMarked;
