/* Forests: the leaves that rows fall into, what these hold, and its sums. */
#include "forest.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 8
#define BLOCK 64
#define TOP 3
#define SURE_LEVELS 10
#define ON_STACK 2048

enum wanted { LEAVES, VALUES, SUMS };

#define KERNELS "forest_kinds.h"
#include "variants.h"

int sums_f32(const forest *trees, int32_t first, int32_t last, const rows_of *rows, int64_t begin, int64_t end,
             float missing, float *sums) {
    return HERE(run_f32)(trees, first, last, rows, begin, end, missing, SUMS, sums);
}

/* For each row: the number of its leaf in each tree (0), its value in each (1), or sums that begin with what is in made
   (2). wanted and made are together: 32-bit integers, or numbers of the forest's kind. -1 where there is no memory. */
EXPORTED int skewless_forest_f32(const forest *trees, const rows_of *rows, int64_t begin, int64_t end, int32_t wanted,
                                 void *made) {
    return HERE(run_f32)(trees, 0, trees->trees, rows, begin, end, NAN, (enum wanted)wanted, made);
}

EXPORTED int skewless_forest_f64(const forest *trees, const rows_of *rows, int64_t begin, int64_t end, int32_t wanted,
                                 void *made) {
    return HERE(run_f64)(trees, 0, trees->trees, rows, begin, end, NAN, (enum wanted)wanted, made);
}

/* How one row after the other is asked for; start is what sums begin with. */
typedef struct {
    const forest *trees;
    const double *start;
    int32_t wanted;
} one_row;

EXPORTED int skewless_forest_row_f64(const one_row *one, const double *row, void *made) {
    const forest *trees = one->trees;
    if (one->wanted == SUMS)
        memcpy(made, one->start, (size_t)trees->outputs_each * sizeof(double));
    rows_of rows = {row, NULL, NULL};
    return HERE(run_f64)(trees, 0, trees->trees, &rows, 0, 1, NAN, (enum wanted)one->wanted, made);
}
