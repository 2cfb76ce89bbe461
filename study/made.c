/* Blurred pictures made from sharp ones: D = X (*) K + n, valid part. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/made.h"

#include "io/image_file.h"
#include "io/psf_file.h"
#include "study/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fixed for ever: results are compared over years. The shaken camera's paths are those of dipper_psf_make. */
struct study_blur {
    const char *name;
    dipper_psf_kind kind;
    double size; /* sigma, radius, or length of the path, px */
    double angle, curve;
    uint64_t seed; /* of the path and of the noise */
};

static const study_blur blurs[] = {
    {"shake1", DIPPER_PSF_RANDOM_MOTION, 15, 0, 0, 1}, {"shake2", DIPPER_PSF_RANDOM_MOTION, 25, 0, 0, 2},
    {"shake3", DIPPER_PSF_RANDOM_MOTION, 35, 0, 0, 3}, {"motion", DIPPER_PSF_MOTION, 15, 30, 0, 4},
    {"gaussian", DIPPER_PSF_GAUSSIAN, 1.5, 0, 0, 5},   {"disk", DIPPER_PSF_DISK, 3, 0, 0, 6},
};
enum { BLURS = sizeof blurs / sizeof *blurs };

static const double noise_sigma = 0.01;

/* Each side of a blurred picture is this much shorter than the sharp one's, whatever the PSF, so that all cases of a
 * picture have the same truth: half of the largest PSF. */
enum { MARGIN = 25 };

/* ---- The list ---- */

static dipper_status add_case(const study_source *source, const char *file, const study_blur *blur, study_cases *out,
                              io_error *error) {
    char name[RESULT_NAME_MAX];
    const char *folder = source->folder;
    int stem = path_stem_length(file);
    if (stem + (int)strlen(blur->name) + 2 > RESULT_NAME_MAX)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s/%s: its name is too long", source->data, file);
    snprintf(name, sizeof name, "%.*s_%s", stem, file, blur->name);
    if (!study_is_wanted(source, name)) return DIPPER_OK;
    study_case *c = study_cases_add(out);
    if (!c) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its cases", source->data);
    memcpy(c->name, name, sizeof name);
    snprintf(c->picture, sizeof c->picture, "%.*s", stem, file);
    snprintf(c->kernel, sizeof c->kernel, "%s", blur->name);
    c->blur = blur;
    IO_TRY(path_print(c->sharp_file, error, "%s/%s", source->data, file));
    IO_TRY(path_print(c->blurred_file, error, "%s/made/%s.%s", folder, name, path_extension(file)));
    IO_TRY(path_print(c->truth_file, error, "%s/made/%s", folder, file));
    return path_print(c->true_psf_file, error, "%s/made/%s.npy", folder, blur->name);
}

dipper_status study_made_list(const study_suite *suite, const study_source *source, study_cases *out, io_error *error) {
    study_names names;
    int pictures = 0;
    dipper_status status = study_names_read(source->data, &names, error);
    for (int i = 0; i < names.count && !status; i++) {
        if (!path_has_extension(names.items[i], "png") && !path_has_extension(names.items[i], "npy")) continue;
        pictures++;
        for (int b = 0; b < BLURS && !status; b++) status = add_case(source, names.items[i], &blurs[b], out, error);
    }
    study_names_free(&names);
    if (status || pictures) return status;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: holds no pictures of suite %s (%s)", source->data, suite->name,
                   suite->summary);
}

/* ---- The files ---- */

int study_made_missing(const study_case *c) {
    return c->blur && (!path_exists(c->blurred_file) || !path_exists(c->truth_file) || !path_exists(c->true_psf_file));
}

static dipper_status library_failed(dipper_context *context, const study_case *c, dipper_status status,
                                    io_error *error) {
    return io_fail(error, status, "%s, PSF %s: %s", c->sharp_file, c->kernel, dipper_context_message(context));
}

typedef struct maker {
    dipper_context *context;
    const study_case *c;
    io_picture *sharp;
    float *psf;  /* its own size */
    float *wide; /* the same in the middle of a square of 2 MARGIN + 1 */
    int width, height;
    float *blurred, *truth; /* channels x (sharp less 2 MARGIN) */
} maker;

static dipper_status make_psf(maker *m, io_error *error) {
    const study_blur *b = m->c->blur;
    const int side = 2 * MARGIN + 1;
    dipper_psf_options o;
    dipper_psf_options_init(&o);
    o.kind = b->kind;
    o.sigma = o.radius = o.length = b->size;
    o.angle = b->angle;
    o.curve = b->curve;
    o.seed = b->seed;
    dipper_status status = dipper_psf_make(m->context, &o, &m->width, &m->height, NULL);
    if (status) return library_failed(m->context, m->c, status, error);
    if (m->width > side || m->height > side)
        return io_fail(error, DIPPER_ERROR_INTERNAL, "PSF %s has %d x %d px, more than %d", b->name, m->width,
                       m->height, side);
    m->psf = malloc((size_t)m->width * (size_t)m->height * sizeof *m->psf);
    m->wide = calloc((size_t)side * (size_t)side, sizeof *m->wide);
    if (!m->psf || !m->wide) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for PSF %s", b->name);
    status = dipper_psf_make(m->context, &o, &m->width, &m->height, m->psf);
    if (status) return library_failed(m->context, m->c, status, error);
    for (int y = 0; y < m->height; y++)
        memcpy(m->wide + (MARGIN - m->height / 2 + y) * side + MARGIN - m->width / 2, m->psf + y * m->width,
               (size_t)m->width * sizeof *m->psf);
    return DIPPER_OK;
}

static dipper_status blur(maker *m, io_error *error) {
    const int width = m->sharp->width - 2 * MARGIN, height = m->sharp->height - 2 * MARGIN;
    const int channels = m->sharp->channels;
    if (width < 1 || height < 1)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: %d x %d pixels are too few to be blurred for a benchmark",
                       m->c->sharp_file, m->sharp->width, m->sharp->height);
    const size_t n = (size_t)width * (size_t)height * (size_t)channels;
    m->blurred = malloc(n * sizeof *m->blurred);
    m->truth = malloc(n * sizeof *m->truth);
    if (!m->blurred || !m->truth)
        return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory to blur it", m->c->sharp_file);
    dipper_image sharp = picture_view(m->sharp), out = dipper_image_view(m->blurred, width, height, channels);
    dipper_blur_options o;
    dipper_blur_options_init(&o);
    o.noise = DIPPER_NOISE_GAUSSIAN;
    o.noise_level = noise_sigma;
    o.seed = m->c->blur->seed;
    dipper_status status = dipper_blur(m->context, &sharp, m->wide, 2 * MARGIN + 1, 2 * MARGIN + 1, &o, &out);
    if (status) return library_failed(m->context, m->c, status, error);
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < height; y++)
            memcpy(m->truth + ((size_t)c * (size_t)height + (size_t)y) * (size_t)width,
                   sharp.data + c * sharp.channel_stride + (y + MARGIN) * sharp.row_stride + MARGIN,
                   (size_t)width * sizeof *m->truth);
    return DIPPER_OK;
}

static dipper_status write_files(maker *m, io_error *error) {
    io_picture like = *m->sharp;
    like.width -= 2 * MARGIN;
    like.height -= 2 * MARGIN;
    like.alpha = NULL;
    IO_TRY(psf_write_npy(m->psf, m->width, m->height, m->c->true_psf_file, 1, error));
    IO_TRY(picture_write(&like, m->truth, m->c->truth_file, 1, NULL, error));
    return picture_write(&like, m->blurred, m->c->blurred_file, 1, NULL, error);
}

dipper_status study_made_write(dipper_context *context, const study_case *c, io_error *error) {
    char folder[IO_PATH_MAX];
    maker m = {.context = context, .c = c};
    path_directory(c->blurred_file, folder);
    dipper_status status = study_make_folder(folder, error);
    if (!status) status = picture_read(c->sharp_file, &m.sharp, error);
    if (!status) status = make_psf(&m, error);
    if (!status) status = blur(&m, error);
    if (!status) status = write_files(&m, error);
    picture_destroy(&m.sharp);
    free(m.psf);
    free(m.wide);
    free(m.blurred);
    free(m.truth);
    return status;
}
