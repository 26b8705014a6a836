/**
 * Puts the portable folder together (docs/portable.md), at build time.
 *
 * <p>Must not know what is in the jars that it packs; nothing of it is packed itself.
 */
@NullMarked
package dev.darkroom.portable;

import org.jspecify.annotations.NullMarked;
