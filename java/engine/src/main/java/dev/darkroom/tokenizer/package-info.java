/**
 * CLIP's tokenizer: from text to token ids.
 *
 * <p>Must not know any network or device.
 */
@NullMarked
package dev.darkroom.tokenizer;

import org.jspecify.annotations.NullMarked;
