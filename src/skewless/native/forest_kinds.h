/* Both kinds of forests, for variants.h: AVX2 has registers of eight floats. */

#define NUMBER float
#define NODE node_f32
#define NAMED(name) VARIANT(name##_f32)
#include "forest_kernels.h"
#undef NUMBER
#undef NODE
#undef NAMED

#define NUMBER double
#define NODE node_f64
#define NAMED(name) VARIANT(name##_f64)
#include "forest_kernels.h"
#undef NUMBER
#undef NODE
#undef NAMED
