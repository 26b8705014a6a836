/**
 * The tiny autoencoder between pictures and latents, as its configuration describes it.
 *
 * <p>Must not know any other network, any sampler or any device.
 */
@NullMarked
package dev.darkroom.models.taesd;

import org.jspecify.annotations.NullMarked;
