/**
 * CLIP's text encoder, as its configuration describes it.
 *
 * <p>Must not know any other network, any sampler or any device.
 */
@NullMarked
package dev.darkroom.models.clip;

import org.jspecify.annotations.NullMarked;
