/* Trees as they are walked: forest.py lays them out and says what the members are. */
#ifndef SKEWLESS_FOREST_H
#define SKEWLESS_FOREST_H

#include "kernels.h"

/* Where a row goes on: at child, or where it goes right at child + 1.

   Right is x >= threshold; where x is NaN, it is the highest bit of feature. A leaf is its own child, and looks at the
   slot after the last of a row, which holds NaN: a walk may take any number of steps more and stays there. A leaf's
   threshold is its value, where leaves hold one. */
typedef struct {
    float threshold;
    uint32_t feature;
    int32_t child;
} node_f32;

typedef struct {
    double threshold;
    uint32_t feature;
    int32_t child;
} node_f64;

#define MISSING_RIGHT 0x80000000u
#define BY_CATEGORY 0x40000000u /* threshold is then the place of the node's set in sets */
#define FEATURE 0x3fffffffu

typedef struct {
    const void *nodes;
    const int32_t *numbers; /* of each node, the number that its leaf has */
    const int32_t *roots;
    const int32_t *depths;
    const int32_t *outputs;    /* of each tree, where its values are added */
    const int64_t *first_leaf; /* of each tree, where its values begin in values */
    const void *values;
    const int32_t *used; /* the columns of a row that become its slots */
    const int32_t *slots; /* of each column, its slot or -1 */
    /* Of each set, its arity, and then for each category and at last for any other value: right? With a negative arity,
       numbers from 0 on are what is left of their whole part when it is divided by the arity; infinity is 0. */
    const int32_t *sets;
    int32_t trees;
    int32_t columns;
    int32_t used_columns;
    int32_t width; /* of a leaf's values */
    int32_t outputs_each;
    int32_t by_category;
} forest;

/* Rows of a dense matrix, or in compressed form (CSR) where starts is not NULL; an absent entry is then NaN. */
typedef struct {
    const void *values;
    const int64_t *starts;
    const int32_t *columns;
} rows_of;

/* Sums of 32-bit floats in the order of the trees from first to the one before last. Each of the rows from begin to end
   has outputs_each sums, which start with what is there. -1 where there is no memory. */
int sums_f32(const forest *trees, int32_t first, int32_t last, const rows_of *rows, int64_t begin, int64_t end,
             float missing, float *sums);

#endif
