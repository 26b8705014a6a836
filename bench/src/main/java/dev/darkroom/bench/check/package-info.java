/**
 * One command that checks and measures everything on one GPU: {@code bin/gpu-check}.
 *
 * <p>Must not touch a device itself: whatever does runs in a process of its own, which may hang or die without taking the report along.
 */
@NullMarked
package dev.darkroom.bench.check;

import org.jspecify.annotations.NullMarked;
