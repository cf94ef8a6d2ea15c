/* What is made of fused multiply-adds, for variants.h. */

/* Inlined with a number of lanes that the compiler knows, the partial sums stay in registers. */
static inline __attribute__((always_inline)) double VARIANT(in_lanes)(const double *x, const double *y, int64_t whole,
                                                                      int lanes) {
    double sums[MOST_LANES] = {0.0};
    for (int64_t start = 0; start < whole; start += lanes)
        for (int lane = 0; lane < lanes; lane++)
            sums[lane] = fma(x[start + lane], y[start + lane], sums[lane]);
    double total = 0.0;
    for (int lane = 0; lane < lanes; lane++)
        total += sums[lane];
    return total;
}

static double VARIANT(product)(const coefficients *by, const double *x, const double *y) {
    double total = 0.0;
    if (by->whole > 0)
        switch (by->lanes) {
        case 2:
            total = VARIANT(in_lanes)(x, y, by->whole, 2);
            break;
        case 4:
            total = VARIANT(in_lanes)(x, y, by->whole, 4);
            break;
        case 8:
            total = VARIANT(in_lanes)(x, y, by->whole, 8);
            break;
        default:
            total = VARIANT(in_lanes)(x, y, by->whole, by->lanes);
        }
    if (by->fused)
        for (int64_t slot = by->whole; slot < by->size; slot++)
            total = fma(x[slot], y[slot], total);
    else
        for (int64_t slot = by->whole; slot < by->size; slot++)
            total += x[slot] * y[slot];
    return total;
}

static void VARIANT(products)(const coefficients *by, const double *x, int64_t rows, const uint8_t *left_out,
                            double *made) {
    for (int64_t row = 0; row < rows; row++, x += by->size, made += by->vectors)
        if (!left_out || !left_out[row])
            for (int64_t vector = 0; vector < by->vectors; vector++)
                made[vector] = VARIANT(product)(by, x, by->values + vector * by->size);
}

static void VARIANT(columns)(const coefficients *by, int64_t fused, const double *x, double *made) {
    int64_t blocks = by->size - by->size % 4;
    for (int64_t first = 0, step; first < by->size; first += step) {
        step = first < blocks ? 4 : 1;
        for (int64_t vector = 0; vector < by->vectors; vector++) {
            const double *y = by->values + vector * by->size;
            if (vector < fused) {
                for (int64_t slot = first + step - 1; slot >= first; slot--)
                    made[vector] = fma(x[slot], y[slot], made[vector]);
            } else {
                double total = x[first] * y[first];
                for (int64_t slot = first + 1; slot < first + step; slot++)
                    total += x[slot] * y[slot];
                made[vector] += total;
            }
        }
    }
}
