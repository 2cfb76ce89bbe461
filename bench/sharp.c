/* How steep are the edges of each picture of a list, and is it called sharp? A CSV line each to standard output
 * (bench/sharp.sh, docs/verdict.md).
 * usage: sharp [search] <LIST   (LIST: CSV lines, the last field of which is a file) */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "bid/verdict.h"
#include "dipper/dipper.h"
#include "image/colour.h"
#include "image/image.h"
#include "image/noise.h"
#include "io/image_file.h"

static int read_luma(const char *path, dp_image *out) {
    io_error error = {""};
    io_picture *picture = NULL;
    dp_image colour = {0};
    if (picture_read(path, &picture, &error)) return fprintf(stderr, "%s\n", error.text), 1;
    const dipper_image view = picture_view(picture);
    const int bad = dp_image_from_view(&view, NULL, &colour) || dp_luma_image(&colour, NULL, out);
    dp_image_free(&colour);
    picture_destroy(&picture);
    return bad;
}

typedef struct answer {
    double noise, steepness;
    int sharp, searched; /* searched: not beyond doubt, so that the PSF found had a say */
} answer;

static int measure(const char *path, answer *a) {
    dp_image luma = {0};
    const int bad = read_luma(path, &luma) || dp_noise_estimate(luma.data, luma.height, luma.width, NULL, &a->noise) ||
                    dp_verdict_steepness(&luma, a->noise, NULL, &a->steepness);
    dp_image_free(&luma);
    a->sharp = dp_is_sharp(a->steepness, NAN);
    a->searched = !a->sharp && dp_is_sharp(a->steepness, 0);
    return bad;
}

/* As `dipper deblur --preset fast` decides. */
static int search(dipper_context *context, const char *path, answer *a) {
    static float psf[DIPPER_AUTO_PSF_MOST * DIPPER_AUTO_PSF_MOST];
    io_error error = {""};
    io_picture *picture = NULL;
    dipper_auto_options options;
    dipper_auto_info info = {.struct_size = sizeof info};
    if (picture_read(path, &picture, &error)) return fprintf(stderr, "%s\n", error.text), 1;
    const dipper_image view = picture_view(picture);
    dipper_image out = view;
    dipper_auto_options_init(&options);
    options.preset = DIPPER_PRESET_FAST;
    const int bad = dipper_auto_deblur(context, &view, &options, &out, psf, &info) != DIPPER_OK;
    if (bad) fprintf(stderr, "%s: %s\n", path, dipper_context_message(context));
    dipper_context_clear(context);
    a->sharp = info.sharp;
    picture_destroy(&picture);
    return bad;
}

int main(int argc, char **argv) {
    const int may_search = argc > 1 && strcmp(argv[1], "search") == 0;
    char line[1200];
    int bad = 0;
    dipper_context *context = NULL;
    if (dipper_context_create(NULL, &context)) return 1;
    while (fgets(line, sizeof line, stdin)) {
        answer a = {0};
        line[strcspn(line, "\r\n")] = '\0';
        char *path = strrchr(line, ',');
        if (!path || measure(path + 1, &a) || (a.searched && may_search && search(context, path + 1, &a))) {
            bad = 1;
            continue;
        }
        *path = '\0'; /* files are the script's own */
        const char *called = a.sharp ? "sharp" : a.searched && !may_search ? "depends on the PSF" : "blurred";
        printf("%s,%.4g,%.4f,%s\n", line, a.noise, a.steepness, called);
        fflush(stdout);
    }
    dipper_context_destroy(&context);
    return bad;
}
