/* Arrow's texts told by codes in one pass, which looks at their offsets too: see codes.py. */
#include "texts.h"

#include <stdlib.h>

/* Offsets have 32 or 64 bits, and may stand at any address. */
static int64_t offset_at(const char *offsets, int32_t wide, int64_t row) {
    if (wide) {
        int64_t offset;
        memcpy(&offset, offsets + row * (int64_t)sizeof(offset), sizeof(offset));
        return offset;
    }
    int32_t offset;
    memcpy(&offset, offsets + row * (int64_t)sizeof(offset), sizeof(offset));
    return offset;
}

static int64_t coded(const char *data, int64_t size, const char *offsets, int32_t wide, const uint8_t *valid,
                     int64_t first, int64_t rows, int32_t *codes, int64_t *rows_of, texts *found) {
    int32_t many = 0;
    int64_t stop = offset_at(offsets, wide, first);
    if (stop < 0)
        return -1;
    for (int64_t row = first; row < first + rows; row++) {
        int64_t start = stop;
        stop = offset_at(offsets, wide, row + 1);
        if (stop < start || stop > size)
            return -1;
        codes[row] = 0;
        if (valid && !(valid[row >> 3] >> (row & 7) & 1))
            continue;
        int32_t before = many;
        int32_t code = code_of(found, &many, data, (int32_t)start, (int32_t)stop, data + size);
        if (code < 0)
            return -1;
        if (many > before)
            rows_of[code] = row - first;
        codes[row] = code;
    }
    return many;
}

/* How many distinct texts so many rows have, from a first one on. Each row's code is written at its own place, 0 where
   it is null, and of each distinct text the row that has it first, counted from the first one. -1 where the texts are
   more than MOST_TEXTS, or an offset is before the one before it or beyond the data's size, which is below 2 GiB;
   -2: there is no memory. */
EXPORTED int64_t skewless_codes(const char *data, int64_t size, const char *offsets, int32_t wide,
                                const uint8_t *valid, int64_t first, int64_t rows, int32_t *codes,
                                int64_t *rows_of) {
    texts *found = calloc(1, sizeof(texts));
    if (!found)
        return -2;
    int64_t many = wide ? coded(data, size, offsets, 1, valid, first, rows, codes, rows_of, found)
                        : coded(data, size, offsets, 0, valid, first, rows, codes, rows_of, found);
    free(found);
    return many;
}
