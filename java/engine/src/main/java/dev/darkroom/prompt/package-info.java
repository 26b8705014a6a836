/**
 * The prompt language of AUTOMATIC1111's web UI: from what a user types to weighted tokens in chunks.
 *
 * <p>Must not know networks, tensors or devices.
 */
@NullMarked
package dev.darkroom.prompt;

import org.jspecify.annotations.NullMarked;
