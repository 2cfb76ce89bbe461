/* dipper-scene: draws a picture from a seed, blurs it with a shaken camera's PSF, adds noise, and writes everything.
 * SPDX-License-Identifier: Apache-2.0 */
#include "examples/scene/psf.h"
#include "io/image_file.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: dipper-scene -o DIR [options]\n"
    "  -o, --output DIR    where to write sharp, blurred, psf (made if it is not there)\n"
    "      --seed N        what is drawn (default 0)\n"
    "      --size WxH      of the pictures, px (default 288x224)\n"
    "      --psf-size N    side of the PSF's window, odd, 1..101 px (default 19)\n"
    "      --noise S       standard deviation of the noise, pictures being in [0, 1] (default 0.005)\n"
    "      --lamps N       at night: dark, with N lamps too bright for the sensor (default 0: by day)\n"
    "      --page          a page of small print instead\n"
    "      --colour        three channels instead of grey\n"
    "Writes sharp.png, blurred.png and psf.png (.npy where libvips is missing), and psf.npy.\n";

typedef struct options {
    const char *directory;
    unsigned long long seed;
    int width, height, psf_size, channels, lamps, page;
    double noise;
} options;

typedef struct scene {
    float *sharp, *blurred, *psf; /* sharp: (H+k-1) x (W+k-1), one plane after the other */
} scene;

/* ---- Drawing ---- */

static int scene_allocate(scene *s, const options *o) {
    const size_t latent = (size_t)(o->width + o->psf_size - 1) * (size_t)(o->height + o->psf_size - 1);
    s->sharp = calloc(latent * (size_t)o->channels, sizeof *s->sharp);
    s->blurred = calloc((size_t)o->width * (size_t)o->height * (size_t)o->channels, sizeof *s->blurred);
    s->psf = calloc((size_t)o->psf_size * (size_t)o->psf_size, sizeof *s->psf);
    return s->sharp && s->blurred && s->psf;
}

static void scene_free(scene *s) {
    free(s->sharp);
    free(s->blurred);
    free(s->psf);
}

static int scene_blur(scene *s, const options *o) {
    const int k = o->psf_size;
    const dipper_image sharp = dipper_image_view(s->sharp, o->width + k - 1, o->height + k - 1, o->channels);
    dipper_image blurred = dipper_image_view(s->blurred, o->width, o->height, o->channels);
    dipper_context *context = NULL;
    const int good = dipper_context_create(NULL, &context) == DIPPER_OK &&
                     dipper_blur(context, &sharp, s->psf, k, k, NULL, &blurred) == DIPPER_OK;
    dipper_context_destroy(&context);
    return good;
}

/* Dims the picture and lights lamps in it, ten times as bright as the sensor can tell. */
static void scene_night(float *planes, const options *o, int width, int height) {
    enum { RADIUS = 2 };
    const size_t pixels = (size_t)width * (size_t)height;
    scene_rng rng = {o->seed ^ 0x4c414du << 8};
    for (size_t i = 0; i < pixels * (size_t)o->channels; i++) planes[i] *= 0.25f;
    for (int n = 0; n < o->lamps; n++) {
        const int x0 = (int)rng_uniform(&rng, RADIUS, width - RADIUS);
        const int y0 = (int)rng_uniform(&rng, RADIUS, height - RADIUS);
        for (int i = 0; i < (2 * RADIUS + 1) * (2 * RADIUS + 1); i++) {
            const int dx = i % (2 * RADIUS + 1) - RADIUS, dy = i / (2 * RADIUS + 1) - RADIUS;
            for (int c = 0; c < o->channels && dx * dx + dy * dy <= RADIUS * RADIUS; c++)
                planes[(size_t)c * pixels + (size_t)(y0 + dy) * (size_t)width + (size_t)(x0 + dx)] = 10;
        }
    }
}

static int scene_draw(scene *s, const options *o) {
    const int k = o->psf_size, width = o->width + k - 1, height = o->height + k - 1;
    /* a stream each, so that a PSF stays the same when the picture's size changes */
    scene_rng rng = {o->seed}, path = {o->seed ^ 0x505346u << 8}, grain = {o->seed ^ 0x4e4f49u << 8};
    scene_canvas canvas;
    if (!canvas_create(&canvas, width, height)) return 0;
    if (o->page) {
        draw_page(&canvas, &rng);
    } else {
        draw_leaves(&canvas, &rng);
        draw_sign(&canvas, &rng);
        draw_lines(&canvas, &rng);
    }
    canvas_resolve(&canvas, o->channels, s->sharp);
    canvas_destroy(&canvas);
    if (o->lamps > 0) scene_night(s->sharp, o, width, height);
    psf_draw(s->psf, k, &path);
    if (!scene_blur(s, o)) return 0;
    const size_t samples = (size_t)o->width * (size_t)o->height * (size_t)o->channels;
    for (size_t i = 0; i < samples; i++) s->blurred[i] += (float)(o->noise * rng_normal(&grain));
    return 1;
}

/* ---- Writing ---- */

static dipper_status write_planes(const options *o, const char *name, const float *planes, int width, int height,
                                  int channels, io_depth depth, io_error *error) {
    char path[4096];
    io_picture *like = NULL;
    if (snprintf(path, sizeof path, "%s/%s", o->directory, name) >= (int)sizeof path)
        return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: name too long", o->directory);
    IO_TRY(picture_create(width, height, channels, depth, &like, error));
    dipper_status status = picture_write(like, planes, path, 1, NULL, error);
    picture_destroy(&like);
    if (status == DIPPER_OK) printf("%s\n", path);
    return status;
}

/* The middle of the latent picture, where the blurred one lies: what a perfect restoration would be. */
static dipper_status write_sharp(const options *o, const float *latent, const char *name, io_error *error) {
    const int k = o->psf_size, row = o->width + k - 1, rows = o->height + k - 1;
    const size_t pixels = (size_t)o->width * (size_t)o->height;
    float *crop = calloc(pixels * (size_t)o->channels, sizeof *crop);
    if (!crop) return io_fail(error, DIPPER_ERROR_MEMORY, "out of memory");
    for (int c = 0; c < o->channels; c++)
        for (int y = 0; y < o->height; y++)
            memcpy(crop + (size_t)c * pixels + (size_t)y * (size_t)o->width,
                   latent + ((size_t)c * (size_t)rows + (size_t)(y + k / 2)) * (size_t)row + k / 2,
                   (size_t)o->width * sizeof *crop);
    dipper_status status = write_planes(o, name, crop, o->width, o->height, o->channels, IO_DEPTH_U8, error);
    free(crop);
    return status;
}

/* For eyes: divided by its maximum, each value a block of 8 x 8. */
static dipper_status write_psf_picture(const options *o, const float *psf, const char *name, io_error *error) {
    enum { ZOOM = 8 };
    const int side = o->psf_size * ZOOM;
    float *large = calloc((size_t)side * (size_t)side, sizeof *large), peak = 0;
    if (!large) return io_fail(error, DIPPER_ERROR_MEMORY, "out of memory");
    for (int i = 0; i < o->psf_size * o->psf_size; i++) peak = fmaxf(peak, psf[i]);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) large[y * side + x] = psf[y / ZOOM * o->psf_size + x / ZOOM] / peak;
    dipper_status status = write_planes(o, name, large, side, side, 1, IO_DEPTH_U8, error);
    free(large);
    return status;
}

static dipper_status scene_write(const scene *s, const options *o, io_error *error) {
    const int png = io_have_vips();
    if (mkdir(o->directory, 0777) != 0 && errno != EEXIST)
        return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: cannot be made: %s", o->directory, strerror(errno));
    IO_TRY(write_sharp(o, s->sharp, png ? "sharp.png" : "sharp.npy", error));
    IO_TRY(write_planes(o, png ? "blurred.png" : "blurred.npy", s->blurred, o->width, o->height, o->channels,
                        IO_DEPTH_U8, error));
    IO_TRY(write_planes(o, "psf.npy", s->psf, o->psf_size, o->psf_size, 1, IO_DEPTH_F32, error));
    return png ? write_psf_picture(o, s->psf, "psf.png", error) : DIPPER_OK;
}

/* ---- Options ---- */

static int number(const char *text, double low, double high, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == 0 && *out >= low && *out <= high;
}

static int set_option(options *o, int option, const char *text) {
    double value = 0;
    char rest;
    switch (option) {
    case 'o':
        o->directory = text;
        return 1;
    case 'c':
        o->channels = 3;
        return 1;
    case 'p':
        o->page = 1;
        return 1;
    case 's':
        return sscanf(text, "%llu%c", &o->seed, &rest) == 1;
    case 'z':
        return sscanf(text, "%dx%d%c", &o->width, &o->height, &rest) == 2 && o->width >= 16 && o->height >= 16 &&
               o->width <= 8192 && o->height <= 8192;
    case 'n':
        if (!number(text, 0, 1, &value)) return 0;
        o->noise = value;
        return 1;
    case 'l':
        if (!number(text, 0, 1000, &value) || fmod(value, 1) != 0) return 0;
        o->lamps = (int)value;
        return 1;
    case 'k':
        if (!number(text, 1, 101, &value) || fmod(value, 2) != 1) return 0;
        o->psf_size = (int)value;
        return 1;
    default:
        return 0;
    }
}

/* 1: go on, 0: help was asked for, -1: wrong. */
static int read_options(options *o, int argc, char **argv) {
    static const struct option table[] = {
        {"output", required_argument, NULL, 'o'}, {"seed", required_argument, NULL, 's'},
        {"size", required_argument, NULL, 'z'},   {"psf-size", required_argument, NULL, 'k'},
        {"noise", required_argument, NULL, 'n'},  {"colour", no_argument, NULL, 'c'},
        {"lamps", required_argument, NULL, 'l'},  {"page", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "o:h", table, &index)) != -1) {
        if (option == 'h') return 0;
        if (option == '?') return -1; /* getopt has said why */
        if (!set_option(o, option, optarg)) {
            fprintf(stderr, "dipper-scene: --%s: \"%s\" will not do (see --help)\n", table[index].name, optarg);
            return -1;
        }
    }
    if (optind < argc)
        fprintf(stderr, "dipper-scene: what is \"%s\"? (see --help)\n", argv[optind]);
    else if (!o->directory)
        fputs("dipper-scene: -o DIR is missing (see --help)\n", stderr);
    return optind < argc || !o->directory ? -1 : 1;
}

int main(int argc, char **argv) {
    options o = {.width = 288, .height = 224, .psf_size = 19, .channels = 1, .noise = 0.005};
    io_error error = {""};
    scene s = {0};
    const int go = read_options(&o, argc, argv);
    if (go <= 0) {
        if (go == 0) fputs(usage, stdout);
        return go == 0 ? 0 : DIPPER_ERROR_ARGUMENT;
    }
    dipper_status status = io_init(argv[0], &error);
    if (status == DIPPER_OK && (!scene_allocate(&s, &o) || !scene_draw(&s, &o)))
        status = io_fail(&error, DIPPER_ERROR_MEMORY, "out of memory");
    if (status == DIPPER_OK) status = scene_write(&s, &o, &error);
    if (status != DIPPER_OK) fprintf(stderr, "dipper-scene: %s\n", error.text);
    scene_free(&s);
    io_shutdown();
    return (int)status;
}
