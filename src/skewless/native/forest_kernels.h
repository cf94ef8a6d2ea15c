/* The kernels of forests in one kind of numbers, NUMBER; included once for each. */

/* The slot where a node sends a row, as one number: no branch, which would be guessed wrongly half of the time. */
static inline int32_t NAMED(step)(const NODE *nodes, int32_t node, const NUMBER *row) {
    const NODE *at = nodes + node;
    NUMBER x = row[at->feature & FEATURE];
    return at->child + ((x >= at->threshold) | ((x != x) & (int32_t)(at->feature >> 31)));
}

static inline int32_t NAMED(step_by_category)(const NODE *nodes, int32_t node, const NUMBER *row, const int32_t *sets) {
    const NODE *at = nodes + node;
    if (!(at->feature & BY_CATEGORY))
        return NAMED(step)(nodes, node, row);
    NUMBER x = row[at->feature & FEATURE];
    const int32_t *set = sets + (int64_t)at->threshold;
    int32_t arity = set[0];
    if (arity < 0)
        return at->child + set[1 + (x >= 0 ? x <= DBL_MAX ? (int32_t)fmod(x, -arity) : 0 : -arity)];
    int known = x >= 0 && x < (NUMBER)arity && (NUMBER)(int32_t)x == x;
    return at->child + set[1 + (known ? (int32_t)x : arity)];
}

/* Walks that go on together hide each other's waiting for memory. at[] are the nodes where they stand, rows[] what they
   are of. Deep trees are seldom deep everywhere: after the first levels, it ends where nobody moves any more. */
static inline void NAMED(walk)(const forest *trees, const NUMBER *const *rows, int32_t *at, int count, int32_t depth) {
    const NODE *nodes = trees->nodes;
    if (trees->by_category) {
        for (int32_t level = 0; level < depth; level++)
            for (int lane = 0; lane < count; lane++)
                at[lane] = NAMED(step_by_category)(nodes, at[lane], rows[lane], trees->sets);
        return;
    }
    int32_t level = 0;
    for (; level < depth && level < SURE_LEVELS; level++)
        for (int lane = 0; lane < count; lane++)
            at[lane] = NAMED(step)(nodes, at[lane], rows[lane]);
    for (int moved = 1; level < depth && moved; level++) {
        moved = 0;
        for (int lane = 0; lane < count; lane++) {
            int32_t next = NAMED(step)(nodes, at[lane], rows[lane]);
            moved |= next != at[lane];
            at[lane] = next;
        }
    }
}

/* LANES walks by a loop whose length the compiler knows, fewer by one that it does not. */
static void NAMED(walk_lanes)(const forest *trees, const NUMBER *const *rows, int32_t *at, int count, int32_t depth) {
    if (count == LANES)
        NAMED(walk)(trees, rows, at, LANES, depth);
    else
        NAMED(walk)(trees, rows, at, count, depth);
}

/* The used columns of one row, in slots, with missing as NaN, and a NaN behind them. */
static void NAMED(load)(const forest *trees, const rows_of *rows, int64_t row, NUMBER missing, NUMBER *slots) {
    const NUMBER *values = rows->values;
    int32_t used = trees->used_columns;
    if (rows->starts) {
        for (int32_t slot = 0; slot < used; slot++)
            slots[slot] = (NUMBER)NAN;
        for (int64_t entry = rows->starts[row]; entry < rows->starts[row + 1]; entry++) {
            int32_t slot = trees->slots[rows->columns[entry]];
            if (slot >= 0)
                slots[slot] = values[entry];
        }
    } else {
        const NUMBER *from = values + row * trees->columns;
        for (int32_t slot = 0; slot < used; slot++)
            slots[slot] = from[trees->used[slot]];
    }
    if (missing == missing)
        for (int32_t slot = 0; slot < used; slot++)
            if (slots[slot] == missing)
                slots[slot] = (NUMBER)NAN;
    slots[used] = (NUMBER)NAN;
}

/* What becomes of the leaf where a row stands in a tree. */
static inline void NAMED(take)(const forest *trees, int32_t tree, int32_t node, int64_t row, enum wanted wanted, void *made) {
    int32_t number = trees->numbers[node];
    if (wanted == LEAVES) {
        ((int32_t *)made)[row * trees->trees + tree] = number;
        return;
    }
    const NODE *nodes = trees->nodes;
    if (wanted == VALUES) {
        ((NUMBER *)made)[row * trees->trees + tree] = nodes[node].threshold;
        return;
    }
    NUMBER *sums = (NUMBER *)made + row * trees->outputs_each + trees->outputs[tree];
    if (trees->width == 1) {
        *sums += nodes[node].threshold;
        return;
    }
    const NUMBER *values = (const NUMBER *)trees->values + (trees->first_leaf[tree] + number) * trees->width;
    for (int32_t slot = 0; slot < trees->width; slot++)
        sums[slot] += values[slot];
}

/* One row, several trees at a time. */
static void NAMED(one_row)(const forest *trees, int32_t first, int32_t last, const NUMBER *slots, int64_t row,
                           enum wanted wanted, void *made) {
    const NUMBER *rows[LANES];
    for (int lane = 0; lane < LANES; lane++)
        rows[lane] = slots;
    for (int32_t tree = first; tree < last; tree += LANES) {
        int count = last - tree < LANES ? last - tree : LANES;
        int32_t at[LANES], depth = 0;
        for (int lane = 0; lane < count; lane++) {
            at[lane] = trees->roots[tree + lane];
            if (trees->depths[tree + lane] > depth)
                depth = trees->depths[tree + lane];
        }
        NAMED(walk_lanes)(trees, rows, at, count, depth);
        for (int lane = 0; lane < count; lane++)
            NAMED(take)(trees, tree + lane, at[lane], row, wanted, made);
    }
}

/* A block of rows, one tree after the other, so that a tree's top stays in the cache. */
static void NAMED(block)(const forest *trees, int32_t first, int32_t last, const NUMBER *slots, int64_t row, int count,
                         enum wanted wanted, void *made) {
    size_t stride = (size_t)trees->used_columns + 1;
    for (int32_t tree = first; tree < last; tree++)
        for (int start = 0; start < count; start += LANES) {
            int lanes = count - start < LANES ? count - start : LANES;
            const NUMBER *rows[LANES];
            int32_t at[LANES];
            for (int lane = 0; lane < lanes; lane++) {
                rows[lane] = slots + (size_t)(start + lane) * stride;
                at[lane] = trees->roots[tree];
            }
            NAMED(walk_lanes)(trees, rows, at, lanes, trees->depths[tree]);
            for (int lane = 0; lane < lanes; lane++)
                NAMED(take)(trees, tree, at[lane], row + start + lane, wanted, made);
        }
}

/* made counts its rows from begin. -1 where there is no memory. */
static int NAMED(run)(const forest *trees, int32_t first, int32_t last, const rows_of *rows, int64_t begin, int64_t end,
                      NUMBER missing, enum wanted wanted, void *made) {
    size_t stride = (size_t)trees->used_columns + 1;
    NUMBER here[ON_STACK];
    int64_t most = end - begin < BLOCK ? end - begin : BLOCK;
    size_t needed = stride * (size_t)most;
    NUMBER *slots = needed <= ON_STACK ? here : malloc(needed * sizeof(NUMBER));
    if (!slots)
        return -1;
    for (int64_t row = begin; row < end; row += BLOCK) {
        int count = end - row < BLOCK ? (int)(end - row) : BLOCK;
        for (int one = 0; one < count; one++)
            NAMED(load)(trees, rows, row + one, missing, slots + (size_t)one * stride);
        if (count < LANES)
            for (int one = 0; one < count; one++)
                NAMED(one_row)(trees, first, last, slots + (size_t)one * stride, row - begin + one, wanted, made);
        else
            NAMED(block)(trees, first, last, slots, row - begin, count, wanted, made);
    }
    if (slots != here)
        free(slots);
    return 0;
}
