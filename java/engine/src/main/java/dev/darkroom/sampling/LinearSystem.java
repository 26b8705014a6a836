package dev.darkroom.sampling;

/** Solves small systems of linear equations by Gaussian elimination with partial pivoting. */
final class LinearSystem {
    private LinearSystem() {}

    /** The solution of n equations in n unknowns; {@code rows} [n][n + 1] holds the right-hand side last and is overwritten. */
    static double[] solve(double[][] rows) {
        int n = rows.length;
        for (int column = 0; column < n; column++) {
            int pivot = column;
            for (int row = column + 1; row < n; row++) {
                pivot = Math.abs(rows[row][column]) > Math.abs(rows[pivot][column]) ? row : pivot;
            }
            double[] swapped = rows[column];
            rows[column] = rows[pivot];
            rows[pivot] = swapped;
            for (int row = column + 1; row < n; row++) {
                double factor = rows[row][column] / rows[column][column];
                for (int k = column; k <= n; k++) {
                    rows[row][k] -= factor * rows[column][k];
                }
            }
        }
        double[] solution = new double[n];
        for (int row = n - 1; row >= 0; row--) {
            double value = rows[row][n];
            for (int k = row + 1; k < n; k++) {
                value -= rows[row][k] * solution[k];
            }
            solution[row] = value / rows[row][row];
        }
        return solution;
    }
}
