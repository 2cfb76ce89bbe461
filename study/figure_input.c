/* Pictures for figures. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure.h"

#include "io/image_file.h"
#include "study/files.h"
#include "study/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dipper_image figure_view(const figure_picture *p) {
    return dipper_image_view(p->data, p->width, p->height, 1);
}

dipper_status figure_no_memory(const figure_job *job) {
    return io_fail(job->error, DIPPER_ERROR_MEMORY, "no memory for the pictures of a figure");
}

dipper_status figure_failed(const figure_job *job, dipper_context *context, dipper_status status) {
    const char *text = dipper_context_message(context);
    if (status) io_fail(job->error, status, "%s", text[0] ? text : dipper_status_text(status));
    dipper_context_clear(context);
    return status;
}

drawing_picture figure_show(const figure_picture *p, const char *name) {
    return (drawing_picture){p->data, p->width, p->height, name};
}

void figure_size(const figure_job *job, int *width, int *height) {
    *width = job->full ? 288 : 112;
    *height = job->full ? 256 : 96;
}

/* ---- Sharp pictures ---- */

static dipper_status alloc(const figure_job *job, int width, int height, figure_picture *out) {
    out->width = width;
    out->height = height;
    out->data = calloc((size_t)width * (size_t)height, sizeof *out->data);
    return out->data ? DIPPER_OK : figure_no_memory(job);
}

static dipper_status draw_scene(const figure_job *job, int seed, int width, int height, figure_picture *out) {
    scene_rng rng = {(uint64_t)seed};
    scene_canvas canvas;
    snprintf(out->name, sizeof out->name, "scene%d", seed);
    IO_TRY(alloc(job, width, height, out));
    if (!canvas_create(&canvas, width, height)) return figure_no_memory(job);
    draw_leaves(&canvas, &rng);
    draw_sign(&canvas, &rng);
    draw_lines(&canvas, &rng);
    canvas_resolve(&canvas, 1, out->data);
    canvas_destroy(&canvas);
    return DIPPER_OK;
}

static int is_picture(const char *name) {
    return path_has_extension(name, "png") || path_has_extension(name, "npy");
}

/* The picture number `index` of a folder; path "": there are fewer. *seen: how many were looked at. */
static dipper_status find_in(const figure_job *job, const char *folder, int index, int *seen, char *path) {
    study_names names;
    dipper_status status = study_names_read(folder, &names, job->error);
    *seen = 0;
    path[0] = '\0';
    for (int i = 0; i < names.count && !status && !path[0]; i++)
        if (is_picture(names.items[i]) && (*seen)++ == index)
            status = path_print(path, job->error, "%s/%s", folder, names.items[i]);
    study_names_free(&names);
    return status;
}

/* In the folder itself, or where data sets with blurred pictures have their sharp ones. */
static dipper_status find_file(const figure_job *job, int index, char *path) {
    static const char *const places[] = {"", "/gt", "/sharp"};
    char folder[IO_PATH_MAX];
    int seen = 0;
    for (int i = 0; i < 3 && !seen; i++) {
        IO_TRY(path_print(folder, job->error, "%s%s", job->data, places[i]));
        if (path_is_directory(folder)) IO_TRY(find_in(job, folder, index, &seen, path));
    }
    if (!seen)
        return io_fail(job->error, DIPPER_ERROR_INPUT,
                       "--data %s: holds no sharp pictures (.png, .npy), nor does a folder gt or sharp in it",
                       job->data);
    if (path[0]) return DIPPER_OK;
    return io_fail(job->error, DIPPER_ERROR_INPUT,
                   "--data %s: holds %d picture%s (.png, .npy), and %d are needed; --seeds %d takes no more", folder,
                   seen, seen == 1 ? "" : "s", job->seeds, seen);
}

/* BT.601, of the middle. */
static dipper_status take_middle(const figure_job *job, const io_picture *from, int width, int height,
                                 figure_picture *out) {
    static const float shares[3] = {0.299f, 0.587f, 0.114f};
    const size_t plane = (size_t)from->width * (size_t)from->height;
    width = from->width < width ? from->width : width;
    height = from->height < height ? from->height : height;
    IO_TRY(alloc(job, width, height, out));
    const int left = (from->width - width) / 2, top = (from->height - height) / 2;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const float *at = from->data + (size_t)(y + top) * (size_t)from->width + (size_t)(x + left);
            float sum = from->channels == 1 ? at[0] : 0;
            for (int c = 0; c < 3 && from->channels == 3; c++) sum += shares[c] * at[(size_t)c * plane];
            out->data[(size_t)y * (size_t)width + (size_t)x] = sum;
        }
    return DIPPER_OK;
}

dipper_status figure_sharp(const figure_job *job, int index, int width, int height, figure_picture *out) {
    char path[IO_PATH_MAX];
    io_picture *picture = NULL;
    *out = (figure_picture){0};
    if (!job->data) return draw_scene(job, index, width, height, out);
    IO_TRY(find_file(job, index, path));
    IO_TRY(picture_read(path, &picture, job->error));
    snprintf(out->name, sizeof out->name, "%.*s", path_stem_length(path_base(path)), path_base(path));
    const dipper_status status = take_middle(job, picture, width, height, out);
    picture_destroy(&picture);
    return status;
}

/* ---- Blurred ones ---- */

static dipper_status make_psf(const figure_job *job, const dipper_psf_options *options, figure_case *out) {
    dipper_context *c = job->context;
    IO_TRY(figure_failed(job, c, dipper_psf_make(c, options, &out->psf_width, &out->psf_height, NULL)));
    out->psf = calloc((size_t)out->psf_width * (size_t)out->psf_height, sizeof *out->psf);
    if (!out->psf) return figure_no_memory(job);
    return figure_failed(job, c, dipper_psf_make(c, options, NULL, NULL, out->psf));
}

static dipper_status cut_truth(const figure_job *job, figure_case *out) {
    const figure_picture *s = &out->sharp;
    const int dx = out->psf_width / 2, dy = out->psf_height / 2;
    IO_TRY(alloc(job, s->width - 2 * dx, s->height - 2 * dy, &out->truth));
    for (int y = 0; y < out->truth.height; y++)
        memcpy(out->truth.data + (size_t)y * (size_t)out->truth.width,
               s->data + (size_t)(y + dy) * (size_t)s->width + (size_t)dx, (size_t)out->truth.width * sizeof *s->data);
    return DIPPER_OK;
}

dipper_status figure_case_make(const figure_job *job, int index, const dipper_psf_options *psf, double noise,
                               figure_case *out) {
    int width, height;
    dipper_blur_options o;
    *out = (figure_case){0};
    figure_size(job, &width, &height);
    IO_TRY(figure_sharp(job, index, width, height, &out->sharp));
    IO_TRY(make_psf(job, psf, out));
    if (out->sharp.width < out->psf_width + 15 || out->sharp.height < out->psf_height + 15)
        return io_fail(job->error, DIPPER_ERROR_INPUT, "%s: a picture of %d x %d pixels is too small for this figure",
                       out->sharp.name, out->sharp.width, out->sharp.height);
    IO_TRY(cut_truth(job, out));
    IO_TRY(alloc(job, out->truth.width, out->truth.height, &out->blurred));
    dipper_blur_options_init(&o);
    o.noise = noise > 0 ? DIPPER_NOISE_GAUSSIAN : DIPPER_NOISE_NONE;
    o.noise_level = noise;
    o.seed = (uint64_t)index;
    const dipper_image sharp = figure_view(&out->sharp);
    dipper_image blurred = figure_view(&out->blurred);
    return figure_failed(job, job->context,
                         dipper_blur(job->context, &sharp, out->psf, out->psf_width, out->psf_height, &o, &blurred));
}

void figure_case_free(figure_case *c) {
    free(c->sharp.data);
    free(c->truth.data);
    free(c->blurred.data);
    free(c->psf);
    *c = (figure_case){0};
}
