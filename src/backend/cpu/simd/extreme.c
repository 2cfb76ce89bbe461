/* VDIP's extreme-channel prior: the least value around each pixel, in a time that does not depend on the window (van
 * Herk 1992; Gil and Werman 1993), with the place where it is. Formulas: backend/op.h and ref/vdip.inc. */
#include <math.h>
#include <string.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/vmath.h"

typedef struct least { /* values and their places in the picture, element by element */
    float *value;
    int *place;
} least;

typedef struct work {
    least q;      /* (H, W) over channels, then over windows */
    least before; /* least since the window's block began; in the row pass one row per thread */
    least after;  /* least up to the block's end */
} work;

static size_t room(const dp_op *op, int threads) { /* numbers of `before` and of `after` */
    const size_t plane = (size_t)op->x.h * (size_t)op->x.w, rows = (size_t)op->x.w * (size_t)threads;
    return plane > rows ? plane : rows;
}

size_t DP_ISA(dp_cpu_extreme_workspace)(const dp_op *op, int threads) {
    return 2 * sizeof(float) * ((size_t)op->x.h * (size_t)op->x.w + 2 * room(op, threads));
}

static least take(float **p, size_t n) {
    const least l = {*p, (int *)(*p + n)};
    *p += 2 * n;
    return l;
}

static work work_of(const dp_op *op, int threads, void *ws) {
    float *p = ws;
    const size_t plane = (size_t)op->x.h * (size_t)op->x.w, n = room(op, threads);
    work k;
    k.q = take(&p, plane);
    k.before = take(&p, n);
    k.after = take(&p, n);
    return k;
}

/* ---- A sample of the squared value, and its derivatives ---- */

static inline float root_of(float e, float s, bool bright) {
    return sqrtf((bright ? 4 * s * s : 0) + 4 * e * e * s * s + 2 * s * s * s * s + 1e-32f);
}

/* Least over channels of pixels [from, to). */
static void over_channels(const dp_op *op, const float *e, const float *s, const float *z, bool bright, least q,
                          int from, int to) {
    const int plane = op->x.h * op->x.w;
    for (int c = 0; c < op->x.c; c++) {
        const int first = c * plane;
        for (int i = from; i < to; i++) {
            const float a = e[first + i], b = s[first + i], f = bright ? 1 - a : a;
            const float value = f * f + b * b + z[first + i] * root_of(a, b, bright);
            const bool less = c == 0 || value < q.value[i];
            q.value[i] = less ? value : q.value[i];
            q.place[i] = less ? first + i : q.place[i];
        }
    }
}

/* ---- Windows: of equals the first wins ---- */

static inline void set(least l, size_t i, least from, size_t j) {
    l.value[i] = from.value[j];
    l.place[i] = from.place[j];
}

static inline least at(least l, size_t i) {
    return (least){l.value + i, l.place + i};
}

/* A row in place. Blocks of `window` pixels: the window around j is the end of one block and the start of the next. */
static void window_row(least row, int w, int window, least before, least after) {
    const int half = window / 2;
    for (int j = 0; j < w; j++) {
        const bool better = j % window == 0 || row.value[j] < before.value[j - 1];
        set(before, (size_t)j, better ? row : before, better ? (size_t)j : (size_t)(j - 1));
    }
    for (int j = w - 1; j >= 0; j--) {
        const bool better = j == w - 1 || (j + 1) % window == 0 || row.value[j] <= after.value[j + 1];
        set(after, (size_t)j, better ? row : after, better ? (size_t)j : (size_t)(j + 1));
    }
    for (int j = 0; j < w; j++) {
        const int from = j - half < 0 ? 0 : j - half, to = j + half > w - 1 ? w - 1 : j + half;
        const bool one = from / window == to / window; /* inside of one block: at an end of the row */
        const bool left = one ? from % window != 0 : after.value[from] <= before.value[to];
        set(row, (size_t)j, left ? after : before, left ? (size_t)from : (size_t)to);
    }
}

/* y = the lesser of a and b for columns [0, n); of equals a. */
static inline void lesser(least y, least a, least b, int n) {
    for (int j = 0; j < n; j++) {
        const bool first = a.value[j] <= b.value[j];
        const float v = first ? a.value[j] : b.value[j];
        const int p = first ? a.place[j] : b.place[j];
        y.value[j] = v;
        y.place[j] = p;
    }
}

static inline void copy(least y, least x, int n) {
    memcpy(y.value, x.value, (size_t)n * sizeof *y.value);
    memcpy(y.place, x.place, (size_t)n * sizeof *y.place);
}

/* Columns [from, from + n) in place. */
static void window_columns(const work *k, int h, int w, int window, int from, int n) {
    const int half = window / 2;
    const size_t width = (size_t)w, x = (size_t)from;
    for (int i = 0; i < h; i++) {
        const size_t here = (size_t)i * width + x;
        if (i % window == 0)
            copy(at(k->before, here), at(k->q, here), n);
        else
            lesser(at(k->before, here), at(k->before, here - width), at(k->q, here), n);
    }
    for (int i = h - 1; i >= 0; i--) {
        const size_t here = (size_t)i * width + x;
        if (i == h - 1 || (i + 1) % window == 0)
            copy(at(k->after, here), at(k->q, here), n);
        else
            lesser(at(k->after, here), at(k->q, here), at(k->after, here + width), n);
    }
    for (int i = 0; i < h; i++) {
        const int top = i - half < 0 ? 0 : i - half, end = i + half > h - 1 ? h - 1 : i + half;
        const size_t here = (size_t)i * width + x, first = (size_t)top * width + x, last = (size_t)end * width + x;
        if (top / window != end / window)
            lesser(at(k->q, here), at(k->after, first), at(k->before, last), n);
        else
            copy(at(k->q, here), top % window != 0 ? at(k->after, first) : at(k->before, last), n);
    }
}

/* ---- The loss ---- */

/* Sum of log |q| over the windows; sends the gradient to the places. One thread: several windows share a place. */
static double spread(const dp_op *op, void *const *args, const least *q, bool bright, float scale) {
    const float *e = args[0], *s = args[1], *z = args[2];
    float *de = args[5], *ds = args[6];
    const size_t n = (size_t)op->x.h * (size_t)op->x.w;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const int p = q->place[i];
        const float a = e[p], b = s[p], f = bright ? 1 - a : a, g = scale / q->value[i];
        const float c = z[p] / root_of(a, b, bright);
        sum += (double)logf(fabsf(q->value[i]));
        de[p] += g * ((bright ? -2 : 2) * f + c * 4 * a * b * b);
        ds[p] += g * (2 * b + c * ((bright ? 4 * b : 0) + 4 * a * a * b + 4 * b * b * b));
    }
    return sum;
}

static void find_least(const dp_op *op, int threads, void *const *args, const work *k, bool bright) {
    const int h = op->x.h, w = op->x.w, window = op->loss.window;
#pragma omp parallel num_threads(dp_team(dp_count(op->x), threads))
    {
        int from, to;
        const size_t mine = (size_t)omp_get_thread_num() * (size_t)w;
        dp_my_share(h, &from, &to);
        over_channels(op, args[0], args[1], args[2], bright, k->q, from * w, to * w);
        for (int i = from; i < to; i++)
            window_row(at(k->q, (size_t)i * (size_t)w), w, window, at(k->before, mine), at(k->after, mine));
#pragma omp barrier
        dp_my_share(w, &from, &to);
        window_columns(k, h, w, window, from, to - from);
    }
}

/* mean, std, noise, weight -> loss, dmean, dstd */
void DP_ISA(dp_cpu_extreme_prior)(const dp_op *op, int threads, void *const *args, void *ws) {
    const double scale = (double)*(const float *)args[3] / 4 / ((double)op->x.h * op->x.w);
    const work k = work_of(op, threads, ws);
    double sum = 0;
    memset(args[5], 0, dp_count(op->x) * sizeof(float));
    memset(args[6], 0, dp_count(op->x) * sizeof(float));
    for (int bright = 0; bright < 2; bright++) {
        find_least(op, threads, args, &k, bright != 0);
        sum += spread(op, args, &k.q, bright != 0, (float)scale);
    }
    *(float *)args[4] = (float)(scale * sum);
}
