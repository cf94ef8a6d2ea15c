/* Dot products of doubles in the order of additions of the machine that fitted: see dots.py. */
#include "dots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KERNELS "dots_kernels.h"
#include "variants.h"

/* One by one, of the slots that take part. A sum that began with 0.0 is never -0.0, so that 0.0 may be added for the
   others, which costs no branch. */
static double chosen(const double *x, const double *y, const uint8_t *stored, int nonzero, int64_t size) {
    double total = 0.0;
    for (int64_t slot = 0; slot < size; slot++) {
        int takes_part = (!stored || stored[slot]) & (!nonzero || x[slot] != 0.0);
        total += takes_part ? x[slot] * y[slot] : 0.0;
    }
    return total;
}

/* made[row * vectors + vector] from dense rows of x. Of a row that sparse marks, only what is not zero takes part. */
EXPORTED void skewless_products(const coefficients *by, const double *x, int64_t rows, const uint8_t *sparse,
                                double *made) {
    if (!by->stored)
        HERE(products)(by, x, rows, sparse, made);
    if (!by->stored && !sparse)
        return;
    for (int64_t row = 0; row < rows; row++) {
        int nonzero = sparse && sparse[row];
        if (by->stored || nonzero)
            for (int64_t vector = 0, at = 0; vector < by->vectors; vector++, at += by->size)
                made[row * by->vectors + vector] = chosen(
                    x + row * by->size, by->values + at, by->stored ? by->stored + at : NULL, nonzero, by->size);
    }
}

/* The same from rows in compressed form (CSR). Of a row that sparse marks, or of all where it is NULL, only the entries
   take part. -1 where there is no memory. */
EXPORTED int skewless_products_csr(const coefficients *by, const int64_t *starts, const int32_t *slots,
                                   const double *values, int64_t rows, const uint8_t *sparse, double *made) {
    double *spread = sparse ? calloc((size_t)by->size + 1, sizeof(double)) : NULL;
    if (sparse && !spread)
        return -1;
    for (int64_t row = 0; row < rows; row++, made += by->vectors) {
        int64_t first = starts[row], last = starts[row + 1];
        if (sparse && !sparse[row]) {
            for (int64_t entry = first; entry < last; entry++)
                spread[slots[entry]] = values[entry];
            skewless_products(by, spread, 1, NULL, made);
            for (int64_t entry = first; entry < last; entry++)
                spread[slots[entry]] = 0.0;
            continue;
        }
        for (int64_t vector = 0, at = 0; vector < by->vectors; vector++, at += by->size) {
            double total = 0.0;
            for (int64_t entry = first; entry < last; entry++)
                if (!by->stored || by->stored[at + slots[entry]])
                    total += values[entry] * by->values[at + slots[entry]];
            made[vector] = total;
        }
    }
    free(spread);
    return 0;
}

/* Of one dense row, with the first vector. */
EXPORTED double skewless_product(const coefficients *by, const double *x) {
    if (by->stored)
        return chosen(x, by->values, by->stored, 0, by->size);
    return HERE(product)(by, x, by->values);
}

/* Each of the rows of x with its own row of y, in the order that by has. */
EXPORTED void skewless_pairs(const coefficients *by, const double *x, const double *y, int64_t rows, double *made) {
    for (int64_t row = 0; row < rows; row++)
        made[row] = HERE(product)(by, x + row * by->size, y + row * by->size);
}

/* Dense rows times a matrix by columns, added to start: of its columns four at a time, the last of them first. The
   first fused vectors are chains of fused multiply-adds, of the others four products are added up before. */
EXPORTED void skewless_columns(const coefficients *by, int64_t fused, const double *x, int64_t rows,
                               const double *start, double *made) {
    for (int64_t row = 0; row < rows; row++, x += by->size, made += by->vectors) {
        memcpy(made, start, (size_t)by->vectors * sizeof(double));
        HERE(columns)(by, fused, x, made);
    }
}
