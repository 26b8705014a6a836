/**
 * From a request to pictures: text to image and image to image over the networks and the samplers.
 *
 * <p>Must not know the command line, any server, or which device it runs on.
 */
@NullMarked
package dev.darkroom.pipeline;

import org.jspecify.annotations.NullMarked;
