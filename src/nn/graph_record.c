/* Recording a run in lanes that a device may do beside each other: a step waits for those that wrote what it reads, and
 * for those that touch what it writes, by their addresses. */
#include <string.h>

#include "base/memory.h"
#include "nn/graph_inner.h"

enum { MOST_LANES = 8, MOST_RANGES = DP_MAX_ARGS + 1 };

typedef struct range { /* of memory that a step touches */
    const char *from, *to;
    bool written;
} range;

typedef struct item { /* a step that is on */
    int step, lane;
    int ranges;
    range at[MOST_RANGES];
    int wait[MOST_LANES]; /* the items to wait for; -1: none in that lane */
    int seen[MOST_LANES]; /* the last item of each lane that is done before this one is */
    bool marked;          /* somebody waits for it */
} item;

static void add_range(item *it, const void *from, size_t bytes, bool written) {
    if (from != NULL && bytes > 0) it->at[it->ranges++] = (range){from, (const char *)from + bytes, written};
}

static void find_ranges(const dp_graph *g, item *it) {
    const dp_step *s = &g->step[it->step];
    const int inputs = dp_op_inputs(s->op.kind);
    it->ranges = 0;
    for (int j = 0; j < s->args; j++) {
        const dp_tensor *t = s->arg[j] >= 0 ? &g->tensor[s->arg[j]] : NULL;
        if (t == NULL || t->host != NULL) continue;
        add_range(it, s->address[j], t->bytes, j >= inputs || (s->clear && j == 0));
    }
    if (s->workspace >= 0) add_range(it, s->workspace_address, g->tensor[s->workspace].bytes, true);
}

static bool conflict(const item *a, const item *b) {
    for (int i = 0; i < a->ranges; i++)
        for (int j = 0; j < b->ranges; j++)
            if ((a->at[i].written || b->at[j].written) && a->at[i].from < b->at[j].to && b->at[j].from < a->at[i].to)
                return true;
    return false;
}

/* The latest item of each lane that `it` must not overtake. */
static void find_waits(const item *items, int n, int lanes, item *it) {
    for (int l = 0; l < lanes; l++) it->wait[l] = -1;
    for (int i = n - 1; i >= 0; i--)
        if (it->wait[items[i].lane] < 0 && conflict(&items[i], it)) it->wait[items[i].lane] = i;
}

/* The lane that ends with what the item waits for, the latest first; else the one that has been idle longest. */
static int choose_lane(const item *it, const int *last, int lanes) {
    int best = -1, idle = 0;
    for (int l = 0; l < lanes; l++) {
        if (it->wait[l] >= 0 && it->wait[l] == last[l] && (best < 0 || it->wait[l] > it->wait[best])) best = l;
        if (last[l] < last[idle]) idle = l;
    }
    return best >= 0 ? best : idle;
}

/* What an item in this lane need not wait for, as its lane or another item that it waits for has done so. */
static void spare_waits(item *items, int n, int lanes, const int *last, item *it) {
    for (int l = 0; l < lanes; l++) it->seen[l] = last[it->lane] >= 0 ? items[last[it->lane]].seen[l] : -1;
    if (last[it->lane] >= 0) it->seen[it->lane] = last[it->lane];
    for (int l = 0; l < lanes; l++)
        for (int k = 0; k < lanes; k++) /* by another that has seen more */
            if (k != l && it->wait[k] >= 0 && it->wait[l] >= 0 && items[it->wait[k]].seen[l] >= it->wait[l])
                it->wait[l] = -1;
    for (int l = 0; l < lanes; l++) {
        if (it->wait[l] <= it->seen[l]) it->wait[l] = -1;
        if (it->wait[l] < 0) continue;
        items[it->wait[l]].marked = true;
        for (int k = 0; k < lanes; k++)
            if (items[it->wait[l]].seen[k] > it->seen[k]) it->seen[k] = items[it->wait[l]].seen[k];
        if (it->wait[l] > it->seen[l]) it->seen[l] = it->wait[l];
    }
    it->seen[it->lane] = n;
}

static int plan_lanes(const dp_graph *g, int lanes, item *items) {
    int n = 0, last[MOST_LANES];
    for (int l = 0; l < lanes; l++) last[l] = -1;
    for (int i = 0; i < g->steps; i++) {
        if (!g->step[i].on) continue;
        item *it = &items[n];
        it->step = i;
        find_ranges(g, it);
        find_waits(items, n, lanes, it);
        it->lane = choose_lane(it, last, lanes);
        spare_waits(items, n, lanes, last, it);
        last[it->lane] = n++;
    }
    return n;
}

static void run_in_lanes(dp_graph *g, int lanes, item *items) {
    const dp_backend_vtable *vt = g->be->vt;
    const int n = plan_lanes(g, lanes, items);
    for (int i = 0; i < n; i++) {
        vt->lane(g->be, items[i].lane);
        for (int l = 0; l < lanes; l++)
            if (items[i].wait[l] >= 0) vt->wait(g->be, items[i].wait[l]);
        dp_graph_step_run(g, items[i].step);
        if (items[i].marked) vt->mark(g->be, i);
    }
    vt->lane(g->be, 0);
}

void dp_graph_record(dp_graph *g) {
    const int lanes = g->be->lanes < MOST_LANES ? g->be->lanes : MOST_LANES;
    item *items = lanes > 1 ? dp_alloc((size_t)g->steps, sizeof *items) : NULL;
    if (!g->selected) dp_graph_select(g);
    g->be->vt->record_begin(g->be);
    if (items != NULL)
        run_in_lanes(g, lanes, items);
    else
        for (int i = 0; i < g->steps; i++)
            if (g->step[i].on) dp_graph_step_run(g, i);
    g->recording = g->be->vt->record_end(g->be);
    dp_free(items);
}
