/* The distinct texts of a column, as far as they are few. */
#ifndef SKEWLESS_TEXTS_H
#define SKEWLESS_TEXTS_H

#include "kernels.h"

#include <string.h>

enum { MOST_TEXTS = 2048, PLACES = 4096, SHORT = 8 };

typedef struct {
    uint64_t keys[MOST_TEXTS]; /* a short text itself, or the hash of a long one */
    int32_t starts[MOST_TEXTS], ends[MOST_TEXTS];
    uint16_t places[PLACES]; /* a text's number, counted from 1, at its hash's place or behind it */
} texts;

static uint64_t mixed(uint64_t word) {
    word *= 0x9E3779B97F4A7C15u;
    return word ^ (word >> 32);
}

/* Up to eight bytes; what lies behind the body's end is not read. */
static uint64_t word_of(const char *text, int64_t length, const char *end) {
    uint64_t word = 0;
    if (end - text >= SHORT) {
        memcpy(&word, text, SHORT);
        return length >= SHORT ? word : word & ((1ull << (8 * length)) - 1);
    }
    memcpy(&word, text, (size_t)(length < SHORT ? length : SHORT));
    return word;
}

static uint64_t key_of(const char *text, int64_t length, const char *end) {
    if (length <= SHORT)
        return word_of(text, length, end);
    uint64_t key = (uint64_t)length;
    for (int64_t at = 0; at < length; at += SHORT)
        key = mixed(key ^ word_of(text + at, length - at, end));
    return key;
}

/* The number of a text among the distinct ones; -1 where it would be one too many. */
static int32_t code_of(texts *found, int32_t *many, const char *body, int32_t start, int32_t stop, const char *end) {
    int32_t length = stop - start;
    uint64_t key = key_of(body + start, length, end);
    for (uint64_t place = mixed(key + (uint64_t)length) % PLACES;; place = (place + 1) % PLACES) {
        int32_t code = found->places[place] - 1;
        if (code < 0) {
            if (*many == MOST_TEXTS)
                return -1;
            found->keys[*many] = key;
            found->starts[*many] = start;
            found->ends[*many] = stop;
            found->places[place] = (uint16_t)++*many;
            return *many - 1;
        }
        if (found->keys[code] == key && found->ends[code] - found->starts[code] == length &&
            (length <= SHORT || !memcmp(body + found->starts[code], body + start, (size_t)length)))
            return code;
    }
}

#endif
