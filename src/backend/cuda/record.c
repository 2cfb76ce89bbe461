/* Running plans, their arguments on the host, and recordings with lanes. */
#include <math.h>
#include <string.h>

#include "backend/cuda/vtable.h"
#include "base/memory.h"

enum { MOST_RECORDED = 64 };

/* ---- Host arguments ---- */

/* Which of an op's args is a number on the host; -1: none. */
static int host_arg(const dp_op *op) {
    switch (op->kind) {
    case DP_MSE:
    case DP_EXTREME_PRIOR:
        return 3;
    case DP_SSIM:
    case DP_DERIVATIVES:
    case DP_SPARSE_PRIOR:
        return 2;
    case DP_TV:
    case DP_MEAN_LOG:
    case DP_RANDOM:
        return 1;
    case DP_ADAM:
        return 4;
    default:
        return -1;
    }
}

/* What the host arg says now, for its slot. */
static void add_setting(dp_cuda_settings *settings, const dp_cuda_plan *plan, const void *arg) {
    float *number = settings->at[settings->count].number;
    memset(number, 0, sizeof settings->at->number);
    settings->at[settings->count++].slot = plan->slot;
    if (plan->op.kind == DP_RANDOM) {
        memcpy(number, arg, sizeof(uint64_t));
    } else if (plan->op.kind == DP_ADAM) {
        const dp_adam_step *s = arg;
        const float all[7] = {(float)s->beta1,
                              (float)s->beta2,
                              (float)(1 - s->beta1),
                              (float)(1 - s->beta2),
                              (float)(s->lr / (1 - pow(s->beta1, (double)s->t))),
                              (float)sqrt(1 - pow(s->beta2, (double)s->t)),
                              (float)s->eps};
        memcpy(number, all, sizeof all);
    } else {
        memcpy(number, arg, sizeof(float));
    }
}

/* ---- Lanes ---- */

void dp_cuda_lane(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    be->stream = be->lane[number];
}

/* The event of that number; NULL, and the error kept, where none can be made. */
static cudaEvent_t event(dp_cuda *be, int number) {
    if (number >= be->marks) {
        const int marks = number + 64;
        cudaEvent_t *more = dp_alloc((size_t)marks, sizeof *more);
        if (more == NULL) {
            dp_cuda_note(be, cudaErrorMemoryAllocation);
            return NULL;
        }
        if (be->marks > 0) memcpy(more, be->mark, (size_t)be->marks * sizeof *more);
        dp_free(be->mark);
        be->mark = more;
        be->marks = marks;
    }
    if (be->mark[number] == NULL) dp_cuda_note(be, cudaEventCreateWithFlags(&be->mark[number], cudaEventDisableTiming));
    return be->mark[number];
}

void dp_cuda_mark(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    const cudaEvent_t e = event(be, number);
    if (e != NULL) dp_cuda_note(be, cudaEventRecord(e, be->stream));
}

void dp_cuda_wait(dp_backend *base, int number) {
    dp_cuda *be = (dp_cuda *)base;
    const cudaEvent_t e = event(be, number);
    if (e != NULL) dp_cuda_note(be, cudaStreamWaitEvent(be->stream, e, 0));
}

/* Lane `to` waits for all that lane `from` has been asked. */
static void follow(dp_cuda *be, int to, int from) {
    dp_cuda_lane(&be->base, from);
    dp_cuda_mark(&be->base, 0);
    dp_cuda_lane(&be->base, to);
    dp_cuda_wait(&be->base, 0);
}

/* ---- Running and recording ---- */

typedef struct dp_cuda_recording { /* is a dp_recording */
    dp_cuda *be;
    struct {
        const dp_cuda_plan *plan;
        const void *arg;
    } host[MOST_RECORDED]; /* to be read at each replay */
    int hosts;
    cudaGraphExec_t graph;
} dp_cuda_recording;

void dp_cuda_plan_run(dp_plan *base, void *const *args, void *ws) {
    const dp_cuda_plan *plan = (const dp_cuda_plan *)base;
    dp_cuda *be = plan->be;
    const int host = host_arg(&plan->op);
    if (host >= 0 && be->record != NULL) {
        dp_cuda_recording *r = be->record;
        if (r->hosts < MOST_RECORDED) {
            r->host[r->hosts].plan = plan;
            r->host[r->hosts].arg = args[host];
        }
        r->hosts++;
    } else if (host >= 0) {
        dp_cuda_settings settings = {.count = 0};
        add_setting(&settings, plan, args[host]);
        dp_cuda_set(be, &settings);
    }
    plan->kernel->run(plan, args, ws);
}

void dp_cuda_record_begin(dp_backend *base) {
    dp_cuda *be = (dp_cuda *)base;
    be->record = dp_alloc(1, sizeof *be->record);
    if (be->record == NULL) return;
    be->record->be = be;
    dp_cuda_note(be, cudaStreamBeginCapture(be->stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 1; i < DP_CUDA_LANES; i++) follow(be, i, 0);
    dp_cuda_lane(base, 0);
}

void dp_cuda_recording_free(dp_recording *recording) {
    dp_cuda_recording *r = (dp_cuda_recording *)recording;
    if (r == NULL) return;
    (void)cudaStreamSynchronize(r->be->stream);
    if (r->graph != NULL) (void)cudaGraphExecDestroy(r->graph);
    dp_free(r);
}

dp_recording *dp_cuda_record_end(dp_backend *base) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_recording *r = be->record;
    cudaGraph_t graph = NULL;
    be->record = NULL;
    if (r == NULL) return NULL;
    for (int i = 1; i < DP_CUDA_LANES; i++) follow(be, 0, i);
    cudaError_t error = cudaStreamEndCapture(be->stream, &graph);
    if (error == cudaSuccess) error = cudaGraphInstantiate(&r->graph, graph, 0);
    if (graph != NULL) (void)cudaGraphDestroy(graph);
    dp_cuda_note(be, error);
    if (error == cudaSuccess && r->hosts <= MOST_RECORDED) return (dp_recording *)r;
    dp_cuda_recording_free((dp_recording *)r);
    return NULL;
}

void dp_cuda_replay(dp_recording *recording) {
    const dp_cuda_recording *r = (const dp_cuda_recording *)recording;
    dp_cuda_settings settings = {.count = 0};
    for (int i = 0; i < r->hosts; i++) {
        add_setting(&settings, r->host[i].plan, r->host[i].arg);
        if (settings.count < DP_CUDA_SETTINGS && i + 1 < r->hosts) continue;
        dp_cuda_set(r->be, &settings);
        settings.count = 0;
    }
    dp_cuda_note(r->be, cudaGraphLaunch(r->graph, r->be->stream));
}
