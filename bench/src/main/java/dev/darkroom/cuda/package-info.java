/** Benches of the cuda device's inner parts; on a machine without a GPU they run on the software device. Must not know a model. */
@NullMarked
package dev.darkroom.cuda;

import org.jspecify.annotations.NullMarked;
