/* The kernels of forests in one kind of numbers, NUMBER; included once for each. */

/* Where a node sends a row: no branch, which would be guessed wrongly half of the time. Rows without a NaN, which are
   most, are spared the question; compilers see that missing is constant. */
static inline int32_t NAMED(step)(const NODE *nodes, int32_t node, const NUMBER *row, int missing) {
    const NODE *at = nodes + node;
    NUMBER x = row[at->feature & FEATURE];
    int32_t right = x >= at->threshold;
    if (missing)
        right |= (x != x) & (int32_t)(at->feature >> 31);
    return at->child + right;
}

static inline int32_t NAMED(step_by_category)(const NODE *nodes, int32_t node, const NUMBER *row, const int32_t *sets) {
    const NODE *at = nodes + node;
    if (!(at->feature & BY_CATEGORY))
        return NAMED(step)(nodes, node, row, 1);
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
static inline void NAMED(walk)(const forest *trees, const NUMBER *const *rows, int32_t *at, int count, int32_t depth,
                               int missing) {
    const NODE *nodes = trees->nodes;
    int32_t level = 0;
    for (; level < depth && level < SURE_LEVELS; level++)
        for (int lane = 0; lane < count; lane++)
            at[lane] = NAMED(step)(nodes, at[lane], rows[lane], missing);
    for (int moved = 1; level < depth && moved; level++) {
        moved = 0;
        for (int lane = 0; lane < count; lane++) {
            int32_t next = NAMED(step)(nodes, at[lane], rows[lane], missing);
            moved |= next != at[lane];
            at[lane] = next;
        }
    }
}

/* LANES walks by a loop whose length the compiler knows, fewer by one that it does not. */
static inline void NAMED(walk_lanes)(const forest *trees, const NUMBER *const *rows, int32_t *at, int count,
                                     int32_t depth, int missing) {
    if (trees->by_category)
        for (int32_t level = 0; level < depth; level++)
            for (int lane = 0; lane < count; lane++)
                at[lane] = NAMED(step_by_category)(trees->nodes, at[lane], rows[lane], trees->sets);
    else if (count < LANES)
        NAMED(walk)(trees, rows, at, count, depth, 1);
    else if (missing)
        NAMED(walk)(trees, rows, at, LANES, depth, 1);
    else
        NAMED(walk)(trees, rows, at, LANES, depth, 0);
}

/* The used columns of one row, in slots, with missing as NaN, and a NaN behind them. Returns whether one is NaN. */
static int NAMED(load)(const forest *trees, const rows_of *rows, int64_t row, NUMBER missing, NUMBER *slots) {
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
    int found = 0;
    for (int32_t slot = 0; slot < used; slot++)
        found |= slots[slot] != slots[slot];
    slots[used] = (NUMBER)NAN;
    return found;
}

/* What becomes of the leaf where a row stands in a tree. */
static inline void NAMED(take)(const forest *trees, int32_t tree, int32_t node, int64_t row, enum wanted wanted,
                               void *made) {
    const NODE *nodes = trees->nodes;
    if (wanted == LEAVES)
        ((int32_t *)made)[row * trees->trees + tree] = trees->numbers[node];
    else if (wanted == VALUES)
        ((NUMBER *)made)[row * trees->trees + tree] = nodes[node].threshold;
    else {
        NUMBER *sums = (NUMBER *)made + row * trees->outputs_each + trees->outputs[tree];
        const NUMBER *values =
            (const NUMBER *)trees->values + (trees->first_leaf[tree] + trees->numbers[node]) * trees->width;
        for (int32_t slot = 0; slot < trees->width; slot++)
            sums[slot] += values[slot];
    }
}

/* What nearly all ask for: the sum of one value a leaf. */
static inline int NAMED(is_simple)(const forest *trees, enum wanted wanted) {
    return wanted == SUMS && trees->width == 1;
}

/* One row, several trees at a time. */
static void NAMED(one_row)(const forest *trees, int32_t first, int32_t last, const NUMBER *slots, int64_t row,
                           int missing, enum wanted wanted, void *made) {
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
        NAMED(walk_lanes)(trees, rows, at, count, depth, missing);
        if (NAMED(is_simple)(trees, wanted)) {
            NUMBER *sums = (NUMBER *)made + row * trees->outputs_each;
            for (int lane = 0; lane < count; lane++)
                sums[trees->outputs[tree + lane]] += ((const NODE *)trees->nodes)[at[lane]].threshold;
            continue;
        }
        for (int lane = 0; lane < count; lane++)
            NAMED(take)(trees, tree + lane, at[lane], row, wanted, made);
    }
}

/* Which rows of a block a node sends right, as 1 or 0: the same node for all, so that it is a few instructions. */
static inline void NAMED(rights)(const NODE *at, const NUMBER *columns, int count, int missing, int32_t *right) {
    const NUMBER *x = columns + (size_t)(at->feature & FEATURE) * BLOCK;
    NUMBER threshold = at->threshold;
    int32_t if_missing = missing & (int32_t)(at->feature >> 31);
    for (int lane = 0; lane < count; lane++)
        right[lane] = (x[lane] >= threshold) | ((x[lane] != x[lane]) & if_missing);
}

/* The first TOP levels of a tree for a block, whose columns lie together: all seven nodes are asked about every row,
   and two of three answers thrown away. That is still a third of the work of going from node to node. */
static inline void NAMED(top)(const NODE *nodes, int32_t root, const NUMBER *columns, int count, int missing,
                              int32_t *at) {
    int32_t one = nodes[root].child, low = nodes[one].child, high = nodes[one + 1].child;
    int32_t right[7][BLOCK];
    const int32_t seven[7] = {root, one, one + 1, low, low + 1, high, high + 1};
    for (int node = 0; node < 7; node++)
        NAMED(rights)(nodes + seven[node], columns, count, missing, right[node]);
    int32_t children[4];
    for (int node = 0; node < 4; node++)
        children[node] = nodes[seven[3 + node]].child;
    for (int lane = 0; lane < count; lane++) {
        int32_t from_low = right[1][lane] ? children[1] + right[4][lane] : children[0] + right[3][lane];
        int32_t from_high = right[2][lane] ? children[3] + right[6][lane] : children[2] + right[5][lane];
        at[lane] = right[0][lane] ? from_high : from_low;
    }
}

/* A block of rows, one tree after the other, so that a tree's top stays in the cache. */
static void NAMED(block)(const forest *trees, int32_t first, int32_t last, const NUMBER *slots, const NUMBER *columns,
                         int64_t row, int count, int missing, enum wanted wanted, void *made) {
    size_t stride = (size_t)trees->used_columns + 1;
    const NODE *nodes = trees->nodes;
    int32_t at[BLOCK];
    const NUMBER *rows[BLOCK];
    for (int lane = 0; lane < count; lane++)
        rows[lane] = slots + (size_t)lane * stride;
    for (int32_t tree = first; tree < last; tree++) {
        int32_t depth = trees->depths[tree];
        if (trees->by_category)
            for (int lane = 0; lane < count; lane++)
                at[lane] = trees->roots[tree];
        else {
            NAMED(top)(nodes, trees->roots[tree], columns, count, missing, at);
            depth = depth > TOP ? depth - TOP : 0;
        }
        for (int start = 0; depth && start < count; start += LANES)
            NAMED(walk_lanes)(trees, rows + start, at + start, count - start < LANES ? count - start : LANES, depth,
                              missing);
        if (NAMED(is_simple)(trees, wanted)) {
            int32_t each = trees->outputs_each;
            NUMBER *sums = (NUMBER *)made + row * each + trees->outputs[tree];
            for (int lane = 0; lane < count; lane++)
                sums[(size_t)lane * (size_t)each] += nodes[at[lane]].threshold;
        } else
            for (int lane = 0; lane < count; lane++)
                NAMED(take)(trees, tree, at[lane], row + lane, wanted, made);
    }
}

/* The slots of a block's rows, column by column. */
static void NAMED(turn)(const NUMBER *slots, size_t stride, int count, NUMBER *columns) {
    for (int lane = 0; lane < count; lane++)
        for (size_t slot = 0; slot < stride; slot++)
            columns[slot * BLOCK + (size_t)lane] = slots[(size_t)lane * stride + slot];
}

/* made counts its rows from begin. -1 where there is no memory. */
static int NAMED(run)(const forest *trees, int32_t first, int32_t last, const rows_of *rows, int64_t begin, int64_t end,
                      NUMBER missing, enum wanted wanted, void *made) {
    size_t stride = (size_t)trees->used_columns + 1;
    NUMBER here[ON_STACK];
    /* Two copies of a block, by rows and by columns; of a few rows, the one by rows. */
    size_t needed = stride * (size_t)(end - begin < LANES ? end - begin : 2 * BLOCK);
    NUMBER *slots = needed <= ON_STACK ? here : malloc(needed * sizeof(NUMBER));
    if (!slots)
        return -1;
    for (int64_t row = begin; row < end; row += BLOCK) {
        int count = end - row < BLOCK ? (int)(end - row) : BLOCK;
        int found = 0;
        for (int one = 0; one < count; one++)
            found |= NAMED(load)(trees, rows, row + one, missing, slots + (size_t)one * stride);
        if (count < LANES)
            for (int one = 0; one < count; one++)
                NAMED(one_row)(trees, first, last, slots + (size_t)one * stride, row - begin + one, found, wanted,
                               made);
        else {
            NAMED(turn)(slots, stride, count, slots + stride * BLOCK);
            NAMED(block)(trees, first, last, slots, slots + stride * BLOCK, row - begin, count, found, wanted, made);
        }
    }
    if (slots != here)
        free(slots);
    return 0;
}
