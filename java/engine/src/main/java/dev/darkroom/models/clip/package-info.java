/**
 * CLIP: its text encoder, its image encoder, and how alike their embeddings are, as configurations describe them.
 *
 * <p>Must not know any other network, any sampler or any device.
 */
@NullMarked
package dev.darkroom.models.clip;

import org.jspecify.annotations.NullMarked;
