/**
 * Layers that the networks are made of: each takes its parameters by the names that diffusers gives them.
 *
 * <p>Must not know any network, sampler or device.
 */
@NullMarked
package dev.darkroom.nn;

import org.jspecify.annotations.NullMarked;
