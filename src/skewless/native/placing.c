/* Rows of a small table, put side by side in a matrix: see placing.py. */
#include "kernels.h"

#include <string.h>

/* Of each row the table's row that its code names, from made on; all lengths are in bytes. */
EXPORTED void skewless_place(const int32_t *codes, int64_t rows, const char *table, int64_t width, char *made,
                             int64_t stride) {
    for (int64_t row = 0; row < rows; row++, made += stride)
        memcpy(made, table + codes[row] * width, (size_t)width);
}
