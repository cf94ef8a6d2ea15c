/* Coefficients as the kernels of dot products take them: dots.py fills this in. */
#ifndef SKEWLESS_DOTS_H
#define SKEWLESS_DOTS_H

#include "kernels.h"

#define MOST_LANES 32

/* Vectors of so many slots that rows are multiplied by. Of all slots, the first whole ones (a multiple of lanes) go
   into as many partial sums as there are lanes, each a chain of fused multiply-adds; the others follow one by one,
   fused or not. Where stored is not NULL, it marks for each vector the slots that take part, always one by one. */
typedef struct {
    const double *values;
    const uint8_t *stored;
    int64_t vectors;
    int64_t size;
    int64_t whole;
    int32_t lanes;
    int32_t fused;
} coefficients;

#endif
