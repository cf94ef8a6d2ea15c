/* Lines of CSV without quotes, parted into columns in one pass: see fields.py. */
#include "texts.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT, DOUBLE, INTEGER, SLICES };
enum { MOST_DIGITS = 18, MOST_POWER = 22 };

/* What is wanted of a column, and what was found. */
typedef struct {
    int32_t kind;
    int32_t texts;   /* how many distinct ones a column of texts has; -1 where its fields are in starts and ends */
    int32_t plain;   /* whether every field of a column of numbers was read */
    int32_t unused;
    int32_t *codes;  /* TEXT: each row's among the distinct texts, whose places are in starts and ends */
    int32_t *starts; /* where fields begin and end in the body */
    int32_t *ends;
    void *numbers;   /* DOUBLE: doubles; INTEGER: int64_t */
    uint8_t *absent; /* of numbers: 1 where the field is empty */
} column;

static const double POWERS[MOST_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Sign and digits. Gives where they end, or NULL where there are none or too many to be exact. */
static const char *digits(const char *at, const char *stop, uint64_t *number, int *many) {
    const char *first = at;
    for (; at < stop && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    *many = (int)(at - first);
    return *many > MOST_DIGITS ? NULL : at;
}

static int read_integer(const char *at, const char *stop, int64_t *made) {
    int negative = at < stop && *at == '-', many;
    uint64_t number = 0;
    at = digits(at + negative, stop, &number, &many);
    if (at != stop || !many)
        return 0;
    *made = negative ? -(int64_t)number : (int64_t)number;
    return 1;
}

/* A decimal number that one division or multiplication of exact doubles rounds correctly. */
static int read_double(const char *at, const char *stop, double *made) {
    int negative = at < stop && *at == '-', whole, fraction = 0, power = 0;
    uint64_t number = 0;
    at = digits(at + negative, stop, &number, &whole);
    if (at && at < stop && *at == '.')
        at = digits(at + 1, stop, &number, &fraction);
    if (!at || whole + fraction == 0 || whole + fraction > MOST_DIGITS)
        return 0;
    if (at < stop && (*at == 'e' || *at == 'E')) {
        int64_t exponent;
        if (stop - at > 4 || !read_integer(at + 1, stop, &exponent))
            return 0;
        power = (int)exponent;
        at = stop;
    }
    power -= fraction;
    if (at != stop || number > 1ull << 53 || power < -MOST_POWER || power > MOST_POWER)
        return 0;
    double value = power < 0 ? (double)number / POWERS[-power] : (double)number * POWERS[power];
    *made = negative ? -value : value;
    return 1;
}

/* From codes to the places of each row's text, since the distinct ones have become too many. */
static void spread(column *of, const texts *found, int64_t rows) {
    for (int64_t row = 0; row < rows; row++) {
        of->starts[row] = found->starts[of->codes[row]];
        of->ends[row] = found->ends[of->codes[row]];
    }
    of->texts = -1;
}

static void enter(column *of, texts *found, const char *body, int32_t start, int32_t stop, int64_t row,
                  const char *end) {
    if (of->kind == TEXT && of->texts >= 0) {
        int32_t code = code_of(found, &of->texts, body, start, stop, end);
        if (code >= 0) {
            of->codes[row] = code;
            return;
        }
        spread(of, found, row);
    }
    of->starts[row] = start;
    of->ends[row] = stop;
    if (of->kind != DOUBLE && of->kind != INTEGER)
        return;
    of->absent[row] = start == stop;
    if (start == stop)
        ((int64_t *)of->numbers)[row] = 0; /* the bits of 0.0 */
    else if (of->plain)
        of->plain = of->kind == DOUBLE
                        ? read_double(body + start, body + stop, (double *)of->numbers + row)
                        : read_integer(body + start, body + stop, (int64_t *)of->numbers + row);
}

static int64_t parted(const char *body, int64_t size, column *of, int32_t columns, texts *found) {
    const char *end = body + size;
    int64_t rows = 0;
    for (int64_t at = 0; at < size; at++) {
        if (body[at] == '\n' || body[at] == '\r')
            continue; /* a blank line is no record */
        for (int32_t place = 0; place < columns; place++) {
            int64_t start = at;
            while (at < size && body[at] != ',' && body[at] != '\n' && body[at] != '\r')
                at++;
            int64_t stop = at;
            int last = at == size || body[at] != ',';
            if (last != (place == columns - 1))
                return -1;
            enter(of + place, found + place, body, (int32_t)start, (int32_t)stop, rows, end);
            at += !last;
        }
        rows++;
    }
    return rows;
}

/* The number of records, which any line end ends; -1 where one has another number of fields; -2: there is no memory.
   Every column has room for as many rows as there are lines, and for MOST_TEXTS. */
EXPORTED int64_t skewless_fields(const char *body, int64_t size, column *of, int32_t columns) {
    texts *found = calloc((size_t)columns, sizeof(texts));
    if (!found)
        return -2;
    int64_t rows = parted(body, size, of, columns, found);
    for (int32_t place = 0; rows >= 0 && place < columns; place++)
        if (of[place].kind == TEXT && of[place].texts >= 0) {
            memcpy(of[place].starts, found[place].starts, sizeof(found->starts));
            memcpy(of[place].ends, found[place].ends, sizeof(found->ends));
        }
    free(found);
    return rows;
}

/* Fields one after the other. */
EXPORTED void skewless_gather(const char *body, const int32_t *starts, const int32_t *ends, int64_t rows, char *made) {
    for (int64_t row = 0; row < rows; row++) {
        size_t length = (size_t)(ends[row] - starts[row]);
        memcpy(made, body + starts[row], length);
        made += length;
    }
}

/* The lines that are not empty, for text without carriage returns. */
EXPORTED int64_t skewless_lines(const char *body, int64_t size) {
    int64_t lines = size && body[size - 1] != '\n';
    for (int64_t at = 1; at < size; at++)
        lines += (body[at] == '\n') & (body[at - 1] != '\n');
    return lines;
}
