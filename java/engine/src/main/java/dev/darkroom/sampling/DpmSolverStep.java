package dev.darkroom.sampling;

/**
 * The exponential integrator that DPM-Solver's steps are made of (Lu et al. 2022a, 2022b): what remains of the sample, and the weights of the prediction,
 * its first and its second difference. λ = ln(signal / noise), and h is its growth over the step.
 *
 * @param ofPicture DPM-Solver++ integrates the predicted picture, DPM-Solver the noise
 * @param eta       0 for the differential equation, 1 for the stochastic one
 */
record DpmSolverStep(
        double signalFrom, double noiseFrom, double signalTo, double noiseTo, boolean ofPicture, double eta) {
    double h() {
        return lambda(signalTo, noiseTo) - lambda(signalFrom, noiseFrom);
    }

    static double lambda(double signal, double noise) {
        return Math.log(signal) - Math.log(noise);
    }

    private double stretched() {
        return (1 + eta) * h();
    }

    /** Of the sample. */
    double kept() {
        if (!ofPicture) {
            return signalTo / signalFrom;
        }
        return noiseTo / noiseFrom * (eta > 0 ? Math.exp(-eta * h()) : 1);
    }

    /** Of the prediction. */
    double weight0() {
        return ofPicture ? -signalTo * Math.expm1(-stretched()) : -noiseTo * Math.expm1(h()) * (1 + eta);
    }

    /** Of its first difference. */
    double weight1() {
        return ofPicture
                ? signalTo * (Math.expm1(-stretched()) / stretched() + 1)
                : -noiseTo * (Math.expm1(h()) / h() - 1) * (1 + eta);
    }

    /** Of its second difference. */
    double weight2() {
        if (!ofPicture) {
            return -noiseTo * ((Math.expm1(h()) - h()) / (h() * h()) - 0.5);
        }
        double curve = -(Math.expm1(-stretched()) + stretched()) / (stretched() * stretched());
        // The stochastic form takes 1/2 with the other sign in diffusers, which its pictures depend on.
        return signalTo * (eta > 0 ? curve - 0.5 : curve + 0.5);
    }

    /** Of fresh noise. */
    double deviation() {
        return noiseTo * Math.sqrt(ofPicture ? -Math.expm1(-2 * eta * h()) : Math.expm1(2 * h()));
    }
}
