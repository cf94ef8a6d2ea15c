/* Both kinds of forests; included once for processors with registers of eight floats, and once for others. */

#define NUMBER float
#define NODE node_f32
#define NAMED(name) KIND(name##_f32)
#include "forest_kernels.h"
#undef NUMBER
#undef NODE
#undef NAMED

#define NUMBER double
#define NODE node_f64
#define NAMED(name) KIND(name##_f64)
#include "forest_kernels.h"
#undef NUMBER
#undef NODE
#undef NAMED
