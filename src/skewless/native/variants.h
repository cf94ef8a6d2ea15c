/* Includes KERNELS twice, where each function is called VARIANT(name): once for every processor, and on x86 once more
   for those with fused multiply-adds and AVX2. HERE(name) is the one for the processor that runs.

   A fused multiply-add is what fma() asks for, and nothing else: both variants give the same bits. */
#include "kernels.h"

#define VARIANT(name) name##_anywhere
#include KERNELS
#undef VARIANT

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("fma,avx2"))), apply_to = function)
#define VARIANT(name) name##_fma
#include KERNELS
#undef VARIANT
#pragma clang attribute pop
#define HERE(name) (has_fma ? name##_fma : name##_anywhere)
#else
#define HERE(name) name##_anywhere
#endif
