/* Dot products of doubles in the order of additions of the machine that fitted: see dots.py. */
#include "kernels.h"

#include <math.h>

#define MOST_LANES 32

/* One implementation, compiled for processors with a fused multiply-add and for others, where fma() is the C library's
   and as exact. */
#define BODY(name)                                                                                                    \
    static double name(const double *x, const double *y, int64_t size, int64_t whole, int lanes, int fused) {         \
        double total = 0.0;                                                                                           \
        if (whole > 0) {                                                                                              \
            double sums[MOST_LANES] = {0.0};                                                                          \
            for (int64_t start = 0; start < whole; start += lanes)                                                    \
                for (int lane = 0; lane < lanes; lane++)                                                              \
                    sums[lane] = fma(x[start + lane], y[start + lane], sums[lane]);                                   \
            for (int lane = 0; lane < lanes; lane++)                                                                  \
                total += sums[lane];                                                                                  \
        }                                                                                                             \
        if (fused)                                                                                                    \
            for (int64_t slot = whole; slot < size; slot++)                                                           \
                total = fma(x[slot], y[slot], total);                                                                 \
        else                                                                                                          \
            for (int64_t slot = whole; slot < size; slot++)                                                           \
                total += x[slot] * y[slot];                                                                           \
        return total;                                                                                                 \
    }

BODY(dot_anywhere)

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("fma,avx2"))), apply_to = function)
BODY(dot_fma)
#pragma clang attribute pop
#endif

typedef double (*dot_function)(const double *, const double *, int64_t, int64_t, int, int);

static dot_function dot_here(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"))
        return dot_fma;
#endif
    return dot_anywhere;
}

/* made[row * vectors + vector] is the dot product of a row of x with a row of y, both of so many slots. With lanes there
   are as many partial sums, each a chain of fused multiply-adds over the first whole slots; the others follow one by
   one, fused or not. whole is a multiple of lanes. */
EXPORTED void skewless_dots(const double *x, int64_t rows, const double *y, int64_t vectors, int64_t size, int64_t whole,
                            int32_t lanes, int32_t fused, double *made) {
    dot_function dot = dot_here();
    for (int64_t row = 0; row < rows; row++)
        for (int64_t vector = 0; vector < vectors; vector++)
            *made++ = dot(x + row * size, y + vector * size, size, whole, lanes, fused);
}
