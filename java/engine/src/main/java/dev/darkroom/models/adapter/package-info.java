/**
 * Adapters: small networks that stand beside a U-Net and tell it of pictures.
 *
 * <p>Must not know any network but the U-Net, nor any sampler or device.
 */
@NullMarked
package dev.darkroom.models.adapter;

import org.jspecify.annotations.NullMarked;
