/* What a camera does to a picture, beside the blur: fewer pixels; and an estimate that undoes the blur. */
#include "backend/cuda/kernels.cuh"
#include "backend/cuda/wiener.h"

enum { BLOCK = 256 };

/* ---- Fewer pixels: down the columns, then along the rows ---- */

struct down_filter {
    int factor, taps, pad; /* output i sums tap[a] x[factor*i + a - pad], border pixels repeated */
    float tap[DP_DOWNSAMPLE_TAPS];
};

static down_filter down_filter_of(const dp_op *op) {
    double tap[DP_DOWNSAMPLE_TAPS];
    down_filter f;
    f.factor = op->down.factor;
    f.taps = dp_downsample_taps(op, tap);
    f.pad = (f.taps - f.factor) / 2;
    for (int a = 0; a < DP_DOWNSAMPLE_TAPS; a++) f.tap[a] = a < f.taps ? (float)tap[a] : 0;
    return f;
}

/* (planes, n_in, step) -> (planes, n_out, step): the middle index shrinks. */
static __global__ void down_forward(down_filter f, size_t all, int n_in, int n_out, int step, const float *x,
                                    float *y) {
    const size_t at = blockIdx.x * (size_t)BLOCK + threadIdx.x;
    if (at >= all) return;
    const size_t line = at / (size_t)step, s = at - line * (size_t)step, plane = line / (size_t)n_out;
    const int first = f.factor * (int)(line - plane * (size_t)n_out) - f.pad;
    const float *in = x + plane * (size_t)n_in * (size_t)step + s;
    float sum = 0;
    for (int a = 0; a < f.taps; a++) {
        const int i = min(max(first + a, 0), n_in - 1);
        sum += f.tap[a] * in[(size_t)i * (size_t)step];
    }
    y[at] = sum;
}

/* Its adjoint: input r gets tap[a] dy[i] where factor*i + a - pad, moved into 0..n_in-1, is r. */
static __global__ void down_backward(down_filter f, size_t all, int n_in, int n_out, int step, const float *dy,
                                     float *dx) {
    const size_t at = blockIdx.x * (size_t)BLOCK + threadIdx.x;
    if (at >= all) return;
    const size_t line = at / (size_t)step, s = at - line * (size_t)step, plane = line / (size_t)n_in;
    const int r = (int)(line - plane * (size_t)n_in);
    const int first = r == 0 ? -f.pad : r, last = r == n_in - 1 ? f.factor * (n_out - 1) + f.taps - 1 - f.pad : r;
    const float *in = dy + plane * (size_t)n_out * (size_t)step + s;
    float sum = 0;
    for (int p = first; p <= last; p++)
        for (int a = (p + f.pad) % f.factor; a < f.taps; a += f.factor) {
            const int i = (p + f.pad - a) / f.factor; /* exact; a may be too large */
            if (i >= 0 && i < n_out) sum += f.tap[a] * in[(size_t)i * (size_t)step];
        }
    dx[at] = sum;
}

static size_t down_workspace(const dp_cuda *be, const dp_op *op) {
    (void)be;
    return sizeof(float) * (size_t)op->x.c * (size_t)op->y.h * (size_t)op->x.w;
}

/* args: x -> y */
static void down_run_forward(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_shape x = plan->op.x, y = plan->op.y;
    const down_filter f = down_filter_of(&plan->op);
    const size_t between = (size_t)x.c * (size_t)y.h * (size_t)x.w;
    float *rows = (float *)ws; /* (c, y.h, x.w) */
    DP_LAUNCH(plan->be, down_forward, dp_blocks(between, BLOCK), BLOCK, 0, f, between, x.h, y.h, x.w,
              (const float *)args[0], rows);
    DP_LAUNCH(plan->be, down_forward, dp_blocks(dp_count(y), BLOCK), BLOCK, 0, f, dp_count(y), x.w, y.w, 1, rows,
              (float *)args[1]);
}

/* args: dy -> dx */
static void down_run_backward(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_shape x = plan->op.x, y = plan->op.y;
    const down_filter f = down_filter_of(&plan->op);
    const size_t between = (size_t)x.c * (size_t)y.h * (size_t)x.w;
    float *rows = (float *)ws;
    DP_LAUNCH(plan->be, down_backward, dp_blocks(between, BLOCK), BLOCK, 0, f, between, x.w, y.w, 1,
              (const float *)args[0], rows);
    DP_LAUNCH(plan->be, down_backward, dp_blocks(dp_count(x), BLOCK), BLOCK, 0, f, dp_count(x), x.h, y.h, x.w, rows,
              (float *)args[1]);
}

const dp_cuda_kernel dp_cuda_downsample_fwd = {down_run_forward, down_workspace, NULL, NULL};
const dp_cuda_kernel dp_cuda_downsample_bwd = {down_run_backward, down_workspace, NULL, NULL};

/* ---- Fourier transforms ----
 *
 * A line of n = n1*n2 in two steps, with W = exp(sign 2 pi i/n):
 *   part[j2][k1] = sum over j1 of x[n2 j1 + j2] W^(n2 j1 k1),   out[k] = sum over j2 of part[j2][k mod n1] W^(j2 k).
 * Each thread makes one number of one step from about sqrt(n) others. Lines are rows or columns: what is contiguous in
 * memory is contiguous in threads. */

struct dft_lines {
    dp_cuda_waves w;
    int sign;
    int lines;        /* per plane */
    bool down;        /* lines are columns: neighbours in memory are neighbouring lines */
    int first, count; /* outputs (first + k) mod n, k < count */
};

struct dft_place {
    int plane, line, at; /* at: which output of the line */
    bool exists;
};

/* Which of lines x outputs this thread makes; planes are in blockIdx.y. */
__device__ inline dft_place dft_mine(const dft_lines &d, int outputs) {
    const unsigned inner = (unsigned)(d.down ? d.lines : outputs), outer = (unsigned)(d.down ? outputs : d.lines);
    const unsigned t = blockIdx.x * BLOCK + threadIdx.x, o = t / inner, i = t - o * inner;
    dft_place p = {(int)blockIdx.y, (int)(d.down ? i : o), (int)(d.down ? o : i), o < outer};
    return p;
}

/* Element `at` of a line, in planes of `size` elements per line. */
__device__ inline size_t dft_index(const dft_lines &d, dft_place p, int at, int size) {
    const size_t plane = (size_t)p.plane * (size_t)d.lines * (size_t)size;
    return plane +
           (d.down ? (size_t)at * (size_t)d.lines + (size_t)p.line : (size_t)p.line * (size_t)size + (size_t)at);
}

__device__ inline void dft_add(float2 *sum, float2 x, const dft_lines &d, int turn) {
    const float2 w = ((const float2 *)d.w.wave)[turn];
    const float s = d.sign < 0 ? -w.y : w.y;
    sum->x += w.x * x.x - s * x.y;
    sum->y += w.x * x.y + s * x.x;
}

/* The first step; x(place, j) is element j of the line. */
template <typename X> static __global__ void dft_first(dft_lines d, X x, float2 *part) {
    const int n = d.w.n, n1 = d.w.n1, n2 = d.w.n2;
    const dft_place p = dft_mine(d, n);
    if (!p.exists) return;
    const int j2 = p.at / n1, k1 = p.at - j2 * n1, step = n2 * k1; /* < n */
    float2 sum = make_float2(0, 0);
    int turn = 0;
#pragma unroll 4
    for (int j1 = 0; j1 < n1; j1++) {
        dft_add(&sum, x(d, p, n2 * j1 + j2), d, turn);
        turn += step;
        if (turn >= n) turn -= n;
    }
    part[dft_index(d, p, p.at, n)] = sum;
}

/* The second step; y(place, out) takes the result. */
template <typename Y> static __global__ void dft_second(dft_lines d, const float2 *part, Y y) {
    const int n = d.w.n, n1 = d.w.n1, n2 = d.w.n2;
    const dft_place p = dft_mine(d, d.count);
    if (!p.exists) return;
    const int k = (d.first + p.at) % n, k1 = k % n1;
    float2 sum = make_float2(0, 0);
    int turn = 0;
#pragma unroll 4
    for (int j2 = 0; j2 < n2; j2++) {
        dft_add(&sum, part[dft_index(d, p, j2 * n1 + k1, n)], d, turn);
        turn += k;
        if (turn >= n) turn -= n;
    }
    y(d, p, sum);
}

/* Spectra: planes of rows x (columns/2 + 1), or of `count` rows of it. */
struct spectrum_in {
    const float2 *s;
    __device__ float2 operator()(const dft_lines &d, dft_place p, int j) const { return s[dft_index(d, p, j, d.w.n)]; }
};

struct spectrum_out {
    float2 *s;
    __device__ void operator()(const dft_lines &d, dft_place p, float2 v) const {
        s[dft_index(d, p, p.at, d.count)] = v;
    }
};

/* Rows of which only the non-negative frequencies are kept: their transform is real. */
struct half_row_in {
    const float2 *s;
    __device__ float2 operator()(const dft_lines &d, dft_place p, int j) const {
        const int n = d.w.n;
        const bool other = 2 * j > n;
        const float2 v = s[dft_index(d, p, other ? n - j : j, n / 2 + 1)];
        return make_float2(v.x, other ? -v.y : v.y);
    }
};

struct real_out {
    float *y;
    __device__ void operator()(const dft_lines &d, dft_place p, float2 v) const {
        y[dft_index(d, p, p.at, d.count)] = v.x;
    }
};

/* ---- Wiener's filter ---- */

/* The rows to transform: planes of x, made periodic; the PSF, its middle at the origin; planes of dy, moved as much. */
struct wiener_in {
    const float *x, *psf, *dy;
    int c, h, w;       /* of x */
    int kh, kw;        /* of the PSF */
    int rows, columns; /* of the periodic plane */

    /* Row i of x at column j: it goes over from its last number to its first linearly. */
    __device__ float along(const float *plane, int i, int j) const {
        const float *row = plane + (size_t)i * (size_t)w;
        if (j < w) return row[j];
        const float t = (float)(j - w + 1) / (float)(columns - w + 1);
        return (1 - t) * row[w - 1] + t * row[0];
    }
    __device__ float periodic(const float *plane, int i, int j) const {
        if (i < h) return along(plane, i, j);
        const float t = (float)(i - h + 1) / (float)(rows - h + 1);
        return (1 - t) * along(plane, h - 1, j) + t * along(plane, 0, j);
    }
    /* What of a picture (ph, pw) lies at (i, j), if it is moved by the PSF's half. */
    __device__ float moved(const float *picture, int ph, int pw, int i, int j) const {
        const int r = (i + kh / 2) % rows, s = (j + kw / 2) % columns;
        return r < ph && s < pw ? picture[(size_t)r * (size_t)pw + (size_t)s] : 0;
    }
    __device__ float2 operator()(const dft_lines &, dft_place p, int j) const {
        const int oh = h + kh - 1, ow = w + kw - 1;
        float v;
        if (p.plane < c)
            v = periodic(x + (size_t)p.plane * (size_t)h * (size_t)w, p.line, j);
        else if (p.plane == c)
            v = moved(psf, kh, kw, p.line, j);
        else
            v = moved(dy + (size_t)(p.plane - c - 1) * (size_t)oh * (size_t)ow, oh, ow, p.line, j);
        return make_float2(v, 0);
    }
};

/* spectra: planes of X, G. X becomes conj(G) X / (|G|^2 + constant) / scale. grid.y: planes */
static __global__ void wiener_divide(size_t n, int c, float constant, float scale, float2 *spectra) {
    const size_t at = blockIdx.x * (size_t)BLOCK + threadIdx.x;
    if (at >= n) return;
    const float2 g = spectra[(size_t)c * n + at];
    float2 *x = spectra + blockIdx.y * n + at;
    const float over = 1 / ((g.x * g.x + g.y * g.y + constant) * scale);
    *x = make_float2(over * (g.x * x->x + g.y * x->y), over * (g.x * x->y - g.y * x->x));
}

/* spectra: planes of X, G, P (of dy). The first becomes the spectrum of dpsf: with U = conj(P) X the sum over planes of
 * (c U - G^2 conj(U)) / (|G|^2 + c)^2, the derivative of conj(G) X / (|G|^2 + c) by G. */
static __global__ void wiener_slope(size_t n, int c, float constant, float scale, float2 *spectra) {
    const size_t at = blockIdx.x * (size_t)BLOCK + threadIdx.x;
    if (at >= n) return;
    const float2 g = spectra[(size_t)c * n + at];
    const float q = g.x * g.x + g.y * g.y + constant, over = 1 / (q * q * scale);
    const float sr = g.x * g.x - g.y * g.y, si = 2 * g.x * g.y;
    float ur = 0, ui = 0;
    for (int k = 0; k < c; k++) {
        const float2 x = spectra[(size_t)k * n + at], p = spectra[(size_t)(c + 1 + k) * n + at];
        ur += p.x * x.x + p.y * x.y;
        ui += p.x * x.y - p.y * x.x;
    }
    spectra[at] = make_float2(over * (constant * ur - sr * ur - si * ui), over * (constant * ui + sr * ui - si * ur));
}

template <typename X, typename Y>
static void dft(const dp_cuda *be, const dft_lines &d, int planes, X x, float2 *part, Y y) {
    void (*first)(dft_lines, X, float2 *) = dft_first<X>;
    void (*second)(dft_lines, const float2 *, Y) = dft_second<Y>;
    const size_t lines = (size_t)d.lines;
    DP_LAUNCH(be, first, dim3(dp_blocks(lines * (size_t)d.w.n, BLOCK), (unsigned)planes), BLOCK, 0, d, x, part);
    DP_LAUNCH(be, second, dim3(dp_blocks(lines * (size_t)d.count, BLOCK), (unsigned)planes), BLOCK, 0, d, part, y);
}

/* Spectra of all planes, from the start of the second part of the workspace. */
static float2 *wiener_forward(const dp_cuda_plan *plan, const wiener_in &in, float2 *part) {
    const dp_cuda_wiener_plan *own = (const dp_cuda_wiener_plan *)plan->own;
    float2 *spectra = part + (size_t)own->planes * dp_cuda_wiener_whole(own);
    const int half = own->columns.n / 2 + 1;
    const dft_lines along = {own->columns, -1, own->rows.n, false, 0, half};
    const dft_lines down = {own->rows, -1, half, true, 0, own->rows.n};
    const spectrum_out out = {spectra};
    const spectrum_in back = {spectra};
    dft(plan->be, along, own->planes, in, part, out);
    dft(plan->be, down, own->planes, back, part, out);
    return spectra;
}

/* The first (h, w) pixels of the first planes, moved back by the PSF's half. */
static void wiener_backward(const dp_cuda_plan *plan, float2 *spectra, float2 *part, int planes, int h, int w,
                            float *y) {
    const dp_cuda_wiener_plan *own = (const dp_cuda_wiener_plan *)plan->own;
    const int rows = own->rows.n, columns = own->columns.n;
    const int top = (rows - plan->op.wiener.kh / 2) % rows, left = (columns - plan->op.wiener.kw / 2) % columns;
    const dft_lines down = {own->rows, 1, columns / 2 + 1, true, top, h};
    const dft_lines along = {own->columns, 1, h, false, left, w};
    const spectrum_in in = {spectra};
    const spectrum_out between = {spectra};
    const half_row_in rows_in = {spectra};
    const real_out out = {y};
    dft(plan->be, down, planes, in, part, between);
    dft(plan->be, along, planes, rows_in, part, out);
}

static wiener_in wiener_in_of(const dp_cuda_plan *plan, void *const *args) {
    const dp_cuda_wiener_plan *own = (const dp_cuda_wiener_plan *)plan->own;
    const dp_op *op = &plan->op;
    const wiener_in in = {(const float *)args[0],
                          (const float *)args[1],
                          (const float *)args[2],
                          op->x.c,
                          op->x.h,
                          op->x.w,
                          op->wiener.kh,
                          op->wiener.kw,
                          own->rows.n,
                          own->columns.n};
    return in;
}

/* args: x, psf -> y */
static void wiener(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_cuda_wiener_plan *own = (const dp_cuda_wiener_plan *)plan->own;
    const dp_op *op = &plan->op;
    const size_t n = dp_cuda_wiener_half(own);
    float2 *part = (float2 *)ws, *spectra = wiener_forward(plan, wiener_in_of(plan, args), part);
    DP_LAUNCH(plan->be, wiener_divide, dim3(dp_blocks(n, BLOCK), (unsigned)op->x.c), BLOCK, 0, n, op->x.c,
              op->wiener.constant, (float)dp_cuda_wiener_whole(own), spectra);
    wiener_backward(plan, spectra, part, op->x.c, op->y.h, op->y.w, (float *)args[2]);
}

/* args: x, psf, dy -> dpsf */
static void wiener_bwd(const dp_cuda_plan *plan, void *const *args, void *ws) {
    const dp_cuda_wiener_plan *own = (const dp_cuda_wiener_plan *)plan->own;
    const dp_op *op = &plan->op;
    const size_t n = dp_cuda_wiener_half(own);
    float2 *part = (float2 *)ws, *spectra = wiener_forward(plan, wiener_in_of(plan, args), part);
    DP_LAUNCH(plan->be, wiener_slope, dp_blocks(n, BLOCK), BLOCK, 0, n, op->x.c, op->wiener.constant,
              (float)dp_cuda_wiener_whole(own), spectra);
    wiener_backward(plan, spectra, part, 1, op->wiener.kh, op->wiener.kw, (float *)args[3]);
}

const dp_cuda_kernel dp_cuda_wiener = {wiener, NULL, dp_cuda_wiener_prepare, dp_cuda_wiener_drop};
const dp_cuda_kernel dp_cuda_wiener_bwd = {wiener_bwd, NULL, dp_cuda_wiener_prepare, dp_cuda_wiener_drop};
