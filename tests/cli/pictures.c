/* Makes and describes small picture files for the tests of the command, without using Dipper's own readers and writers.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   pictures make FILE WIDTH HEIGHT [KEY=VALUE]...   a blurred pattern; keys:
 *       channels=1..4 (2 and 4: alpha)  depth=8|16|32|64 (32 and 64: float)
 *       constant=V (all samples)  scale=V (times the pattern; float)  bad=X,Y,C,nan|inf (float)  orientation=1..8 icc=1
 * comment=TEXT (EXIF) claim=WxH (.npy and .png: what the header says)  fortran=1 (.npy)  cmyk=1 (.tif, .jpg) pictures
 * show FILE       one line of key=value pictures same A B BAND   0 if the band (-1: the last) of both files is the
 * same, sample by sample
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef DIPPER_WITH_VIPS
#include <vips/vips.h>
#endif

typedef struct request {
    const char *file, *bad, *comment;
    int width, height, channels, depth, orientation, icc, fortran, cmyk;
    double constant; /* < 0: the pattern */
    double scale;
    unsigned long long claim_width, claim_height;
} request;

static int fail(const char *what, const char *name) {
    fprintf(stderr, "pictures: %s: %s\n", name, what);
    return 1;
}

/* Bright bars and a ramp, blurred horizontally over 5 px by construction; alpha is a ramp. */
static double pattern(const request *r, int x, int y, int c) {
    if (r->constant >= 0) return r->constant;
    if ((r->channels == 2 || r->channels == 4) && c == r->channels - 1) return (x + y) % 256 / 255.0;
    double sum = 0;
    for (int k = -2; k <= 2; k++) {
        int u = x + k;
        sum += (u / 7 + y / 5 + c) % 2 ? 0.8 : 0.2;
    }
    return r->scale * (sum / 5 + 0.1 * y / (r->height + 1.0) + 0.03 * sin(0.7 * x + 1.3 * y));
}

static double value_at(const request *r, int x, int y, int c) {
    int bx, by, bc;
    char kind[4];
    if (r->bad && sscanf(r->bad, "%d,%d,%d,%3s", &bx, &by, &bc, kind) == 4 && x == bx && y == by && c == bc)
        return strcmp(kind, "nan") == 0 ? NAN : INFINITY;
    return pattern(r, x, y, c);
}

static size_t put_sample(const request *r, double v, void *to) {
    uint8_t u8 = (uint8_t)(v * 255 + 0.5);
    uint16_t u16 = (uint16_t)(v * 65535 + 0.5);
    float f32 = (float)v;
    const void *from = r->depth == 8 ? (void *)&u8 : r->depth == 16 ? (void *)&u16 : r->depth == 32 ? (void *)&f32 : &v;
    memcpy(to, from, (size_t)r->depth / 8);
    return (size_t)r->depth / 8;
}

static unsigned char *samples(const request *r, size_t *bytes) {
    *bytes = (size_t)r->width * (size_t)r->height * (size_t)r->channels * (size_t)r->depth / 8;
    unsigned char *all = malloc(*bytes + 8), *to = all;
    if (!all) return NULL;
    if (r->fortran) {
        for (int c = 0; c < r->channels; c++)
            for (int x = 0; x < r->width; x++)
                for (int y = 0; y < r->height; y++) to += put_sample(r, value_at(r, x, y, c), to);
        return all;
    }
    for (int y = 0; y < r->height; y++)
        for (int x = 0; x < r->width; x++)
            for (int c = 0; c < r->channels; c++) to += put_sample(r, value_at(r, x, y, c), to);
    return all;
}

static int make_npy(const request *r) {
    size_t bytes;
    unsigned char *all = samples(r, &bytes);
    FILE *file = fopen(r->file, "wb");
    if (!all || !file) return fail("cannot be written", r->file);
    char text[119], shape[80];
    unsigned long long w = r->claim_width ? r->claim_width : (unsigned long long)r->width;
    unsigned long long h = r->claim_height ? r->claim_height : (unsigned long long)r->height;
    if (r->channels == 1)
        snprintf(shape, sizeof shape, "(%llu, %llu)", h, w);
    else
        snprintf(shape, sizeof shape, "(%llu, %llu, %d)", h, w, r->channels);
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
                          r->depth == 8    ? "|u1"
                          : r->depth == 16 ? "<u2"
                          : r->depth == 32 ? "<f4"
                                           : "<f8",
                          r->fortran ? "True" : "False", shape);
    memset(text + length, ' ', sizeof text - (size_t)length);
    text[117] = '\n';
    int good = fwrite("\x93NUMPY\x01\x00\x76\x00", 10, 1, file) == 1 && fwrite(text, 118, 1, file) == 1 &&
               fwrite(all, bytes, 1, file) == 1;
    free(all);
    return fclose(file) || !good ? fail("cannot be written", r->file) : 0;
}

/* A PNG with nothing but a header that claims a size; its check sum is right. */
static int make_png_claim(const request *r) {
    unsigned char b[33] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    for (int i = 0; i < 4; i++) {
        b[16 + i] = (unsigned char)(r->claim_width >> (24 - 8 * i));
        b[20 + i] = (unsigned char)(r->claim_height >> (24 - 8 * i));
    }
    b[24] = 8;
    uint32_t crc = 0xffffffffu;
    for (int i = 12; i < 29; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++) b[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    FILE *file = fopen(r->file, "wb");
    int good = file && fwrite(b, sizeof b, 1, file) == 1;
    if (file) fclose(file);
    return good ? 0 : fail("cannot be written", r->file);
}

#ifdef DIPPER_WITH_VIPS

static int make_vips(const request *r) {
    static const VipsBandFormat kinds[] = {VIPS_FORMAT_UCHAR, VIPS_FORMAT_USHORT, VIPS_FORMAT_FLOAT,
                                           VIPS_FORMAT_DOUBLE};
    size_t bytes;
    unsigned char *all = samples(r, &bytes);
    int kind = r->depth == 8 ? 0 : r->depth == 16 ? 1 : r->depth == 32 ? 2 : 3, grey = r->channels < 3;
    VipsInterpretation meaning = kind == 1   ? (grey ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16)
                                 : grey      ? VIPS_INTERPRETATION_B_W
                                 : kind == 0 ? VIPS_INTERPRETATION_sRGB
                                             : VIPS_INTERPRETATION_scRGB;
    VipsImage *raw = all ? vips_image_new_from_memory(all, bytes, r->width, r->height, r->channels, kinds[kind]) : NULL;
    VipsImage *image = NULL;
    if (r->cmyk) meaning = VIPS_INTERPRETATION_CMYK;
    if (!raw || vips_copy(raw, &image, "interpretation", meaning, NULL)) return fail(vips_error_buffer(), r->file);
    if (r->icc) {
        VipsBlob *blob = NULL;
        if (vips_profile_load("srgb", &blob, NULL)) return fail(vips_error_buffer(), r->file);
        size_t length;
        const void *data = vips_blob_get(blob, &length);
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, data, length);
        vips_area_unref(VIPS_AREA(blob));
    }
    if (r->orientation) vips_image_set_int(image, VIPS_META_ORIENTATION, r->orientation);
    if (r->comment) vips_image_set_string(image, "exif-ifd0-ImageDescription", r->comment);
    int failed = vips_image_write_to_file(image, r->file, NULL);
    g_object_unref(image);
    g_object_unref(raw);
    free(all);
    return failed ? fail(vips_error_buffer(), r->file) : 0;
}

static int show(const char *name) {
    VipsImage *image = vips_image_new_from_file(name, NULL);
    const char *loader = "?", *comment = "";
    if (!image) return fail(vips_error_buffer(), name);
    vips_image_get_string(image, VIPS_META_LOADER, &loader);
    if (vips_image_get_typeof(image, "exif-ifd0-ImageDescription"))
        vips_image_get_string(image, "exif-ifd0-ImageDescription", &comment);
    double mean = 0;
    if (vips_avg(image, &mean, NULL)) return fail(vips_error_buffer(), name);
    printf("loader=%s width=%d height=%d bands=%d format=%s orientation=%d icc=%d mean=%.4f comment=%s\n", loader,
           image->Xsize, image->Ysize, image->Bands, vips_enum_nick(VIPS_TYPE_BAND_FORMAT, (int)image->BandFmt),
           vips_image_get_orientation(image), vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0, mean, comment);
    g_object_unref(image);
    return 0;
}

static int same(const char *a, const char *b, int band) {
    VipsImage *x = vips_image_new_from_file(a, NULL), *y = vips_image_new_from_file(b, NULL);
    VipsImage *bx = NULL, *by = NULL, *difference = NULL, *distance = NULL;
    double largest = 1;
    if (!x || !y || vips_extract_band(x, &bx, band < 0 ? x->Bands - 1 : band, NULL) ||
        vips_extract_band(y, &by, band < 0 ? y->Bands - 1 : band, NULL) || vips_subtract(bx, by, &difference, NULL) ||
        vips_abs(difference, &distance, NULL) || vips_max(distance, &largest, NULL))
        return fail(vips_error_buffer(), a);
    if (x->Xsize != y->Xsize || x->Ysize != y->Ysize) return fail("differs in size", b);
    return largest == 0 ? 0 : fail("differs", b);
}

#else

static int make_vips(const request *r) {
    return fail("this build has no libvips", r->file);
}
static int show(const char *name) {
    return fail("this build has no libvips", name);
}
static int same(const char *a, const char *b, int band) {
    (void)b, (void)band;
    return fail("this build has no libvips", a);
}

#endif

static int has_extension(const char *name, const char *extension) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot + 1, extension) == 0;
}

static int set_key(request *r, char *argument) {
    char *value = strchr(argument, '=');
    if (!value) return 1;
    *value++ = '\0';
    const struct {
        const char *name;
        int *number;
    } numbers[] = {{"channels", &r->channels}, {"depth", &r->depth}, {"orientation", &r->orientation},
                   {"icc", &r->icc},           {"cmyk", &r->cmyk},   {"fortran", &r->fortran}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(argument, numbers[i].name) == 0) {
            *numbers[i].number = atoi(value);
            return 0;
        }
    if (strcmp(argument, "constant") == 0) r->constant = atof(value);
    if (strcmp(argument, "scale") == 0) r->scale = atof(value);
    if (strcmp(argument, "bad") == 0) r->bad = value;
    if (strcmp(argument, "comment") == 0) r->comment = value;
    return strcmp(argument, "claim") == 0 && sscanf(value, "%llux%llu", &r->claim_width, &r->claim_height) != 2;
}

static int make(int argc, char **argv) {
    request r = {.file = argv[0], .channels = 1, .depth = 8, .constant = -1, .scale = 1};
    r.width = atoi(argv[1]);
    r.height = atoi(argv[2]);
    for (int i = 3; i < argc; i++)
        if (set_key(&r, argv[i])) return fail("unknown key", argv[i]);
    if (has_extension(r.file, "npy")) return make_npy(&r);
    if (r.claim_width) return make_png_claim(&r);
    return make_vips(&r);
}

int main(int argc, char **argv) {
#ifdef DIPPER_WITH_VIPS
    int npy = argc > 2 && has_extension(argv[2], "npy"); /* libvips takes its time to start */
    if (!npy && VIPS_INIT(argv[0])) return 1;
#endif
    if (argc >= 5 && strcmp(argv[1], "make") == 0) return make(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "show") == 0) return show(argv[2]);
    if (argc == 5 && strcmp(argv[1], "same") == 0) return same(argv[2], argv[3], atoi(argv[4]));
    return fail("make FILE WIDTH HEIGHT [KEY=VALUE]..., show FILE, or same A B BAND", "usage");
}
