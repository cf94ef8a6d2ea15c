/* What every kernel shares.

   Results are defined to the bit: sums in the order in which they are written, no contraction of a product and a sum
   into one operation but by fma(), denormals kept. The build says -ffp-contract=off and never -ffast-math. */
#ifndef SKEWLESS_KERNELS_H
#define SKEWLESS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

/* Whether an x86 processor has fused multiply-adds and AVX2, its registers of four doubles. */
extern int has_fma;

#endif
