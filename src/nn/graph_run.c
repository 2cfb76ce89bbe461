/* Running a graph that is compiled. */
#include "nn/graph_inner.h"

size_t dp_graph_arena_bytes(const dp_graph *g) {
    return g->arena_bytes;
}

void dp_graph_bind(dp_graph *g, void *arena) {
    g->be->vt->clear(g->be, arena, g->arena_bytes);
    for (int v = 0; v < g->tensors; v++) g->tensor[v].address = dp_graph_address(g, arena, v);
    for (int i = 0; i < g->steps; i++) {
        dp_step *s = &g->step[i];
        for (int j = 0; j < s->args; j++) s->address[j] = s->arg[j] < 0 ? NULL : g->tensor[s->arg[j]].address;
        s->workspace_address = s->workspace < 0 ? NULL : g->tensor[s->workspace].address;
    }
    dp_graph_forget(g);
    g->selected = false; /* another graph may have left gradients of parameters that both share */
}

void dp_graph_write(dp_graph *g, dp_value v, const float *src) {
    g->be->vt->upload(g->be, g->tensor[v].shape, g->tensor[v].address, src);
}

void dp_graph_read(const dp_graph *g, dp_value v, float *dst) {
    g->be->vt->download(g->be, g->tensor[v].shape, dst, g->tensor[v].address);
}

void dp_graph_set_counter(dp_graph *g, uint64_t counter) {
    g->counter = counter;
}

uint64_t dp_graph_counter(const dp_graph *g) {
    return g->counter;
}

void dp_graph_step_run(dp_graph *g, int step) {
    dp_step *s = &g->step[step];
    if (s->clear) g->be->vt->clear(g->be, s->address[0], dp_backend_bytes(g->be, s->op.x));
    g->be->vt->plan_run(s->plan, s->address, s->workspace_address);
}

void dp_graph_forget(dp_graph *g) {
    if (g->recording != NULL) g->be->vt->recording_free(g->recording);
    g->recording = NULL;
    g->same_runs = 0;
}

static void run_steps(dp_graph *g, int to) {
    if (!g->selected) {
        dp_graph_forget(g);
        dp_graph_select(g);
    }
    for (int i = 0; i < to; i++)
        if (g->step[i].on) dp_graph_step_run(g, i);
}

void dp_graph_forward(dp_graph *g) {
    run_steps(g, g->forward_steps);
}

/* The second of the same runs is recorded: the first may still have to load what it needs. */
void dp_graph_run(dp_graph *g) {
    if (!g->selected) dp_graph_forget(g);
    if (g->same_runs == 1 && g->be->vt->record_begin != NULL) dp_graph_record(g);
    if (g->recording != NULL)
        g->be->vt->replay(g->recording);
    else
        run_steps(g, g->steps);
    g->same_runs += g->same_runs < 2;
    g->counter++;
}

int dp_graph_step_count(const dp_graph *g) {
    return g->steps;
}
const dp_op *dp_graph_step_op(const dp_graph *g, int step) {
    return &g->step[step].op;
}
bool dp_graph_step_on(const dp_graph *g, int step) {
    return g->step[step].on;
}
