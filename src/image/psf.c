#include "image/psf.h"

#include <math.h>
#include <string.h>

#include "image/resize.h"

bool dp_psf_normalise(float *psf, int kh, int kw) {
    double sum = 0;
    for (int i = 0; i < kh * kw; i++) {
        if (!isfinite(psf[i])) return false;
        sum += psf[i];
    }
    if (!(sum > 0)) return false;
    for (int i = 0; i < kh * kw; i++) psf[i] = (float)(psf[i] / sum);
    return true;
}

void dp_psf_centroid(const float *psf, int kh, int kw, double *dy, double *dx) {
    double sum = 0, y = 0, x = 0;
    for (int i = 0; i < kh; i++)
        for (int j = 0; j < kw; j++) {
            const double v = fmax(psf[i * kw + j], 0);
            sum += v;
            y += v * (i - kh / 2);
            x += v * (j - kw / 2);
        }
    *dy = sum > 0 ? y / sum : 0;
    *dx = sum > 0 ? x / sum : 0;
}

void dp_psf_shift(const float *src, int kh, int kw, int dy, int dx, dp_psf_edge edge, float *dst) {
    for (int i = 0; i < kh; i++)
        for (int j = 0; j < kw; j++) {
            int y = i - dy, x = j - dx;
            if (edge == DP_PSF_ROLL) {
                y = (y % kh + kh) % kh;
                x = (x % kw + kw) % kw;
            }
            dst[i * kw + j] = y >= 0 && y < kh && x >= 0 && x < kw ? src[y * kw + x] : 0;
        }
}

void dp_psf_place(const float *src, int side, float *dst, int dst_side) {
    const int both = side < dst_side ? side : dst_side;
    memset(dst, 0, (size_t)dst_side * (size_t)dst_side * sizeof *dst);
    for (int y = 0; y < both; y++)
        memcpy(dst + (y + (dst_side - both) / 2) * dst_side + (dst_side - both) / 2,
               src + (y + (side - both) / 2) * side + (side - both) / 2, (size_t)both * sizeof *src);
}

void dp_psf_centre(float *psf, int kh, int kw, dp_psf_edge edge, float *scratch, int *shift_y, int *shift_x) {
    double dy, dx;
    dp_psf_centroid(psf, kh, kw, &dy, &dx);
    *shift_y = -(int)floor(dy + 0.5);
    *shift_x = -(int)floor(dx + 0.5);
    if (*shift_y == 0 && *shift_x == 0) return;
    memcpy(scratch, psf, (size_t)kh * (size_t)kw * sizeof(float));
    dp_psf_shift(scratch, kh, kw, *shift_y, *shift_x, edge, psf);
}

/* Root of i's island, with path halving. parent[i] < 0: not part of any. */
static int island_root(int *parent, int i) {
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static void island_join(int *parent, int a, int b) {
    if (parent[b] < 0) return;
    a = island_root(parent, a);
    b = island_root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* parent[i] = root of the 8-connected island of positive values that holds i, or -1. */
static void find_islands(const float *psf, int kh, int kw, int *parent) {
    for (int i = 0; i < kh * kw; i++) parent[i] = psf[i] > 0 ? i : -1;
    for (int y = 0; y < kh; y++)
        for (int x = 0; x < kw; x++) {
            const int i = y * kw + x;
            if (parent[i] < 0) continue;
            if (x > 0) island_join(parent, i, i - 1);
            if (y > 0 && x > 0) island_join(parent, i, i - kw - 1);
            if (y > 0) island_join(parent, i, i - kw);
            if (y > 0 && x + 1 < kw) island_join(parent, i, i - kw + 1);
        }
    for (int i = 0; i < kh * kw; i++)
        if (parent[i] >= 0) parent[i] = island_root(parent, i);
}

static double island_mass(const float *psf, int n, const int *parent, int root) {
    double mass = 0;
    for (int i = root; i < n; i++)
        if (parent[i] == root) mass += psf[i];
    return mass;
}

static double positive_mass(const float *psf, int n) {
    double mass = 0;
    for (int i = 0; i < n; i++) mass += fmax(psf[i], 0);
    return mass;
}

static void cut_islands(float *psf, int kh, int kw, double least, int *parent) {
    const int n = kh * kw;
    double heaviest = -1;
    int keep = -1;
    find_islands(psf, kh, kw, parent);
    for (int root = 0; root < n; root++) {
        if (parent[root] != root) continue;
        const double mass = island_mass(psf, n, parent, root);
        if (mass > heaviest) {
            heaviest = mass;
            keep = root;
        }
    }
    for (int root = 0; root < n; root++) {
        if (parent[root] != root || root == keep || island_mass(psf, n, parent, root) >= least) continue;
        for (int i = root; i < n; i++)
            if (parent[i] == root) psf[i] = 0;
    }
}

double dp_psf_cut(float *psf, int kh, int kw, double fraction, double island, int *scratch) {
    const int n = kh * kw;
    const double before = positive_mass(psf, n);
    float most = 0;
    for (int i = 0; i < n; i++) most = fmaxf(most, psf[i]);
    if (!(most > 0)) return 0;
    for (int i = 0; i < n; i++)
        if (!(psf[i] >= (float)(fraction * most)) || psf[i] < 0) psf[i] = 0;
    cut_islands(psf, kh, kw, island * positive_mass(psf, n), scratch);
    const double cut = 1 - positive_mass(psf, n) / before;
    dp_psf_normalise(psf, kh, kw);
    return cut > 0 ? cut : 0;
}

static bool is_beside(const float *bodies, int kh, int kw, int y, int x) {
    for (int i = y > 0 ? y - 1 : 0; i <= y + 1 && i < kh; i++)
        for (int j = x > 0 ? x - 1 : 0; j <= x + 1 && j < kw; j++)
            if (bodies[i * kw + j] > 0) return true;
    return false;
}

void dp_psf_keep_bodies(const float *psf, int kh, int kw, double fraction, double island, int *scratch, float *out) {
    memcpy(out, psf, (size_t)kh * (size_t)kw * sizeof *out);
    (void)dp_psf_cut(out, kh, kw, fraction, island, scratch);
    for (int i = 0; i < kh * kw; i++) scratch[i] = is_beside(out, kh, kw, i / kw, i % kw);
    for (int i = 0; i < kh * kw; i++) out[i] = scratch[i] ? fmaxf(psf[i], 0) : 0;
    (void)dp_psf_normalise(out, kh, kw);
}

dipper_status dp_psf_resample(const float *src, int kh, int kw, double scale, dp_diag *diag, float *dst, int kho,
                              int kwo) {
    DP_TRY(dp_plane_resize(src, kh, kw, scale, DP_FILTER_TRIANGLE, DP_OUTSIDE_ZERO, diag, dst, kho, kwo));
    for (int i = 0; i < kho * kwo; i++) dst[i] = fmaxf(dst[i], 0);
    if (!dp_psf_normalise(dst, kho, kwo))
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "nothing is left of a PSF of %d x %d px resampled to %d x %d", kw,
                       kh, kwo, kho);
    return DIPPER_OK;
}

int dp_psf_scaled_size(int size, double scale) {
    const int n = (int)ceil(size * scale - 1e-9);
    return n < 3 ? 3 : n | 1;
}

void dp_psf_rotate180(float *psf, int kh, int kw) {
    for (int i = 0, j = kh * kw - 1; i < j; i++, j--) {
        const float t = psf[i];
        psf[i] = psf[j];
        psf[j] = t;
    }
}
