/* Is the PSF that is estimated from the chosen region better than from others? Estimates it from the chosen one, the
 * middle, and random ones, and compares each with the true one; a CSV line each.
 * usage: region PICTURE PSF rotate|keep [ESTIMATOR [SIDE]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "deconv/estimate.h"
#include "dipper/dipper.h"
#include "image/colour.h"
#include "image/image.h"
#include "image/noise.h"
#include "io/image_file.h"
#include "io/psf_file.h"

enum { RANDOM = 4 };

typedef struct trial {
    dipper_context *context;
    dp_backend *be;
    const dp_estimator *estimator;
    dp_image luma;
    dp_diag diag;
    float *truth, *psf;
    int psf_width, psf_height, side;
    const char *picture_name, *psf_name;
} trial;

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int open_trial(trial *t, char **arg) {
    io_error error = {""};
    io_picture *picture = NULL;
    dp_image colour = {0};
    if (picture_read(arg[1], &picture, &error) ||
        psf_read(arg[2], strcmp(arg[3], "rotate") == 0, &t->truth, &t->psf_width, &t->psf_height, &error)) {
        fprintf(stderr, "%s\n", error.text);
        picture_destroy(&picture);
        return 1;
    }
    const dipper_image view = picture_view(picture);
    int bad = dp_image_from_view(&view, &t->diag, &colour) || dp_luma_image(&colour, &t->diag, &t->luma) ||
              dp_backend_open("cpu", 1, &t->diag, &t->be) || dipper_context_create(NULL, &t->context);
    t->picture_name = base_name(arg[1]);
    t->psf_name = base_name(arg[2]);
    t->psf = malloc((size_t)t->psf_width * (size_t)t->psf_height * sizeof *t->psf);
    dp_image_free(&colour);
    picture_destroy(&picture);
    return bad || t->psf == NULL;
}

static dipper_status estimate(trial *t, const dp_image *part) {
    dp_estimate job = dp_estimate_defaults(t->estimator);
    job.be = t->be;
    job.blurred = part->data;
    job.h = part->height;
    job.w = part->width;
    job.kh = t->psf_height;
    job.kw = t->psf_width;
    DP_TRY(dp_noise_estimate(part->data, part->height, part->width, &t->diag, &job.noise_sigma));
    return dp_estimate_run(&job, &t->diag, t->psf, NULL);
}

/* What region the library gives for this window of the picture: its score, to be compared. */
static double score_of(trial *t, dp_image *part) {
    const dipper_image view = dipper_image_view(part->data, part->width, part->height, 1);
    dipper_region r = {.struct_size = sizeof r};
    return dipper_region_choose(t->context, &view, part->width, part->height, t->psf_width, t->psf_height, &r)
               ? -1
               : r.score;
}

static void try_at(trial *t, const char *kind, int x, int y) {
    dp_image part = {0};
    dipper_psf_match match = {.struct_size = sizeof match};
    dipper_status status = dp_image_crop(&t->luma, x, y, t->side, t->side, &t->diag, &part);
    if (status == DIPPER_OK) status = estimate(t, &part);
    if (status == DIPPER_OK)
        status = dipper_psf_compare(t->context, t->psf, t->psf_width, t->psf_height, t->truth, t->psf_width,
                                    t->psf_height, &match);
    if (status == DIPPER_OK)
        printf("%s,%s,%s,%s,%d,%d,%d,%.5f,%.4f,%.5f\n", t->picture_name, t->psf_name, t->estimator->name, kind, t->side,
               x, y, score_of(t, &part), match.correlation, match.squared_error);
    else
        fprintf(stderr, "%s, %s: %s\n", t->picture_name, kind, t->diag.text);
    dp_diag_clear(&t->diag);
    dp_image_free(&part);
}

static void try_all(trial *t) {
    const dipper_image view = dipper_image_view(t->luma.data, t->luma.width, t->luma.height, 1);
    dipper_region r = {.struct_size = sizeof r};
    float random[4];
    if (dipper_region_choose(t->context, &view, t->side, t->side, t->psf_width, t->psf_height, &r)) return;
    const int right = t->luma.width - t->side, bottom = t->luma.height - t->side;
    try_at(t, "chosen", r.x, r.y);
    try_at(t, "middle", right / 2, bottom / 2);
    for (int i = 0; i < RANDOM; i++) {
        char kind[20];
        dp_philox_uniform4(dp_philox_key_make((uint64_t)i, DP_STREAM_TEST), 0, 0, random);
        snprintf(kind, sizeof kind, "random%d", i);
        try_at(t, kind, (int)(random[0] * (float)right), (int)(random[1] * (float)bottom));
    }
}

int main(int argc, char **argv) {
    trial t = {.side = argc > 5 ? atoi(argv[5]) : 256};
    if (argc < 4 || !(t.estimator = dp_estimator_find(argc > 4 ? argv[4] : "map-l0"))) {
        fputs("usage: region PICTURE PSF rotate|keep [ESTIMATOR [SIDE]]\n", stderr);
        return 2;
    }
    if (!t.estimator->run) {
        fputs("region: this build has no FFTW, which the estimator needs\n", stderr);
        return 6;
    }
    const int bad = open_trial(&t, argv);
    if (!bad && t.luma.width >= t.side && t.luma.height >= t.side) try_all(&t);
    if (bad) fprintf(stderr, "%s\n", t.diag.text);
    dp_image_free(&t.luma);
    dp_backend_close(&t.be);
    dipper_context_destroy(&t.context);
    free(t.truth);
    free(t.psf);
    return bad;
}
