/* Memory of the GPU, and the border between planar arrays on the host and the layouts there. */
#include <string.h>

#include "backend/cuda/vtable.h"
#include "base/memory.h"

/* ---- Memory ---- */

void *dp_cuda_alloc(dp_backend *base, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    void *p = NULL;
    if (cudaSetDevice(be->device) != cudaSuccess || cudaMalloc(&p, bytes > 0 ? bytes : 1) != cudaSuccess) {
        (void)cudaGetLastError(); /* out of memory is told by NULL, and is no failure of the device */
        return NULL;
    }
    dp_cuda_note(be, cudaMemsetAsync(p, 0, bytes, be->stream));
    return p;
}

/* ---- Weights as bfloat16 ---- */

/* Without memory for it convolutions round their weights each time. */
void dp_cuda_keep_weights(dp_backend *base, void *p, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    if (be->precision != DP_CUDA_BF16) return;
    dp_cuda_weights *w = dp_alloc(1, sizeof *w);
    if (w == NULL) return;
    *w = (dp_cuda_weights){.at = p, .bytes = bytes, .rounded = dp_cuda_alloc(base, bytes / 2), .next = be->weights};
    be->weights = w;
}

void *dp_cuda_rounded(const dp_cuda *be, const void *p) {
    for (const dp_cuda_weights *w = be->weights; w != NULL; w = w->next) {
        const char *at = p;
        if (w->rounded != NULL && at >= w->at && at < w->at + w->bytes) return (char *)w->rounded + (at - w->at) / 2;
    }
    return NULL;
}

static void forget_weights(dp_cuda *be, const void *p) {
    for (dp_cuda_weights **at = &be->weights; *at != NULL; at = &(*at)->next)
        if ((*at)->at == p) {
            dp_cuda_weights *gone = *at;
            *at = gone->next;
            (void)cudaFree(gone->rounded);
            dp_free(gone);
            return;
        }
}

void dp_cuda_release(dp_backend *base, void *p) {
    (void)cudaStreamSynchronize(((dp_cuda *)base)->stream);
    forget_weights((dp_cuda *)base, p);
    (void)cudaFree(p);
}

void dp_cuda_clear(dp_backend *base, void *p, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_note(be, cudaMemsetAsync(p, 0, bytes, be->stream));
}

void dp_cuda_copy(dp_backend *base, void *to, const void *from, size_t bytes) {
    dp_cuda *be = (dp_cuda *)base;
    dp_cuda_note(be, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, be->stream));
}

/* Pinned host memory of at least so many bytes; NULL: none, and the error is kept. */
static void *staging(dp_cuda *be, size_t bytes) {
    if (bytes <= be->staging_bytes) return be->staging;
    if (be->staging != NULL) (void)cudaFreeHost(be->staging);
    be->staging = NULL;
    be->staging_bytes = 0;
    const cudaError_t error = cudaMallocHost(&be->staging, bytes);
    dp_cuda_note(be, error);
    if (error != cudaSuccess) return NULL;
    be->staging_bytes = bytes;
    return be->staging;
}

static int mirror(int i, int n, bool gradient) { /* -1: a zero */
    if (i >= 0 && i < n) return i;
    if (gradient) return -1;
    return n < 2 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
}

static uint16_t to_bf16(float x) { /* to nearest, ties to even */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float from_bf16(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Planar -> NHWC with a border. */
static void pack(const dp_cuda *be, dp_shape s, void *to, const float *from) {
    const size_t plane = (size_t)s.h * (size_t)s.w, c = (size_t)s.c;
    size_t at = 0;
    for (int i = -1; i <= s.h; i++)
        for (int j = -1; j <= s.w; j++) {
            const int y = mirror(i, s.h, s.layout == DP_GRADIENT), x = mirror(j, s.w, s.layout == DP_GRADIENT);
            for (size_t k = 0; k < c; k++, at++) {
                const float value = y < 0 || x < 0 ? 0 : from[k * plane + (size_t)y * (size_t)s.w + (size_t)x];
                if (be->precision == DP_CUDA_BF16)
                    ((uint16_t *)to)[at] = to_bf16(value);
                else
                    ((float *)to)[at] = value;
            }
        }
}

static void unpack(const dp_cuda *be, dp_shape s, float *to, const void *from) {
    const size_t c = (size_t)s.c, row = ((size_t)s.w + 2) * c;
    for (size_t k = 0; k < c; k++)
        for (size_t y = 0; y < (size_t)s.h; y++)
            for (size_t x = 0; x < (size_t)s.w; x++) {
                const size_t at = (y + 1) * row + (x + 1) * c + k;
                *to++ =
                    be->precision == DP_CUDA_BF16 ? from_bf16(((const uint16_t *)from)[at]) : ((const float *)from)[at];
            }
}

/* [out][in][taps] <-> [out][taps][in] */
static void turn(dp_shape s, float *to, const float *from, bool up) {
    const size_t in = (size_t)s.h, taps = (size_t)s.w;
    for (size_t o = 0; o < (size_t)s.c; o++, to += in * taps, from += in * taps)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++) {
                if (up)
                    to[t * in + i] = from[i * taps + t];
                else
                    to[i * taps + t] = from[t * in + i];
            }
}

void dp_cuda_upload(dp_backend *base, dp_shape s, void *dst, const float *src) {
    dp_cuda *be = (dp_cuda *)base;
    const size_t bytes = dp_backend_bytes(base, s);
    void *host = staging(be, bytes);
    if (host == NULL) return;
    if (dp_is_feature(s))
        pack(be, s, host, src);
    else if (s.layout == DP_WEIGHTS)
        turn(s, host, src, true);
    else
        memcpy(host, src, bytes);
    dp_cuda_note(be, cudaMemcpyAsync(dst, host, bytes, cudaMemcpyHostToDevice, be->stream));
    void *rounded = dp_cuda_rounded(be, dst);
    if (rounded != NULL) dp_cuda_to_bf16(be, bytes / sizeof(float), dst, rounded);
    dp_cuda_note(be, cudaStreamSynchronize(be->stream));
}

/* NaN where the device has failed: whoever asks for numbers must not take old ones for new. */
void dp_cuda_download(dp_backend *base, dp_shape s, float *dst, const void *src) {
    dp_cuda *be = (dp_cuda *)base;
    const size_t bytes = dp_backend_bytes(base, s), count = dp_count(s);
    void *host = staging(be, bytes);
    if (host != NULL) {
        dp_cuda_note(be, cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, be->stream));
        dp_cuda_note(be, cudaStreamSynchronize(be->stream));
    }
    if (host == NULL || be->error != cudaSuccess)
        for (size_t i = 0; i < count; i++) dst[i] = 0.0f / 0.0f;
    else if (dp_is_feature(s))
        unpack(be, s, dst, host);
    else if (s.layout == DP_WEIGHTS)
        turn(s, dst, host, false);
    else
        memcpy(dst, host, bytes);
}
