/* Blurred pictures made from sharp ones: D = X (*) K + n, valid part. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/made.h"

#include "io/image_file.h"
#include "io/psf_file.h"
#include "study/files.h"
#include "study/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each side of a blurred picture of kodak is this much shorter than the sharp one's, whatever the PSF, so that all
 * cases of a picture have the same truth: half of the largest PSF. */
enum { MARGIN = 25 };

/* kodak's, fixed for ever: results are compared over years. The shaken camera's paths are those of dipper_psf_make. */
#define KODAK(name_, kind_, sigma_, radius_, length_, angle_, seed_)                                                   \
    {                                                                                                                  \
        .name = name_,                                                                                                 \
        .psf = {.struct_size = sizeof(dipper_psf_options),                                                             \
                .kind = DIPPER_PSF_##kind_,                                                                            \
                .sigma = sigma_,                                                                                       \
                .radius = radius_,                                                                                     \
                .length = length_,                                                                                     \
                .angle = angle_,                                                                                       \
                .seed = seed_},                                                                                        \
        .noise = DIPPER_NOISE_GAUSSIAN, .noise_level = 0.01, .seed = seed_, .margin = MARGIN                           \
    }

static const study_blur kodak[] = {
    KODAK("shake1", RANDOM_MOTION, 0, 0, 15, 0, 1), KODAK("shake2", RANDOM_MOTION, 0, 0, 25, 0, 2),
    KODAK("shake3", RANDOM_MOTION, 0, 0, 35, 0, 3), KODAK("motion", MOTION, 0, 0, 15, 30, 4),
    KODAK("gaussian", GAUSSIAN, 1.5, 0, 0, 0, 5),   KODAK("disk", DISK, 0, 3, 0, 0, 6),
};

/* ---- The list ---- */

/* Those of kodak have plain names. Others carry a hash of all that decides what is in them, so that a changed picture
 * or plan makes other files. */
static dipper_status name_files(const study_source *source, const char *sharp_id, study_case *c, io_error *error) {
    char text[1024], psf_id[STUDY_ID_SIZE] = "", stem[RESULT_NAME_MAX + 24];
    const study_blur *b = c->blur;
    const char *folder = source->folder, *extension = path_extension(c->sharp_file);
    uint64_t id;
    if (!source->blurs) {
        IO_TRY(path_print(c->blurred_file, error, "%s/made/%s.%s", folder, c->name, extension));
        IO_TRY(path_print(c->truth_file, error, "%s/made/%s", folder, path_base(c->sharp_file)));
        return path_print(c->true_psf_file, error, "%s/made/%s.npy", folder, b->name);
    }
    if (b->psf_file[0]) IO_TRY(study_id_file(b->psf_file, psf_id, error));
    snprintf(text, sizeof text, "%s %s %s %d|%d %d %d %.17g %.17g %.17g %.17g %.17g %llu|%d %.17g %llu %d",
             DIPPER_VERSION_STRING, sharp_id, psf_id, b->psf_rotated, b->psf.kind, b->psf.width, b->psf.height,
             b->psf.sigma, b->psf.radius, b->psf.length, b->psf.angle, b->psf.curve, (unsigned long long)b->psf.seed,
             b->noise, b->noise_level, (unsigned long long)b->seed, b->margin);
    IO_TRY(study_id_text(text, &id, error));
    snprintf(stem, sizeof stem, "%s-%016llx", c->name, (unsigned long long)id);
    IO_TRY(path_print(c->blurred_file, error, "%s/made/%s.%s", folder, stem, extension));
    IO_TRY(path_print(c->truth_file, error, "%s/made/%s_truth.%s", folder, stem, extension));
    return path_print(c->true_psf_file, error, "%s/made/%s_psf.npy", folder, stem);
}

static dipper_status add_case(const study_source *source, const char *file, const char *sharp_id,
                              const study_blur *blur, study_cases *out, io_error *error) {
    char name[RESULT_NAME_MAX];
    int length = snprintf(name, sizeof name, "%.*s_%s", path_stem_length(file), file, blur->name);
    if (length < 0 || length >= RESULT_NAME_MAX)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s/%s: its name is too long", source->data, file);
    if (!study_is_wanted(source, name)) return DIPPER_OK;
    study_case *c = study_cases_add(out);
    if (!c) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its cases", source->data);
    memcpy(c->name, name, sizeof name);
    snprintf(c->picture, sizeof c->picture, "%.*s", path_stem_length(file), file);
    memcpy(c->kernel, blur->name, sizeof c->kernel);
    c->blur = blur;
    IO_TRY(path_print(c->sharp_file, error, "%s/%s", source->data, file));
    return name_files(source, sharp_id, c, error);
}

static dipper_status add_cases(const study_source *source, const char *file, study_cases *out, io_error *error) {
    const study_blur *blurs = source->blurs ? source->blurs : kodak;
    const int count = source->blurs ? source->blur_count : (int)(sizeof kodak / sizeof *kodak);
    char path[IO_PATH_MAX], id[STUDY_ID_SIZE] = "";
    IO_TRY(path_print(path, error, "%s/%s", source->data, file));
    if (source->blurs) IO_TRY(study_id_file(path, id, error));
    for (int i = 0; i < count; i++) IO_TRY(add_case(source, file, id, &blurs[i], out, error));
    return DIPPER_OK;
}

dipper_status study_made_list(const study_suite *suite, const study_source *source, study_cases *out, io_error *error) {
    study_names names;
    int pictures = 0;
    dipper_status status = study_names_read(source->data, &names, error);
    for (int i = 0; i < names.count && !status; i++) {
        if (!path_has_extension(names.items[i], "png") && !path_has_extension(names.items[i], "npy")) continue;
        pictures++;
        status = add_cases(source, names.items[i], out, error);
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
    float *wide; /* the same in the middle of (2 margin_y + 1) x (2 margin_x + 1) */
    int width, height, margin_x, margin_y;
    float *blurred, *truth; /* channels x (sharp less 2 margins) */
} maker;

static dipper_status no_memory(const maker *m, io_error *error) {
    return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory to blur it", m->c->sharp_file);
}

static dipper_status get_psf(maker *m, io_error *error) {
    const study_blur *b = m->c->blur;
    if (b->psf_file[0]) return psf_read(b->psf_file, b->psf_rotated, &m->psf, &m->width, &m->height, error);
    dipper_status status = dipper_psf_make(m->context, &b->psf, &m->width, &m->height, NULL);
    if (status) return library_failed(m->context, m->c, status, error);
    if (!(m->psf = malloc((size_t)m->width * (size_t)m->height * sizeof *m->psf))) return no_memory(m, error);
    status = dipper_psf_make(m->context, &b->psf, NULL, NULL, m->psf);
    return status ? library_failed(m->context, m->c, status, error) : DIPPER_OK;
}

static dipper_status widen_psf(maker *m, io_error *error) {
    const study_blur *b = m->c->blur;
    m->margin_x = b->margin ? b->margin : m->width / 2;
    m->margin_y = b->margin ? b->margin : m->height / 2;
    const int wide = 2 * m->margin_x + 1, high = 2 * m->margin_y + 1;
    if (m->width > wide || m->height > high)
        return io_fail(error, DIPPER_ERROR_INTERNAL, "PSF %s has %d x %d px, more than %d", b->name, m->width,
                       m->height, wide);
    if (!(m->wide = calloc((size_t)wide * (size_t)high, sizeof *m->wide))) return no_memory(m, error);
    for (int y = 0; y < m->height; y++)
        memcpy(m->wide + (m->margin_y - m->height / 2 + y) * wide + m->margin_x - m->width / 2, m->psf + y * m->width,
               (size_t)m->width * sizeof *m->psf);
    return DIPPER_OK;
}

static void cut_truth(maker *m, const dipper_image *sharp, const dipper_image *out) {
    for (int c = 0; c < out->channels; c++)
        for (int y = 0; y < out->height; y++)
            memcpy(m->truth + ((size_t)c * (size_t)out->height + (size_t)y) * (size_t)out->width,
                   sharp->data + c * sharp->channel_stride + (y + m->margin_y) * sharp->row_stride + m->margin_x,
                   (size_t)out->width * sizeof *m->truth);
}

static dipper_status blur(maker *m, io_error *error) {
    const int width = m->sharp->width - 2 * m->margin_x, height = m->sharp->height - 2 * m->margin_y;
    const int channels = m->sharp->channels;
    if (width < 1 || height < 1)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: %d x %d pixels are too few to be blurred for a benchmark",
                       m->c->sharp_file, m->sharp->width, m->sharp->height);
    const size_t n = (size_t)width * (size_t)height * (size_t)channels;
    m->blurred = malloc(n * sizeof *m->blurred);
    m->truth = malloc(n * sizeof *m->truth);
    if (!m->blurred || !m->truth) return no_memory(m, error);
    dipper_image sharp = picture_view(m->sharp), out = dipper_image_view(m->blurred, width, height, channels);
    dipper_blur_options o;
    dipper_blur_options_init(&o);
    o.noise = m->c->blur->noise;
    o.noise_level = m->c->blur->noise_level;
    o.seed = m->c->blur->seed;
    dipper_status status = dipper_blur(m->context, &sharp, m->wide, 2 * m->margin_x + 1, 2 * m->margin_y + 1, &o, &out);
    if (status) return library_failed(m->context, m->c, status, error);
    cut_truth(m, &sharp, &out);
    return DIPPER_OK;
}

static dipper_status write_files(maker *m, io_error *error) {
    io_picture like = *m->sharp;
    like.width -= 2 * m->margin_x;
    like.height -= 2 * m->margin_y;
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
    if (!status) status = get_psf(&m, error);
    if (!status) status = widen_psf(&m, error);
    if (!status) status = blur(&m, error);
    if (!status) status = write_files(&m, error);
    picture_destroy(&m.sharp);
    free(m.psf);
    free(m.wide);
    free(m.blurred);
    free(m.truth);
    return status;
}
