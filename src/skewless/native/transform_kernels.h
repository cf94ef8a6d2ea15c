/* What XGBoost's objectives make of sums, for variants.h.

   The exponential is that of a C library compiled for processors with fused multiply-adds: unfused, two of all floats
   come out otherwise. */

static inline float VARIANT(exponential)(float x) {
    if (x != x)
        return x + x;
    if (x > 0x1.62e42ep6f)
        return INFINITY;
    if (x < -0x1.9fe368p6f)
        return 0.0f;
    const double per_step = 0x1.71547652b82fep+0 * STEPS;
    double shifted = fma(per_step, x, 0x1.8p+52); /* rounds to a whole number, which its last bits are then */
    uint64_t steps = bits_of_double(shifted);
    double rest = fma(per_step, x, -(shifted - 0x1.8p+52));
    double power = double_of(POWERS[steps % STEPS] + (steps << (52 - 5)));
    double square = fma(0x1.c6af84b912394p-5 / STEPS / STEPS / STEPS, rest, 0x1.ebfce50fac4f3p-3 / STEPS / STEPS);
    double line = fma(0x1.62e42ff0c52d6p-1 / STEPS, rest, 1.0);
    return (float)(fma(square, rest * rest, line) * power);
}

/* Source: XGBoost's common/math.h; 88.7 keeps the exponential finite, and the smallest number changes nothing. */
static inline float VARIANT(logistic)(float x) {
    float negative = 88.7f < -x ? 88.7f : -x;
    return 1.0f / (VARIANT(exponential)(negative) + 1.0f + 1e-16f);
}

static inline void VARIANT(softprob)(float *sums, int32_t outputs) {
    float most = sums[0];
    for (int32_t output = 1; output < outputs; output++)
        most = fmaxf(sums[output], most);
    double total = 0.0;
    for (int32_t output = 0; output < outputs; output++) {
        sums[output] = VARIANT(exponential)(sums[output] - most);
        total += sums[output];
    }
    for (int32_t output = 0; output < outputs; output++)
        sums[output] /= (float)total;
}

static inline float VARIANT(largest)(const float *sums, int32_t outputs) {
    int32_t best = 0;
    for (int32_t output = 1; output < outputs; output++)
        if (sums[best] < sums[output])
            best = output;
    return (float)best;
}

/* In place; the answers of SOFTMAX lie together from the beginning. */
static void VARIANT(transform)(float *sums, int64_t rows, int32_t outputs, enum objective objective) {
    int64_t all = rows * outputs;
    switch (objective) {
    case IDENTITY:
        break;
    case LOGISTIC:
        for (int64_t place = 0; place < all; place++)
            sums[place] = VARIANT(logistic)(sums[place]);
        break;
    case EXPONENTIAL:
        for (int64_t place = 0; place < all; place++)
            sums[place] = VARIANT(exponential)(sums[place]);
        break;
    case HINGE:
        for (int64_t place = 0; place < all; place++)
            sums[place] = sums[place] > 0.0f ? 1.0f : 0.0f;
        break;
    case SOFTMAX:
        for (int64_t row = 0; row < rows; row++)
            sums[row] = VARIANT(largest)(sums + row * outputs, outputs);
        break;
    case SOFTPROB:
        for (int64_t row = 0; row < rows; row++)
            VARIANT(softprob)(sums + row * outputs, outputs);
        break;
    }
}
