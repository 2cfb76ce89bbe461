/* Plays cuDNN (src/backend/cuda/dnn.h): the three convolutions by plain loops, sums in double. */
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

#include "cuda_bf16.h"

#include "backend/cuda/dnn.h"
#include "base/diag.h"

static const size_t room_bytes = 1000; /* asked for and spoilt, so that a caller without it shows */

dipper_status dp_cuda_dnn_open(dp_cuda *be, dp_diag *) {
    be->dnn = be; /* something */
    return DIPPER_OK;
}

void dp_cuda_dnn_close(dp_cuda *be) {
    be->dnn = nullptr;
}

void dp_cuda_dnn_version(char text[32]) {
    snprintf(text, 32, "plain loops for cuDNN");
}

bool dp_cuda_dnn_shares(const dp_cuda *) {
    return true;
}

dipper_status dp_cuda_dnn_begin(dp_cuda *, const dp_cuda_conv *conv, dp_diag *diag, void **plan) {
    *plan = new (std::nothrow) dp_cuda_conv(*conv);
    return *plan != nullptr ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a convolution");
}

dipper_status dp_cuda_dnn_finish(dp_cuda *, void *, dp_diag *, size_t *workspace) {
    *workspace = room_bytes;
    return DIPPER_OK;
}

void dp_cuda_dnn_drop(void *plan) {
    delete (dp_cuda_conv *)plan;
}

/* ---- Elements ---- */

typedef std::vector<double> numbers;

static numbers get(const void *from, size_t n, bool half) {
    numbers out(n);
    for (size_t i = 0; i < n; i++) out[i] = half ? (float)((const __nv_bfloat16 *)from)[i] : ((const float *)from)[i];
    return out;
}

static void put(const numbers &from, void *to, bool half) {
    for (size_t i = 0; i < from.size(); i++)
        if (half)
            ((__nv_bfloat16 *)to)[i] = __nv_bfloat16((float)from[i]);
        else
            ((float *)to)[i] = (float)from[i];
}

/* ---- The sums: all three visit the same products x * w * y, and add up those of one output element ---- */

static void visit(const dp_cuda_conv *s, double *x, double *w, double *y) {
    const size_t c = (size_t)s->c, o = (size_t)s->o;
    for (int i = 0; i < s->oh; i++)
        for (int j = 0; j < s->ow; j++)
            for (int a = 0; a < s->k; a++)
                for (int b = 0; b < s->k; b++) {
                    const int at_y = i * s->stride + a - s->pad, at_x = j * s->stride + b - s->pad;
                    if (at_y < 0 || at_y >= s->h || at_x < 0 || at_x >= s->w) continue;
                    double *px = x + ((size_t)at_y * (size_t)s->w + (size_t)at_x) * c;
                    double *py = y + ((size_t)i * (size_t)s->ow + (size_t)j) * o;
                    for (size_t m = 0; m < o; m++) {
                        double *pw = w + ((m * (size_t)s->k + (size_t)a) * (size_t)s->k + (size_t)b) * c;
                        if (s->kind == DP_CONV_FWD)
                            for (size_t n = 0; n < c; n++) py[m] += pw[n] * px[n];
                        else if (s->kind == DP_CONV_BWD_DATA)
                            for (size_t n = 0; n < c; n++) px[n] += pw[n] * py[m];
                        else
                            for (size_t n = 0; n < c; n++) pw[n] += py[m] * px[n];
                    }
                }
}

static void convolve(const dp_cuda_conv *s, const void *x, const void *w, const void *y, void *ws) {
    const bool half = s->precision == DP_CUDA_BF16;
    const size_t nx = (size_t)s->h * (size_t)s->w * (size_t)s->c, ny = (size_t)s->oh * (size_t)s->ow * (size_t)s->o,
                 nw = (size_t)s->o * (size_t)s->k * (size_t)s->k * (size_t)s->c;
    memset(ws, 0xff, room_bytes);
    numbers xs = s->kind == DP_CONV_BWD_DATA ? numbers(nx) : get(x, nx, half);
    numbers weights = s->kind == DP_CONV_BWD_WEIGHTS ? numbers(nw) : get(w, nw, half);
    numbers ys = s->kind == DP_CONV_FWD ? numbers(ny) : get(y, ny, half);
    visit(s, xs.data(), weights.data(), ys.data());
    if (s->kind == DP_CONV_FWD) put(ys, (void *)y, half);
    if (s->kind == DP_CONV_BWD_DATA) put(xs, (void *)x, half);
    if (s->kind == DP_CONV_BWD_WEIGHTS) put(weights, (void *)w, half);
}

void dp_cuda_dnn_run(dp_cuda *be, void *plan, const void *x, const void *w, const void *y, void *ws) {
    const dp_cuda_conv s = *(const dp_cuda_conv *)plan; /* kept: the plan may be dropped before it runs */
    emulate_enqueue(be->stream, [=] { convolve(&s, x, w, y, ws); });
}
