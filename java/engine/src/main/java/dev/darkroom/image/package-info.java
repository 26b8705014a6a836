/**
 * Pictures: reading, resizing, writing, and the text that PNG files carry.
 *
 * <p>Must not know tensors, networks or devices.
 */
@NullMarked
package dev.darkroom.image;

import org.jspecify.annotations.NullMarked;
