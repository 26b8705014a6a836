/**
 * The dry device: shapes, FLOPs, bytes moved and peak memory of whatever runs on it; computes nothing.
 *
 * <p>Must not know any other device, and no model.
 */
@NullMarked
package dev.darkroom.dry;

import org.jspecify.annotations.NullMarked;
