/* XGBoost's predictions: sums of a forest in 32-bit floats, and what an objective makes of them. See booster.py. */
#include "exponential.h"
#include "forest.h"

#include <math.h>
#include <stdlib.h>

#define OUTPUTS_ON_STACK 64

enum objective { IDENTITY, LOGISTIC, EXPONENTIAL, HINGE, SOFTMAX, SOFTPROB };

/* How a model is asked. start has a number for each output, where every row's sum begins without a margin of its own.
   A row's answer is one number for SOFTMAX, else one for each output. */
typedef struct {
    const forest *trees;
    const float *start;
    int32_t first;
    int32_t last;
    int32_t objective;
    float missing;
} question;

#define KERNELS "transform_kernels.h"
#include "variants.h"

static int answer(const question *asked, const rows_of *rows, int64_t begin, int64_t end, const float *margins,
                  float *made) {
    int32_t outputs = asked->trees->outputs_each;
    int64_t count = end - begin;
    for (int64_t row = 0; row < count; row++)
        for (int32_t output = 0; output < outputs; output++)
            made[row * outputs + output] =
                margins ? margins[(begin + row) * outputs + output] : asked->start[output];
    if (sums_f32(asked->trees, asked->first, asked->last, rows, begin, end, asked->missing, made))
        return -1;
    HERE(transform)(made, count, outputs, (enum objective)asked->objective);
    return 0;
}

/* Answers for the rows from begin to end into made, which has room for outputs_each numbers a row. margins are NULL or
   where each row's sums begin. -1 where there is no memory. */
EXPORTED int skewless_ask(const question *asked, const rows_of *rows, int64_t begin, int64_t end, const float *margins,
                          float *made) {
    return answer(asked, rows, begin, end, margins, made);
}

static int is_infinite(const float *row, int32_t columns) {
    int infinite = 0;
    for (int32_t column = 0; column < columns; column++)
        infinite |= fabsf(row[column]) == INFINITY;
    return infinite;
}

/* One dense row. 1 where one of its numbers is infinite, -1 where there is no memory. */
EXPORTED int skewless_ask_row(const question *asked, const float *row, float *made) {
    rows_of rows = {row, NULL, NULL};
    return is_infinite(row, asked->trees->columns) ? 1 : answer(asked, &rows, 0, 1, NULL, made);
}

/* The same where the answer is one number: itself, or a double that no 32-bit float is, 1e300 and -1e300. */
EXPORTED double skewless_ask_number(const question *asked, const float *row) {
    float here[OUTPUTS_ON_STACK];
    int32_t outputs = asked->trees->outputs_each;
    float *made = outputs <= OUTPUTS_ON_STACK ? here : malloc((size_t)outputs * sizeof(float));
    int failed = made ? skewless_ask_row(asked, row, made) : -1;
    double number = failed ? failed * 1e300 : made[0];
    if (made != here)
        free(made);
    return number;
}

/* Sums into answers, in place, for tests of the objectives alone. */
EXPORTED void skewless_transform(float *sums, int64_t rows, int32_t outputs, int32_t objective) {
    HERE(transform)(sums, rows, outputs, (enum objective)objective);
}

/* The exponential and the logarithm that base scores are turned into margins with. */
EXPORTED float skewless_logf(float x) { return logf_32(x); }
