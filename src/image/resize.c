#include "image/resize.h"

#include <math.h>

#include "base/memory.h"

typedef struct taps { /* of one direction: dst i = sum of weight[i*most + k] * src[first[i] + k], k < count[i] */
    int *first, *count;
    float *weight;
    int most;
} taps;

static double sinc(double x) {
    const double pi_x = 3.14159265358979323846 * x;
    return fabs(x) < 1e-9 ? 1 : sin(pi_x) / pi_x;
}

double dp_lanczos(double x, int lobes) {
    return fabs(x) < lobes ? sinc(x) * sinc(x / lobes) : 0;
}

static double filter_radius(dp_filter filter) {
    return filter == DP_FILTER_BOX ? 0.5 : filter == DP_FILTER_TRIANGLE ? 1 : 3;
}

/* Share of the source pixel [at-0.5, at+0.5] under the filter stretched to `width` source pixels and centred on 0. */
static double filter_weight(dp_filter filter, double at, double width) {
    if (filter == DP_FILTER_BOX) { /* overlap of two intervals: exact area means for any factor */
        const double low = fmax(at - 0.5, -0.5 * width), high = fmin(at + 0.5, 0.5 * width);
        return fmax(high - low, 0);
    }
    const double u = at / width;
    if (filter == DP_FILTER_TRIANGLE) return fmax(1 - fabs(u), 0);
    return dp_lanczos(u, 3);
}

static void taps_free(taps *t) {
    dp_free(t->first);
    dp_free(t->count);
    dp_free(t->weight);
}

/* Weights of one dst element; they sum to 1 (pictures), or to what of the filter lies inside (PSFs). */
static void taps_fill(taps *t, int i, double centre, double width, int n, dp_filter filter, dp_outside outside) {
    const double radius = filter_radius(filter) * width + (filter == DP_FILTER_BOX ? 0.5 : 0);
    const int low = (int)floor(centre - radius), high = (int)ceil(centre + radius);
    float *weight = t->weight + (size_t)i * (size_t)t->most;
    double inside = 0, all = 0;
    t->first[i] = low < 0 ? 0 : low >= n ? n - 1 : low;
    for (int j = low; j <= high; j++) {
        const double w = filter_weight(filter, j - centre, width);
        all += w;
        if (j < t->first[i] || j >= n) continue;
        inside += w;
        weight[t->count[i]++] = (float)w;
    }
    const double sum = outside == DP_OUTSIDE_ZERO ? all : inside;
    if (outside == DP_OUTSIDE_NEAREST && inside <= 0.25 * all) { /* centred well outside: the nearest pixel */
        const int nearest = (int)floor(centre + 0.5);
        t->first[i] = nearest < 0 ? 0 : nearest >= n ? n - 1 : nearest;
        t->count[i] = 1;
        weight[0] = 1;
        return;
    }
    for (int k = 0; k < t->count[i]; k++) weight[k] = sum != 0 ? (float)(weight[k] / sum) : 0;
}

static bool taps_create(taps *t, int n, int no, double scale, dp_filter filter, dp_outside outside) {
    const double width = scale < 1 ? 1 / scale : 1;
    *t = (taps){0};
    t->most = (int)fmin(2 * ceil(filter_radius(filter) * width + 1) + 2, n + 1.0);
    t->first = dp_alloc((size_t)no, sizeof(int));
    t->count = dp_alloc((size_t)no, sizeof(int));
    t->weight = dp_alloc((size_t)no * (size_t)t->most, sizeof(float));
    if (t->first == NULL || t->count == NULL || t->weight == NULL) return false;
    for (int i = 0; i < no; i++)
        taps_fill(t, i, (i + 0.5 - 0.5 * no) / scale + 0.5 * n - 0.5, width, n, filter, outside);
    return true;
}

/* src (h, w) -> dst (h, wo) */
static void resize_columns(const taps *t, const float *src, int h, int w, float *dst, int wo) {
    for (int y = 0; y < h; y++, src += w, dst += wo)
        for (int x = 0; x < wo; x++) {
            const float *weight = t->weight + (size_t)x * (size_t)t->most;
            float sum = 0;
            for (int k = 0; k < t->count[x]; k++) sum += weight[k] * src[t->first[x] + k];
            dst[x] = sum;
        }
}

/* src (h, w) -> dst (ho, w) */
static void resize_rows(const taps *t, const float *src, int w, float *dst, int ho) {
    for (int y = 0; y < ho; y++, dst += w) {
        const float *weight = t->weight + (size_t)y * (size_t)t->most;
        for (int x = 0; x < w; x++) dst[x] = 0;
        for (int k = 0; k < t->count[y]; k++) {
            const float *row = src + (size_t)(t->first[y] + k) * (size_t)w;
            for (int x = 0; x < w; x++) dst[x] += weight[k] * row[x];
        }
    }
}

dipper_status dp_plane_resize(const float *src, int h, int w, double scale, dp_filter filter, dp_outside outside,
                              dp_diag *diag, float *dst, int ho, int wo) {
    dipper_status status = DIPPER_OK;
    taps rows = {0}, columns = {0};
    float *between = dp_alloc((size_t)h * (size_t)wo, sizeof(float)); /* (h, wo) */
    if (between == NULL || !taps_create(&rows, h, ho, scale > 0 ? scale : (double)ho / h, filter, outside) ||
        !taps_create(&columns, w, wo, scale > 0 ? scale : (double)wo / w, filter, outside)) {
        status = dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to resize a picture of %d x %d px", w, h);
        goto done;
    }
    resize_columns(&columns, src, h, w, between, wo);
    resize_rows(&rows, between, wo, dst, ho);
done:
    taps_free(&rows);
    taps_free(&columns);
    dp_free(between);
    return status;
}

dipper_status dp_image_resize(const dp_image *image, int width, int height, dp_filter filter, dp_diag *diag,
                              dp_image *out) {
    DP_TRY(dp_image_create(width, height, image->channels, diag, out));
    for (int c = 0; c < image->channels; c++) {
        const dipper_status status = dp_plane_resize(dp_image_plane(image, c), image->height, image->width, 0, filter,
                                                     DP_OUTSIDE_NEAREST, diag, dp_image_plane(out, c), height, width);
        if (status != DIPPER_OK) {
            dp_image_free(out);
            return status;
        }
    }
    return DIPPER_OK;
}

dipper_status dp_image_back_project(dp_image *image, const dp_image *small, int steps, dp_filter filter,
                                    dp_diag *diag) {
    const size_t n = dp_image_plane_count(image) * (size_t)image->channels;
    const size_t m = dp_image_plane_count(small) * (size_t)small->channels;
    dipper_status status = DIPPER_OK;
    for (int i = 0; i < steps && status == DIPPER_OK; i++) {
        dp_image lack = {0}, more = {0};
        status = dp_image_resize(image, small->width, small->height, filter, diag, &lack);
        for (size_t k = 0; status == DIPPER_OK && k < m; k++) lack.data[k] = small->data[k] - lack.data[k];
        if (status == DIPPER_OK) status = dp_image_resize(&lack, image->width, image->height, filter, diag, &more);
        for (size_t k = 0; status == DIPPER_OK && k < n; k++) image->data[k] += more.data[k];
        dp_image_free(&lack);
        dp_image_free(&more);
    }
    return status;
}
