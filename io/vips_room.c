/* libvips: opening, metadata, reading, writing. SPDX-License-Identifier: Apache-2.0 */
#include "io/vips_room.h"

#ifndef DIPPER_WITH_VIPS

dipper_status vips_room_open(const char *program, io_error *error) {
    (void)program, (void)error;
    return DIPPER_OK;
}
void vips_room_close(void) {}
const char *vips_room_version(void) {
    return "";
}
void vips_room_forget(io_metadata *metadata) {
    (void)metadata;
}
dipper_status vips_room_read(const char *path, io_picture *picture, io_error *error) {
    (void)picture;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: this build has no libvips and reads .npy files only", path);
}
dipper_status vips_room_write(const vips_job *job, const output_file *file, io_error *error) {
    (void)job;
    return io_fail(error, DIPPER_ERROR_OUTPUT, "%s: this build has no libvips and writes .npy files only", file->path);
}
dipper_status vips_room_encode_png(const float *planes, int width, int height, int channels, unsigned char **bytes,
                                   size_t *count, io_error *error) {
    (void)planes, (void)width, (void)height, (void)channels, (void)bytes, (void)count;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "this build has no libvips and makes no pictures");
}

dipper_status vips_room_through_jpeg(const io_picture *like, float *planes, io_error *error) {
    (void)like, (void)planes;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "this build has no libvips and does not compress");
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

/* ---- Opening ---- */

/* Formats that are read. Everything else that this libvips could load (ImageMagick, PDF, SVG, Matlab ...) is blocked:
 * not pictures to deblur, or decoders that are known to be fragile. */
static const char *const allowed[] = {"Png", "Jpeg",    "Tiff", "Webp", "Heif", "Jxl",
                                      "Ppm", "Openexr", "Rad",  "Fits", "Jp2k", "Nsgif"};

static void keep_silent(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user) {
    (void)domain, (void)level, (void)message, (void)user;
}

/* libvips starts when the first file needs it: loading its modules takes longer than many a small job. */
static const char *program_name;
static int started;

dipper_status vips_room_open(const char *program, io_error *error) {
    (void)error;
    program_name = program;
    return DIPPER_OK;
}

dipper_status vips_room_start(io_error *error) {
    if (started) return DIPPER_OK;
    g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION), keep_silent,
                      NULL);
    if (VIPS_INIT(program_name ? program_name : "dipper"))
        return io_fail(error, DIPPER_ERROR_INTERNAL, "libvips does not start");
    started = 1;
    vips_cache_set_max(0); /* no picture is read twice */
    vips_concurrency_set(2);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        char name[48];
        snprintf(name, sizeof name, "VipsForeignLoad%s", allowed[i]);
        vips_operation_block_set(name, FALSE);
    }
    return DIPPER_OK;
}

void vips_room_close(void) {
    if (started) vips_shutdown();
    started = 0;
}

const char *vips_room_version(void) {
    static char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", vips_version(0), vips_version(1), vips_version(2));
    return text;
}

/* What libvips says, as one line. */
static dipper_status vips_failed(const char *path, const char *what, dipper_status status, io_error *error) {
    char line[400];
    snprintf(line, sizeof line, "%s", vips_error_buffer());
    vips_error_clear();
    size_t length = strlen(line);
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == ' ')) line[--length] = '\0';
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ') *c = c[1] && *c == '\n' ? ';' : ' ';
    return io_fail(error, status, "%s: %s%s%s%s", path, what, length ? " (" : "", line, length ? ")" : "");
}

/* ---- Metadata ---- */

struct io_metadata {
    VipsImage *header; /* one pixel, with the fields of the file's picture */
};

void vips_room_forget(io_metadata *metadata) {
    if (!metadata) return;
    if (metadata->header) g_object_unref(metadata->header);
    free(metadata);
}

/* Fields that describe the pixels or the file itself, or would be wrong in the new one. */
static int is_own_field(const char *name) {
    static const char *const own[] = {"width",
                                      "height",
                                      "bands",
                                      "format",
                                      "coding",
                                      "interpretation",
                                      "xoffset",
                                      "yoffset",
                                      "filename",
                                      "vips-loader",
                                      "n-pages",
                                      "page-height",
                                      "bits-per-sample",
                                      "palette",
                                      "orientation",
                                      "vips-sequential",
                                      "jpeg-multiscan",
                                      "interlaced",
                                      "loop",
                                      "delay",
                                      "background",
                                      "n-subifds",
                                      "palette-bit-depth",
                                      "jpeg-thumbnail-data",
                                      "heif-primary",
                                      "gif-palette",
                                      "gif-delay",
                                      "gif-loop",
                                      "heif-bitdepth",
                                      "jpeg-chroma-subsample",
                                      "history",
                                      "rad-format",
                                      "tiff-directory"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0) return 1;
    return 0;
}

static void *copy_field(VipsImage *from, const char *name, GValue *value, void *to) {
    (void)from;
    if (!is_own_field(name) && strcmp(name, "xres") != 0 && strcmp(name, "yres") != 0) vips_image_set(to, name, value);
    return NULL;
}

/* A copy of `from` (so that its header may be changed) with the fields of `fields`. */
static VipsImage *with_fields(VipsImage *from, VipsImage *fields, VipsInterpretation kind) {
    VipsImage *out = NULL;
    if (vips_copy(from, &out, "interpretation", kind, "xres", fields ? fields->Xres : 1.0, "yres",
                  fields ? fields->Yres : 1.0, NULL))
        return NULL;
    if (!fields) return out;
    vips_image_map(fields, copy_field, out);
    /* Setting the EXIF block brings back what it holds: the orientation, which is applied already, and a thumbnail of
     * the blurred picture. */
    vips_image_remove(out, "jpeg-thumbnail-data");
    if (vips_image_get_typeof(out, VIPS_META_ORIENTATION)) vips_image_set_int(out, VIPS_META_ORIENTATION, 1);
    return out;
}

static dipper_status keep_metadata(const char *path, VipsImage *image, int drop_profile, io_picture *p,
                                   io_error *error) {
    VipsImage *pixel = NULL;
    p->metadata = calloc(1, sizeof *p->metadata);
    if (!p->metadata) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory", path);
    if (!vips_black(&pixel, 1, 1, NULL)) {
        p->metadata->header = with_fields(pixel, image, VIPS_INTERPRETATION_B_W);
        g_object_unref(pixel);
    }
    VipsImage *header = p->metadata->header;
    if (!header) return vips_failed(path, "its metadata cannot be kept", DIPPER_ERROR_INTERNAL, error);
    if (drop_profile) vips_image_remove(header, VIPS_META_ICC_NAME);
    p->has_icc = vips_image_get_typeof(header, VIPS_META_ICC_NAME) != 0;
    p->has_exif = vips_image_get_typeof(header, VIPS_META_EXIF_NAME) != 0;
    return DIPPER_OK;
}

/* ---- Reading ---- */

static void add_note(io_picture *p, const char *format, const char *text) {
    size_t used = strlen(p->note);
    if (used) used += (size_t)snprintf(p->note + used, sizeof p->note - used, "; ");
    if (used < sizeof p->note) snprintf(p->note + used, sizeof p->note - used, format, text);
}

/* A step of reading that replaces *image by what it makes of it; consumes *image, NULL on failure. */
static int replace(VipsImage **image, VipsImage *made, int failed) {
    g_object_unref(*image);
    *image = failed ? NULL : made;
    return failed;
}

/* Through a source, which takes the name as it is: names given to loaders may end in "[options]". */
static VipsImage *open_picture(const char *path) {
    VipsImage *image = NULL;
    VipsSource *source = vips_source_new_from_file(path);
    if (!source) return NULL;
    if (vips_foreign_find_load_source(source)) {
        image = vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                           NULL);
    } else if (path[strlen(path) - 1] != ']' && vips_foreign_find_load(path)) {
        vips_error_clear();
        image = vips_image_new_from_file(path, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    }
    g_object_unref(source);
    return image;
}

/* PNG says its size in the first 24 bytes; libvips refuses large ones itself, but without naming size and limit. */
static dipper_status check_png_size(const char *path, io_error *error) {
    static const unsigned char mark[8] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
    unsigned char b[24];
    FILE *file = fopen(path, "rb");
    int png = file && fread(b, sizeof b, 1, file) == 1 && memcmp(b, mark, sizeof mark) == 0;
    if (file) fclose(file);
    if (!png) return DIPPER_OK;
    uint64_t width = (uint64_t)b[16] << 24 | (uint64_t)b[17] << 16 | (uint64_t)b[18] << 8 | b[19];
    uint64_t height = (uint64_t)b[20] << 24 | (uint64_t)b[21] << 16 | (uint64_t)b[22] << 8 | b[23];
    return io_check_size(path, width, height, error);
}

static int is_plain_colour(const VipsImage *image) {
    switch (image->Type) {
    case VIPS_INTERPRETATION_CMYK:
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_LABS:
    case VIPS_INTERPRETATION_LCH:
    case VIPS_INTERPRETATION_CMC:
    case VIPS_INTERPRETATION_XYZ:
    case VIPS_INTERPRETATION_YXY:
    case VIPS_INTERPRETATION_HSV:
        return 0;
    default:
        return 1;
    }
}

/* CMYK, Lab and others become sRGB, with 16 bits unless they had 8. */
static int convert_colour(VipsImage **image, io_picture *p) {
    VipsImage *out = NULL;
    int failed = 0;
    if ((*image)->Coding == VIPS_CODING_RAD) {
        failed = vips_rad2float(*image, &out, NULL);
        if (replace(image, out, failed)) return -1;
    }
    if (is_plain_colour(*image)) return 0;
    const char *from = vips_enum_nick(VIPS_TYPE_INTERPRETATION, (int)(*image)->Type);
    int eight = (*image)->BandFmt == VIPS_FORMAT_UCHAR && (*image)->Type != VIPS_INTERPRETATION_LABQ;
    add_note(p, "colours converted from %s to sRGB", from);
    out = NULL;
    failed = vips_colourspace(*image, &out, eight ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_RGB16, NULL);
    return replace(image, out, failed);
}

/* Integers wider than 16 bits, and signed ones, have no range: they are taken as they are. */
static int convert_format(VipsImage **image, io_picture *p) {
    VipsImage *out = NULL;
    switch ((*image)->BandFmt) {
    case VIPS_FORMAT_UCHAR:
        p->depth = IO_DEPTH_U8;
        return 0;
    case VIPS_FORMAT_USHORT:
        p->depth = IO_DEPTH_U16;
        return 0;
    case VIPS_FORMAT_DOUBLE:
        p->depth = IO_DEPTH_F64;
        return 0;
    case VIPS_FORMAT_FLOAT:
        p->depth = IO_DEPTH_F32;
        return 0;
    default:
        break;
    }
    p->depth = IO_DEPTH_F32;
    add_note(p, "%s integers are taken as they are, and written as 32-bit float",
             vips_enum_nick(VIPS_TYPE_BAND_FORMAT, (int)(*image)->BandFmt));
    int failed = vips_cast_float(*image, &out, NULL);
    return replace(image, out, failed);
}

static dipper_status check_bands(const char *path, const VipsImage *image, io_error *error) {
    if (vips_band_format_iscomplex(image->BandFmt))
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: holds complex numbers, which are not a picture", path);
    if (image->Bands >= 1 && image->Bands <= 4) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT, "%s: has %d channels; grey or RGB, with or without alpha, is expected",
                   path, image->Bands);
}

/* All of the pixels into memory, upright. Consumes *image. */
static int decode(VipsImage **image, io_picture *p) {
    VipsImage *out = vips_image_copy_memory(*image);
    if (replace(image, out, out == NULL)) return -1;
    p->orientation = vips_image_get_orientation(*image);
    out = NULL;
    int failed = vips_autorot(*image, &out, NULL);
    return replace(image, out, failed);
}

static dipper_status fill(const char *path, VipsImage *image, io_picture *p, io_error *error) {
    size_t plane = (size_t)image->Xsize * (size_t)image->Ysize;
    int bands = image->Bands, alpha = bands == 2 || bands == 4;
    p->width = image->Xsize;
    p->height = image->Ysize;
    p->channels = bands - alpha;
    const void *packed = vips_image_get_data(image);
    if (!packed) return vips_failed(path, "cannot be read", DIPPER_ERROR_INPUT, error);
    p->data = malloc(plane * (size_t)p->channels * sizeof *p->data);
    if (alpha) p->alpha = malloc(plane * sizeof *p->alpha);
    if (!p->data || (alpha && !p->alpha))
        return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory for its %d x %d pixels", path, p->width, p->height);
    for (int c = 0; c < p->channels; c++)
        samples_unpack(p->data + (size_t)c * plane, packed, p->depth, plane, bands, c);
    if (alpha) samples_unpack(p->alpha, packed, p->depth, plane, bands, bands - 1);
    return DIPPER_OK;
}

/* "pngload_source" -> "png" */
static void keep_format(VipsImage *image, io_picture *p) {
    const char *loader = "";
    if (vips_image_get_typeof(image, VIPS_META_LOADER)) vips_image_get_string(image, VIPS_META_LOADER, &loader);
    const char *end = strstr(loader, "load");
    snprintf(p->format, sizeof p->format, "%.*s", end ? (int)(end - loader) : 7, end ? loader : "unknown");
}

static dipper_status read_image(const char *path, VipsImage **image, io_picture *p, io_error *error) {
    IO_TRY(io_check_size(path, (uint64_t)(*image)->Xsize, (uint64_t)(*image)->Ysize, error));
    int pages = vips_image_get_n_pages(*image);
    if (pages > 1) add_note(p, "%s", "only the first of its pages is used");
    keep_format(*image, p);
    if (decode(image, p)) return vips_failed(path, "is damaged or cut short", DIPPER_ERROR_INPUT, error);
    int plain = is_plain_colour(*image);
    if (convert_colour(image, p)) return vips_failed(path, "colours cannot be converted", DIPPER_ERROR_INPUT, error);
    IO_TRY(check_bands(path, *image, error));
    if (convert_format(image, p)) return vips_failed(path, "cannot be read", DIPPER_ERROR_INPUT, error);
    IO_TRY(fill(path, *image, p, error));
    return keep_metadata(path, *image, !plain, p, error);
}

dipper_status vips_room_read(const char *path, io_picture *picture, io_error *error) {
    IO_TRY(check_png_size(path, error));
    IO_TRY(vips_room_start(error));
    VipsImage *image = open_picture(path);
    if (!image) return vips_failed(path, "is not a picture that can be read", DIPPER_ERROR_INPUT, error);
    dipper_status status = read_image(path, &image, picture, error);
    if (image) g_object_unref(image);
    vips_error_clear();
    return status;
}

/* ---- Writing ---- */

static void *pack(const vips_job *job, int bands) {
    size_t plane = (size_t)job->like->width * (size_t)job->like->height;
    void *packed = malloc(plane * (size_t)bands * depth_bytes(job->depth));
    if (!packed) return NULL;
    for (int c = 0; c < job->like->channels; c++)
        samples_pack(packed, job->planes + (size_t)c * plane, job->depth, plane, bands, c);
    if (job->alpha) samples_pack(packed, job->like->alpha, job->depth, plane, bands, bands - 1);
    return packed;
}

static VipsInterpretation interpretation(const vips_job *job) {
    int grey = job->like->channels == 1;
    if (job->depth == IO_DEPTH_U8) return grey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    if (job->depth == IO_DEPTH_U16) return grey ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16;
    return grey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_scRGB;
}

static int quality(const io_picture *like) {
    return like->jpeg_quality ? like->jpeg_quality : 95;
}

static int save(VipsImage *image, const vips_job *job, const char *name) {
    if (strcmp(job->format, "png") == 0) return vips_pngsave(image, name, NULL);
    if (strcmp(job->format, "jpeg") == 0)
        return vips_jpegsave(image, name, "Q", quality(job->like), "optimize_coding", TRUE, NULL);
    if (strcmp(job->format, "webp") == 0) return vips_webpsave(image, name, "Q", 95, NULL);
    if (strcmp(job->format, "fits") == 0) return vips_fitssave(image, name, NULL);
    /* 8 bits by LZW: a tenth larger than by deflate, in a ninth of the time; more bits are too noisy for it. */
    int floats = job->depth >= IO_DEPTH_F32, bytes = job->depth == IO_DEPTH_U8;
    return vips_tiffsave(image, name, "compression",
                         bytes ? VIPS_FOREIGN_TIFF_COMPRESSION_LZW : VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, "predictor",
                         floats ? VIPS_FOREIGN_TIFF_PREDICTOR_FLOAT : VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, NULL);
}

/* The picture to save, over the memory of `packed`; NULL on failure. */
static VipsImage *wrap(const vips_job *job, const void *packed, int bands) {
    static const VipsBandFormat kinds[] = {VIPS_FORMAT_UCHAR, VIPS_FORMAT_USHORT, VIPS_FORMAT_FLOAT,
                                           VIPS_FORMAT_DOUBLE};
    int width = job->like->width, height = job->like->height;
    size_t bytes = (size_t)width * (size_t)height * (size_t)bands * depth_bytes(job->depth);
    VipsImage *raw = vips_image_new_from_memory(packed, bytes, width, height, bands, kinds[job->depth]);
    if (!raw) return NULL;
    const io_metadata *metadata = job->like->metadata;
    VipsImage *image = with_fields(raw, metadata ? metadata->header : NULL, interpretation(job));
    g_object_unref(raw);
    return image;
}

static int save_packed(const vips_job *job, const void *packed, int bands, const char *name) {
    VipsImage *image = wrap(job, packed, bands);
    int failed = image ? save(image, job, name) : -1;
    if (image) g_object_unref(image);
    return failed;
}

dipper_status vips_room_write(const vips_job *job, const output_file *file, io_error *error) {
    int bands = job->like->channels + (job->alpha ? 1 : 0);
    IO_TRY(vips_room_start(error));
    void *packed = pack(job, bands);
    if (!packed) return io_fail(error, DIPPER_ERROR_MEMORY, "%s: no memory to write it", file->path);
    int failed = save_packed(job, packed, bands, file->temporary);
    free(packed);
    if (failed) return vips_failed(file->path, "cannot be written", DIPPER_ERROR_OUTPUT, error);
    vips_error_clear();
    return DIPPER_OK;
}

/* ---- JPEG and back ---- */

/* The packed 8-bit samples of `like` from a compressed picture; 0 if it is not that picture. */
static int unpack_jpeg(const void *file, size_t size, const io_picture *like, float *planes) {
    VipsImage *image = NULL;
    size_t plane = (size_t)like->width * (size_t)like->height;
    if (vips_jpegload_buffer((void *)file, size, &image, NULL)) return 0;
    const void *packed = vips_image_get_data(image);
    int good = packed && image->Xsize == like->width && image->Ysize == like->height &&
               image->Bands == like->channels && image->BandFmt == VIPS_FORMAT_UCHAR;
    for (int c = 0; good && c < like->channels; c++)
        samples_unpack(planes + (size_t)c * plane, packed, IO_DEPTH_U8, plane, like->channels, c);
    g_object_unref(image);
    return good;
}

dipper_status vips_room_through_jpeg(const io_picture *like, float *planes, io_error *error) {
    const vips_job job = {like, planes, "jpeg", IO_DEPTH_U8, 0};
    IO_TRY(vips_room_start(error));
    void *packed = pack(&job, like->channels), *file = NULL;
    size_t size = 0;
    if (!packed) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory to compress a picture");
    VipsImage *image = wrap(&job, packed, like->channels);
    int good = image && !vips_jpegsave_buffer(image, &file, &size, "Q", quality(like), NULL) &&
               unpack_jpeg(file, size, like, planes);
    if (image) g_object_unref(image);
    g_free(file);
    free(packed);
    if (!good) return vips_failed("JPEG", "a picture cannot be compressed", DIPPER_ERROR_OUTPUT, error);
    vips_error_clear();
    return DIPPER_OK;
}

/* ---- PNG in memory ---- */

/* Into memory of our own: libvips frees its by another function. */
static int encode_packed(const vips_job *job, const void *packed, unsigned char **bytes, size_t *count) {
    void *encoded = NULL;
    VipsImage *image = wrap(job, packed, job->like->channels);
    int failed = image ? vips_pngsave_buffer(image, &encoded, count, "compression", 9, NULL) : -1;
    if (image) g_object_unref(image);
    *bytes = failed ? NULL : malloc(*count);
    if (*bytes) memcpy(*bytes, encoded, *count);
    g_free(encoded);
    return *bytes ? 0 : -1;
}

dipper_status vips_room_encode_png(const float *planes, int width, int height, int channels, unsigned char **bytes,
                                   size_t *count, io_error *error) {
    io_picture like = {.width = width, .height = height, .channels = channels};
    vips_job job = {&like, planes, "png", IO_DEPTH_U8, 0};
    IO_TRY(vips_room_start(error));
    void *packed = pack(&job, channels);
    int failed = packed ? encode_packed(&job, packed, bytes, count) : -1;
    free(packed);
    if (failed) return vips_failed("a picture of the page", "cannot be made", DIPPER_ERROR_MEMORY, error);
    vips_error_clear();
    return DIPPER_OK;
}

#endif
