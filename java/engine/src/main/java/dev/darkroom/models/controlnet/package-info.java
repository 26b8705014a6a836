/**
 * ControlNets, which guide a U-Net by a picture, as their configuration describes them.
 *
 * <p>Must not know any network but the U-Net whose half they have a copy of, nor any sampler or device.
 */
@NullMarked
package dev.darkroom.models.controlnet;

import org.jspecify.annotations.NullMarked;
