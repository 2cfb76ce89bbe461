/* Small pictures for a page. SPDX-License-Identifier: Apache-2.0 */
#include "study/plate.h"

#include "io/image_file.h"

#include <math.h>
#include <stdlib.h>

static int least(int a, int b) {
    return a < b ? a : b;
}

static dipper_status make(int width, int height, int channels, plate *out, io_error *error) {
    size_t count = (size_t)width * (size_t)height * (size_t)channels;
    *out = (plate){calloc(count, sizeof *out->data), width, height, channels};
    return out->data ? DIPPER_OK : io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the pictures of the page");
}

void plate_free(plate *p) {
    free(p->data);
    *p = (plate){0};
}

static float *row_of(const plate *p, int channel, int y) {
    return p->data + ((size_t)channel * (size_t)p->height + (size_t)y) * (size_t)p->width;
}

dipper_status plate_read(const char *path, plate *out, io_error *error) {
    io_picture *picture;
    *out = (plate){0};
    IO_TRY(picture_read(path, &picture, error));
    *out = (plate){picture->data, picture->width, picture->height, picture->channels};
    picture->data = NULL; /* ours now */
    picture_destroy(&picture);
    return DIPPER_OK;
}

/* Mean of the square of `factor` px at (x, y) of the small picture; squares at the end are cut by the border. */
static float square_mean(const plate *from, int factor, int channel, int x, int y) {
    int right = least((x + 1) * factor, from->width), bottom = least((y + 1) * factor, from->height), count = 0;
    float sum = 0;
    for (int v = y * factor; v < bottom; v++)
        for (int u = x * factor; u < right; u++, count++) sum += row_of(from, channel, v)[u];
    return sum / (float)count;
}

dipper_status plate_shrink(const plate *from, int most, plate *out, io_error *error) {
    int longest = from->width > from->height ? from->width : from->height, factor = (longest + most - 1) / most;
    IO_TRY(make((from->width + factor - 1) / factor, (from->height + factor - 1) / factor, from->channels, out, error));
    for (int c = 0; c < out->channels; c++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) row_of(out, c, y)[x] = square_mean(from, factor, c, x, y);
    return DIPPER_OK;
}

static int within(int value, int low, int high) {
    return value > high ? high : value < low ? low : value;
}

dipper_status plate_cut(const plate *from, int x, int y, int side, int zoom, plate *out, io_error *error) {
    int width = least(side, from->width), height = least(side, from->height);
    x = within(x, 0, from->width - width);
    y = within(y, 0, from->height - height);
    IO_TRY(make(width * zoom, height * zoom, from->channels, out, error));
    for (int c = 0; c < out->channels; c++)
        for (int v = 0; v < out->height; v++)
            for (int u = 0; u < out->width; u++) row_of(out, c, v)[u] = row_of(from, c, y + v / zoom)[x + u / zoom];
    return DIPPER_OK;
}

dipper_status plate_psf(const float *psf, int width, int height, int canvas, int zoom, plate *out, io_error *error) {
    float largest = 0;
    int left = (canvas - width) / 2, top = (canvas - height) / 2;
    for (int i = 0; i < width * height; i++) largest = fmaxf(largest, psf[i]);
    IO_TRY(make(canvas * zoom, canvas * zoom, 1, out, error));
    for (int v = 0; v < out->height; v++)
        for (int u = 0; u < out->width; u++) {
            int x = u / zoom - left, y = v / zoom - top;
            if (x < 0 || y < 0 || x >= width || y >= height) continue;
            row_of(out, 0, v)[u] = largest > 0 ? psf[y * width + x] / largest : 0;
        }
    return DIPPER_OK;
}

static double gradient_at(const plate *p, int x, int y) {
    double sum = 0;
    for (int c = 0; c < p->channels; c++) {
        const float *row = row_of(p, c, y), *below = row_of(p, c, least(y + 1, p->height - 1));
        int right = least(x + 1, p->width - 1);
        sum += fabs((double)(row[right] - row[x])) + fabs((double)(below[x] - row[x]));
    }
    return sum;
}

/* sums[height+1][width+1]: of the gradients above and to the left. */
static void add_up(const plate *p, double *sums) {
    size_t stride = (size_t)p->width + 1;
    for (int y = 0; y < p->height; y++) {
        double row = 0;
        for (int x = 0; x < p->width; x++) {
            row += gradient_at(p, x, y);
            sums[(size_t)(y + 1) * stride + (size_t)x + 1] = sums[(size_t)y * stride + (size_t)x + 1] + row;
        }
    }
}

static double square_sum(const double *sums, size_t stride, int x, int y, int width, int height) {
    const double *above = sums + (size_t)y * stride, *below = sums + (size_t)(y + height) * stride;
    return below[x + width] - below[x] - above[x + width] + above[x];
}

dipper_status plate_find_detail(const plate *p, int crop, int side, int *x, int *y, io_error *error) {
    int width = least(side, p->width), height = least(side, p->height);
    int edge = within(crop, 0, least(p->width - width, p->height - height) / 2);
    size_t stride = (size_t)p->width + 1;
    double *sums = calloc(stride * ((size_t)p->height + 1), sizeof *sums), best = -1;
    if (!sums) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for the pictures of the page");
    add_up(p, sums);
    for (int v = edge; v + height <= p->height - edge; v++)
        for (int u = edge; u + width <= p->width - edge; u++) {
            double sum = square_sum(sums, stride, u, v, width, height);
            if (sum <= best) continue;
            best = sum;
            *x = u;
            *y = v;
        }
    free(sums);
    return DIPPER_OK;
}

dipper_status plate_put(page *to, const plate *p, const char *description, io_error *error) {
    unsigned char *bytes = NULL;
    size_t count = 0;
    IO_TRY(picture_encode_png(p->data, p->width, p->height, p->channels, &bytes, &count, error));
    page_add(to, "<img width=\"%d\" height=\"%d\" alt=\"%s\" src=\"data:image/png;base64,", p->width, p->height,
             description);
    page_base64(to, bytes, count);
    page_add(to, "\">");
    free(bytes);
    return DIPPER_OK;
}
