#include "image/image.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

dipper_status dp_image_create(int width, int height, int channels, dp_diag *diag, dp_image *out) {
    *out = (dp_image){0};
    if (width < 1 || height < 1 || channels < 1)
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "picture of %d x %d px with %d channels", width, height, channels);
    size_t count;
    float *data = NULL;
    if (dp_mul_size((size_t)width, (size_t)height, &count) && dp_mul_size(count, (size_t)channels, &count))
        data = dp_alloc(count, sizeof(float));
    if (data == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for a picture of %d x %d px with %d channels", width,
                       height, channels);
    *out = (dp_image){width, height, channels, data};
    return DIPPER_OK;
}

void dp_image_free(dp_image *image) {
    if (image == NULL) return;
    dp_free(image->data);
    *image = (dp_image){0};
}

dipper_status dp_image_copy(const dp_image *image, dp_diag *diag, dp_image *out) {
    DP_TRY(dp_image_create(image->width, image->height, image->channels, diag, out));
    memcpy(out->data, image->data, dp_image_plane_count(image) * (size_t)image->channels * sizeof(float));
    return DIPPER_OK;
}

static float *view_at(const dipper_image *view, int c, int y) {
    return view->data + c * view->channel_stride + y * view->row_stride;
}

static dipper_status check_view(const dipper_image *view, dp_diag *diag) {
    if (view == NULL || view->data == NULL) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "the picture has no data");
    if (view->width < 1 || view->height < 1)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a picture of %d x %d px has no pixels", view->width, view->height);
    if (view->channels != 1 && view->channels != 3)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a picture of %d channels; 1 (grey) or 3 (RGB) are possible",
                       view->channels);
    return DIPPER_OK;
}

dipper_status dp_image_from_view(const dipper_image *view, dp_diag *diag, dp_image *out) {
    *out = (dp_image){0};
    DP_TRY(check_view(view, diag));
    DP_TRY(dp_image_create(view->width, view->height, view->channels, diag, out));
    for (int c = 0; c < view->channels; c++)
        for (int y = 0; y < view->height; y++) {
            const float *src = view_at(view, c, y);
            float *dst = dp_image_row(out, c, y);
            for (int x = 0; x < view->width; x++) dst[x] = src[x * view->pixel_stride];
        }
    return DIPPER_OK;
}

dipper_status dp_image_check_shape(const dp_image *image, dp_diag *diag, const dipper_image *view) {
    DP_TRY(check_view(view, diag));
    if (view->width == image->width && view->height == image->height && view->channels == image->channels)
        return DIPPER_OK;
    return dp_fail(diag, DIPPER_ERROR_ARGUMENT,
                   "the output picture is %d x %d px with %d channels, but must be %d x %d with %d", view->width,
                   view->height, view->channels, image->width, image->height, image->channels);
}

dipper_status dp_image_to_view(const dp_image *image, dp_diag *diag, dipper_image *view) {
    DP_TRY(dp_image_check_shape(image, diag, view));
    for (int c = 0; c < view->channels; c++)
        for (int y = 0; y < view->height; y++) {
            const float *src = dp_image_row(image, c, y);
            float *dst = view_at(view, c, y);
            for (int x = 0; x < view->width; x++) dst[x * view->pixel_stride] = src[x];
        }
    return DIPPER_OK;
}

dipper_status dp_image_crop(const dp_image *image, int x, int y, int width, int height, dp_diag *diag, dp_image *out) {
    *out = (dp_image){0};
    if (x < 0 || y < 0 || width < 1 || height < 1 || width > image->width - x || height > image->height - y)
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "crop %dx%d+%d+%d leaves the picture of %d x %d px", width, height,
                       x, y, image->width, image->height);
    DP_TRY(dp_image_create(width, height, image->channels, diag, out));
    for (int c = 0; c < image->channels; c++)
        for (int row = 0; row < height; row++)
            memcpy(dp_image_row(out, c, row), dp_image_row(image, c, y + row) + x, (size_t)width * sizeof(float));
    return DIPPER_OK;
}

/* The index inside [0, n) that stands for i. Reflection has period 2n-2. */
static int border_index(int i, int n, dp_border border) {
    if (border == DP_BORDER_REPLICATE || n == 1) return i < 0 ? 0 : i >= n ? n - 1 : i;
    const int period = border == DP_BORDER_WRAP ? n : 2 * n - 2;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

void dp_plane_pad(const float *src, int height, int width, int left, int top, int right, int bottom, dp_border border,
                  float *dst) {
    const int out_width = left + width + right;
    for (int y = -top; y < height + bottom; y++) {
        const float *row = src + (size_t)border_index(y, height, border) * (size_t)width;
        float *to = dst + (size_t)(y + top) * (size_t)out_width;
        for (int x = 0; x < left; x++) to[x] = row[border_index(x - left, width, border)];
        memcpy(to + left, row, (size_t)width * sizeof(float));
        for (int x = 0; x < right; x++) to[left + width + x] = row[border_index(width + x, width, border)];
    }
}

dipper_status dp_image_pad(const dp_image *image, int left, int top, int right, int bottom, dp_border border,
                           dp_diag *diag, dp_image *out) {
    *out = (dp_image){0};
    if (left < 0 || top < 0 || right < 0 || bottom < 0)
        return dp_fail(diag, DIPPER_ERROR_INTERNAL, "padding by a negative number of pixels");
    DP_TRY(dp_image_create(image->width + left + right, image->height + top + bottom, image->channels, diag, out));
    for (int c = 0; c < image->channels; c++)
        dp_plane_pad(dp_image_plane(image, c), image->height, image->width, left, top, right, bottom, border,
                     dp_image_plane(out, c));
    return DIPPER_OK;
}

void dp_plane_shift(const float *src, int height, int width, int dy, int dx, float *dst) {
    for (int y = 0; y < height; y++) {
        const float *row = src + (size_t)border_index(y - dy, height, DP_BORDER_REPLICATE) * (size_t)width;
        float *to = dst + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) to[x] = row[border_index(x - dx, width, DP_BORDER_REPLICATE)];
    }
}

bool dp_image_find_nonfinite(const dp_image *image, int *c, int *y, int *x) {
    const size_t plane = dp_image_plane_count(image), count = plane * (size_t)image->channels;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(image->data[i])) {
            if (c != NULL) *c = (int)(i / plane);
            if (y != NULL) *y = (int)(i % plane / (size_t)image->width);
            if (x != NULL) *x = (int)(i % (size_t)image->width);
            return true;
        }
    return false;
}

bool dp_image_is_constant(const dp_image *image) {
    for (int c = 0; c < image->channels; c++) {
        const float *plane = dp_image_plane(image, c);
        for (size_t i = 1; i < dp_image_plane_count(image); i++)
            if (plane[i] != plane[0]) return false;
    }
    return true;
}
