package dev.darkroom.sampling;

/**
 * A step to a level in two parts: to a lower level, and back up by fresh noise (k-diffusion's ancestral sampling).
 *
 * @param down the level that the sample is brought to
 * @param up   what the fresh noise is multiplied by: down² + up² is the square of the level wanted
 */
record AncestralStep(double down, double up) {
    /** @param eta 1 for the variance of Ho et al. 2020, eq. 7; 0 for no noise */
    static AncestralStep of(double from, double to, double eta) {
        double up = Math.min(to, eta * Math.sqrt(to * to * (from * from - to * to) / (from * from)));
        return new AncestralStep(Math.sqrt(to * to - up * up), up);
    }
}
