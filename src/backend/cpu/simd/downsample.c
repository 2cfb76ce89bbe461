/* Down-sampling of planes with Lanczos' filter: rows first, then along them. The adjoint in the opposite order, each
 * pixel gathering what is its own, so that threads share rows. */
#include <string.h>

#include "backend/cpu/simd/kernels.h"

typedef struct filter {
    float tap[DP_DOWNSAMPLE_TAPS];
    int taps, factor, pad;
} filter;

static filter filter_of(const dp_op *op) {
    double tap[DP_DOWNSAMPLE_TAPS];
    filter f = {.taps = dp_downsample_taps(op, tap), .factor = op->down.factor};
    for (int i = 0; i < f.taps; i++) f.tap[i] = (float)tap[i];
    f.pad = (f.taps - f.factor) / 2;
    return f;
}

/* Forward: a row with its repeated border for each thread. Adjoint: rows stretched to the width of x. */
size_t DP_ISA(dp_cpu_downsample_workspace)(const dp_op *op, int threads) {
    const size_t w = (size_t)op->x.w, rows = (size_t)op->y.c * (size_t)op->y.h;
    const size_t line = (w + 2 * DP_DOWNSAMPLE_TAPS) * (size_t)threads;
    return sizeof(float) * (op->kind == DP_DOWNSAMPLE_FWD ? line : line + rows * w);
}

static int clamp_to(int i, int n) {
    return i < 0 ? 0 : i > n - 1 ? n - 1 : i;
}

/* line[pad + j] = the rows around row f*i of the plane, weighted; its ends repeated. */
static void gather_rows(const filter *f, const float *plane, int h, int w, int i, float *line) {
    float *middle = line + f->pad;
    memset(middle, 0, (size_t)w * sizeof *middle);
    for (int a = 0; a < f->taps; a++) {
        const float *row = plane + (size_t)clamp_to(f->factor * i + a - f->pad, h) * (size_t)w, t = f->tap[a];
        for (int j = 0; j < w; j++) middle[j] += t * row[j];
    }
    for (int j = 0; j < f->pad; j++) {
        line[j] = middle[0];
        middle[w + j] = middle[w - 1];
    }
}

/* x -> y */
void DP_ISA(dp_cpu_downsample_fwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const int h = op->x.h, w = op->x.w, oh = op->y.h, ow = op->y.w;
    const filter f = filter_of(op);
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        int from, to;
        float *line = (float *)ws + (size_t)omp_get_thread_num() * ((size_t)w + 2 * DP_DOWNSAMPLE_TAPS);
        dp_my_share(op->y.c * oh, &from, &to);
        for (int r = from; r < to; r++) {
            float *y = (float *)args[1] + (size_t)r * (size_t)ow;
            gather_rows(&f, (const float *)args[0] + (size_t)(r / oh) * (size_t)h * (size_t)w, h, w, r % oh, line);
            for (int j = 0; j < ow; j++) {
                float sum = 0;
                for (int b = 0; b < f.taps; b++) sum += f.tap[b] * line[f.factor * j + b];
                y[j] = sum;
            }
        }
    }
}

/* The adjoint along a row: dy (ow) -> out (w); line has room for the border, which is added to the ends. */
static void stretch(const filter *f, const float *dy, int ow, int w, float *line, float *out) {
    memset(line, 0, (size_t)(w + 2 * f->pad) * sizeof *line);
    for (int j = 0; j < ow; j++)
        for (int b = 0; b < f->taps; b++) line[f->factor * j + b] += f->tap[b] * dy[j];
    memcpy(out, line + f->pad, (size_t)w * sizeof *out);
    for (int j = 0; j < f->pad; j++) {
        out[0] += line[j];
        out[w - 1] += line[w + f->pad + j];
    }
}

/* Weight of row r of x (of h) in row i of y. */
static float weight_of(const filter *f, int h, int r, int i) {
    float sum = 0;
    for (int a = 0; a < f->taps; a++)
        if (clamp_to(f->factor * i + a - f->pad, h) == r) sum += f->tap[a];
    return sum;
}

/* Row r of x gathers from the stretched rows of y. */
static void gather_adjoint(const filter *f, const float *stretched, int h, int w, int oh, int r, float *dx) {
    const int first = r == 0 ? 0 : (r + f->pad - f->taps + 1) / f->factor - 1;
    const int last = r == h - 1 ? oh - 1 : (r + f->pad) / f->factor;
    memset(dx, 0, (size_t)w * sizeof *dx);
    for (int i = first < 0 ? 0 : first; i <= last && i < oh; i++) {
        const float *row = stretched + (size_t)i * (size_t)w, t = weight_of(f, h, r, i);
        for (int j = 0; j < w; j++) dx[j] += t * row[j];
    }
}

/* dy -> dx */
void DP_ISA(dp_cpu_downsample_bwd)(const dp_op *op, int threads, void *const *args, void *ws) {
    const int h = op->x.h, w = op->x.w, oh = op->y.h, ow = op->y.w;
    const filter f = filter_of(op);
    float *stretched = ws, *lines = stretched + (size_t)op->y.c * (size_t)oh * (size_t)w;
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        int from, to;
        float *line = lines + (size_t)omp_get_thread_num() * ((size_t)w + 2 * DP_DOWNSAMPLE_TAPS);
        dp_my_share(op->y.c * oh, &from, &to);
        for (int r = from; r < to; r++)
            stretch(&f, (const float *)args[0] + (size_t)r * (size_t)ow, ow, w, line,
                    stretched + (size_t)r * (size_t)w);
#pragma omp barrier
        dp_my_share(op->x.c * h, &from, &to);
        for (int r = from; r < to; r++)
            gather_adjoint(&f, stretched + (size_t)(r / h) * (size_t)oh * (size_t)w, h, w, oh, r % h,
                           (float *)args[1] + (size_t)r * (size_t)w);
    }
}
