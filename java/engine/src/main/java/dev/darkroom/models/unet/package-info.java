/**
 * The U-Net that predicts the noise, as its configuration describes it.
 *
 * <p>Must not know any other network, any sampler or any device.
 */
@NullMarked
package dev.darkroom.models.unet;

import org.jspecify.annotations.NullMarked;
