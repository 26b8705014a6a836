/**
 * Opens devices by the names users give them, and says of each that is absent why, and what to do.
 *
 * <p>Must not know models, files or pipelines. Nothing else may name a device's implementation.
 */
@NullMarked
package dev.darkroom.device;

import org.jspecify.annotations.NullMarked;
