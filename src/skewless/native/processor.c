/* What the processor can do beyond the oldest that the library runs on. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

int has_fma;

/* Asked of the processor itself: this compiler's __builtin_cpu_supports() knows none. The system must keep the wide
   registers, too: bits 1 and 2 of what xgetbv says. */
__attribute__((constructor)) static void ask_processor(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_OSXSAVE))
        return;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    has_fma = (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}
#endif
