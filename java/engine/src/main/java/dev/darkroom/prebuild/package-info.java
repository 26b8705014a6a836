/**
 * Compiles kernels where there is no GPU: ready-made images for the jar, and the report of the resources that kernels take.
 *
 * <p>Must not know pipelines or the command line; nothing else may name it.
 */
@NullMarked
package dev.darkroom.prebuild;

import org.jspecify.annotations.NullMarked;
