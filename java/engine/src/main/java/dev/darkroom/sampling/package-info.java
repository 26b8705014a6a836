/**
 * Noise schedules, samplers and the random numbers of torch on the CPU.
 *
 * <p>Must not know any model or device: a sampler is compiled into a {@link dev.darkroom.sampling.SamplingPlan}, which others execute.
 */
@NullMarked
package dev.darkroom.sampling;

import org.jspecify.annotations.NullMarked;
