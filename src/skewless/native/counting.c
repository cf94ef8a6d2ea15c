/* Numbers that processes count together, several at a time: see counting.py. */
#include "kernels.h"

/* A value, or its distance from another one (since, where that is not negative), added to numbers[place]. With bounds
   it is a histogram's: a number for each of them and one for what is above, of which one goes up, then their sum. */
typedef struct {
    int64_t place, value, since, first_bound, bounds;
} tally;

typedef struct {
    int64_t *numbers;
    const int64_t *bounds;
    const tally *tallies;
    int64_t count;
    const int64_t *values;
} counted;

EXPORTED void skewless_count(const counted *by) {
    for (const tally *one = by->tallies, *end = one + by->count; one < end; one++) {
        int64_t value = by->values[one->value] - (one->since < 0 ? 0 : by->values[one->since]);
        int64_t *number = by->numbers + one->place;
        if (one->bounds) {
            const int64_t *bound = by->bounds + one->first_bound;
            int64_t bucket = 0;
            while (bucket < one->bounds && bound[bucket] < value)
                bucket++;
            number[bucket]++;
            number += one->bounds + 1;
        }
        *number += value;
    }
}
