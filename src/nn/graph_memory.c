/* Packs tensors into one arena: two may share memory when no step needs both. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "nn/graph_inner.h"

enum { ARENA_ALIGN = 256 };

static dp_value root_of(const dp_graph *g, dp_value v) {
    while (g->tensor[v].root != v) v = g->tensor[v].root;
    return v;
}

static bool in_arena(const dp_tensor *t) {
    return t->params == NULL && t->host == NULL;
}

static void touch(dp_graph *g, dp_value v, int step) {
    if (v < 0) return;
    dp_tensor *t = &g->tensor[root_of(g, v)];
    if (step < t->first) t->first = step;
    if (step > t->last) t->last = step;
}

/* Where steps may run beside each other, small tensors keep their place to themselves: sharing it would make those
 * steps wait that it was to free. Large ones fill a device alone, and share for the sake of its cache. */
static bool alone(const dp_graph *g, dp_value v) {
    const size_t small = (size_t)8 << 20;
    return g->be->lanes > 1 && g->tensor[v].root == v && g->tensor[v].last >= 0 && g->tensor[v].bytes < small;
}

static void find_lifetimes(dp_graph *g) {
    for (int v = 0; v < g->tensors; v++) {
        g->tensor[v].first = INT32_MAX;
        g->tensor[v].last = -1;
    }
    for (int i = 0; i < g->steps; i++) {
        for (int j = 0; j < g->step[i].args; j++) touch(g, g->step[i].arg[j], i);
        touch(g, g->step[i].workspace, i);
    }
    for (int v = 0; v < g->tensors; v++)
        if (g->tensor[v].keep || alone(g, v)) {
            touch(g, v, 0);
            touch(g, v, g->steps);
        }
}

typedef struct slot {
    dp_value v;
    size_t bytes;
} slot;

static int by_size(const void *a, const void *b) { /* largest first; ties by number, so that the order is fixed */
    const slot *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->v < y->v ? -1 : x->v > y->v;
}

static bool overlap(const dp_tensor *a, const dp_tensor *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Lowest offset at which tensor `v` disturbs none of the `placed` ones that live at the same time. */
static size_t lowest_offset(const dp_graph *g, const slot *slots, int placed, const slot *s) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < placed; i++) {
            const dp_tensor *t = &g->tensor[slots[i].v];
            if (!overlap(t, &g->tensor[s->v]) || t->offset + slots[i].bytes <= at || at + s->bytes <= t->offset)
                continue;
            at = t->offset + slots[i].bytes;
            moved = true;
        }
    }
    return at;
}

dipper_status dp_graph_place(dp_graph *g) {
    find_lifetimes(g);
    slot *slots = dp_alloc((size_t)g->tensors + 1, sizeof *slots);
    if (slots == NULL) return dp_fail(&g->diag, DIPPER_ERROR_MEMORY, "out of memory for a graph");
    int n = 0;
    for (dp_value v = 0; v < g->tensors; v++)
        if (g->tensor[v].root == v && g->tensor[v].last >= 0 && in_arena(&g->tensor[v]))
            slots[n++] = (slot){v, dp_align_up(g->tensor[v].bytes, ARENA_ALIGN)};
    qsort(slots, (size_t)n, sizeof *slots, by_size);
    for (int i = 0; i < n; i++) {
        dp_tensor *t = &g->tensor[slots[i].v];
        t->offset = lowest_offset(g, slots, i, &slots[i]);
        if (t->offset + slots[i].bytes > g->arena_bytes) g->arena_bytes = t->offset + slots[i].bytes;
    }
    dp_free(slots);
    return DIPPER_OK;
}

void *dp_graph_address(const dp_graph *g, void *arena, dp_value v) {
    const dp_tensor *t = &g->tensor[v];
    if (t->host != NULL) return t->host;
    if (t->params != NULL) return dp_params_at(t->params, t->is_grad ? DP_PARAM_GRAD : DP_PARAM_VALUE, t->param);
    size_t offset = 0;
    while (t->root != v) { /* a view begins at a whole block of its parent's channels */
        dp_shape before = g->tensor[t->root].shape;
        before.c = t->root_channel;
        offset += dp_backend_bytes(g->be, before);
        v = t->root;
        t = &g->tensor[v];
    }
    return (char *)arena + t->offset + offset;
}
