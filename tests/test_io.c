/* io: .npy headers and samples, depths, names, outputs that appear whole or not at all, records.
 * SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/image_file.h"
#include "io/npy.h"
#include "io/npy_header.h"
#include "io/output.h"
#include "io/psf_file.h"
#include "io/record.h"

static char folder[] = "/tmp/dipper-io-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void write_bytes(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* A .npy file of version 1 with this dictionary and these samples. */
static void write_npy(const char *path, const char *dictionary, const void *samples, size_t bytes) {
    unsigned char all[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t length = strlen(dictionary);
    assert_true(10 + length + bytes <= sizeof all);
    all[8] = (unsigned char)length;
    memcpy(all + 10, dictionary, length);
    memcpy(all + 10 + length, samples, bytes);
    write_bytes(path, all, 10 + length + bytes);
}

/* ---- Header ---- */

static void test_header_good(void **state) {
    (void)state;
    npy_header h;
    io_error e = {""};
    assert_int_equal(npy_parse_header("a", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n", &h, &e),
                     DIPPER_OK);
    assert_int_equal(h.order, '<');
    assert_int_equal(h.kind, 'f');
    assert_int_equal(h.bytes, 4);
    assert_int_equal(h.fortran, 0);
    assert_int_equal(h.rank, 2);
    assert_int_equal(h.shape[0], 3);
    assert_int_equal(h.shape[1], 4);
    /* other order of keys, double quotes, no spaces, one dimension, Python 2's L */
    assert_int_equal(npy_parse_header("a", "{\"shape\":(5L,),\"fortran_order\":True,\"descr\":\"|u1\"}", &h, &e),
                     DIPPER_OK);
    assert_int_equal(h.rank, 1);
    assert_int_equal(h.shape[0], 5);
    assert_int_equal(h.fortran, 1);
    assert_int_equal(npy_parse_header("a", "{'descr':'>i2','fortran_order':False,'shape':()}", &h, &e), DIPPER_OK);
    assert_int_equal(h.rank, 0);
}

static void test_header_bad(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'shape': (1, 1)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f', 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': '<f99999', 'fortran_order': False, 'shape': (3, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}",
        "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (3, 4)}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        npy_header h;
        io_error e = {""};
        assert_int_equal(npy_parse_header("name.npy", bad[i], &h, &e), DIPPER_ERROR_INPUT);
        assert_non_null(strstr(e.text, "name.npy"));
    }
}

static void test_header_huge_number(void **state) {
    (void)state;
    npy_header h;
    io_error e = {""};
    assert_int_equal(npy_parse_header("a",
                                      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 2)}",
                                      &h, &e),
                     DIPPER_OK);
    assert_int_equal(io_check_size("a", h.shape[1], h.shape[0], &e), DIPPER_ERROR_INPUT);
}

/* ---- Samples of .npy ---- */

static void expect_planes(const char *dictionary, const void *samples, size_t bytes, const float *wanted, int count) {
    npy_array a;
    io_error e = {""};
    const char *path = in_folder("samples.npy");
    write_npy(path, dictionary, samples, bytes);
    dipper_status status = npy_read(path, &a, &e);
    if (status) fail_msg("%s: %s", dictionary, e.text);
    assert_int_equal(a.width * a.height * a.channels, count);
    for (int i = 0; i < count; i++) assert_true(a.data[i] == wanted[i]);
    free(a.data);
}

static void test_npy_kinds(void **state) {
    (void)state;
    const float plain[] = {1, 2, 3, 250}, eighth[] = {1 / 255.0f, 2 / 255.0f, 3 / 255.0f, 250 / 255.0f},
                sixteenth[] = {1 / 65535.0f, 2 / 65535.0f, 3 / 65535.0f, 250 / 65535.0f};
    const uint8_t u8[] = {1, 2, 3, 250};
    const uint16_t u16[] = {1, 2, 3, 250}, half[] = {0x3c00, 0x4000, 0x4200, 0x5bd0};
    const int16_t i16[] = {1, 2, 3, 250};
    const uint32_t u32[] = {1, 2, 3, 250};
    const int64_t i64[] = {1, 2, 3, 250};
    const double f64[] = {1, 2, 3, 250};
    const uint8_t big16[] = {0, 1, 0, 2, 0, 3, 0, 250};
#define SHAPE ", 'fortran_order': False, 'shape': (2, 2)}"
    expect_planes("{'descr': '|u1'" SHAPE, u8, sizeof u8, eighth, 4);
    expect_planes("{'descr': '<u2'" SHAPE, u16, sizeof u16, sixteenth, 4);
    expect_planes("{'descr': '>u2'" SHAPE, big16, sizeof big16, sixteenth, 4);
    expect_planes("{'descr': '<i2'" SHAPE, i16, sizeof i16, plain, 4);
    expect_planes("{'descr': '>i2'" SHAPE, big16, sizeof big16, plain, 4);
    expect_planes("{'descr': '<u4'" SHAPE, u32, sizeof u32, plain, 4);
    expect_planes("{'descr': '<i8'" SHAPE, i64, sizeof i64, plain, 4);
    expect_planes("{'descr': '<f4'" SHAPE, plain, sizeof plain, plain, 4);
    expect_planes("{'descr': '<f8'" SHAPE, f64, sizeof f64, plain, 4);
    expect_planes("{'descr': '<f2'" SHAPE, half, sizeof half, plain, 4);
}

static void test_npy_orders(void **state) {
    (void)state;
    /* height 2, width 3: rows 1 2 3 and 4 5 6 */
    const float rows[] = {1, 2, 3, 4, 5, 6}, columns[] = {1, 4, 2, 5, 3, 6};
    expect_planes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", rows, sizeof rows, rows, 6);
    expect_planes("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", columns, sizeof columns, rows, 6);
    expect_planes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 1)}", rows, sizeof rows, rows, 6);
    /* one row of two pixels with three channels becomes three planes */
    const float planes[] = {1, 4, 2, 5, 3, 6};
    expect_planes("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3)}", rows, sizeof rows, planes, 6);
    expect_planes("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 3)}", planes, sizeof planes, planes, 6);
}

static void test_npy_round_trip(void **state) {
    (void)state;
    float planes[2 * 5 * 7];
    for (int i = 0; i < 70; i++) planes[i] = (float)i / 255.0f;
    for (int depth = IO_DEPTH_U8; depth <= IO_DEPTH_F64; depth++) {
        output_file file;
        npy_array a;
        io_error e = {""};
        const char *path = in_folder("round.npy");
        assert_int_equal(output_begin(&file, path, &e), DIPPER_OK);
        assert_int_equal(npy_write(&file, planes, 7, 5, 2, (io_depth)depth, &e), DIPPER_OK);
        assert_int_equal(output_commit(&file, 1, &e), DIPPER_OK);
        assert_int_equal(npy_read(path, &a, &e), DIPPER_OK);
        assert_int_equal(a.width, 7);
        assert_int_equal(a.height, 5);
        assert_int_equal(a.channels, 2);
        assert_int_equal(a.depth, depth);
        for (int i = 0; i < 70; i++) assert_float_equal(a.data[i], planes[i], 1e-7);
        free(a.data);
    }
}

/* Every shorter file is refused, and none is read as something else. */
static void test_npy_every_cut(void **state) {
    (void)state;
    unsigned char all[256] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const char *text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    size_t length = strlen(text), whole = 10 + length + 24;
    const char *path = in_folder("cut.npy");
    all[8] = (unsigned char)length;
    memcpy(all + 10, text, length);
    for (size_t n = 0; n <= whole; n++) {
        npy_array a;
        io_error e = {""};
        write_bytes(path, all, n);
        dipper_status status = npy_read(path, &a, &e);
        assert_int_equal(status, n == whole ? DIPPER_OK : DIPPER_ERROR_INPUT);
        assert_true(n == whole || strstr(e.text, path) != NULL);
        free(a.data);
    }
}

/* One byte changed at a time, anywhere: an error or a picture, never a crash (run with the sanitizers). */
static void test_npy_every_byte(void **state) {
    (void)state;
    unsigned char all[128] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const char *text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    size_t length = strlen(text), whole = 10 + length + 24;
    const char *path = in_folder("byte.npy");
    static const unsigned char tries[] = {0, 1, 9, 'u', 'L', '(', ')', ',', '\'', ' ', 127, 255};
    all[8] = (unsigned char)length;
    memcpy(all + 10, text, length);
    for (size_t at = 0; at < 10 + length; at++)
        for (size_t t = 0; t < sizeof tries; t++) {
            npy_array a;
            io_error e = {""};
            unsigned char kept = all[at];
            all[at] = tries[t];
            write_bytes(path, all, whole);
            all[at] = kept;
            dipper_status status = npy_read(path, &a, &e);
            assert_true(status == DIPPER_OK || (status == DIPPER_ERROR_INPUT && e.text[0]));
            free(a.data);
        }
}

/* ---- Samples ---- */

static void test_depths_round_trip(void **state) {
    (void)state;
    for (int v = 0; v < 65536; v++) {
        uint16_t from = (uint16_t)v, to = 0;
        float f;
        samples_unpack(&f, &from, IO_DEPTH_U16, 1, 1, 0);
        samples_pack(&to, &f, IO_DEPTH_U16, 1, 1, 0);
        assert_int_equal(to, from);
        assert_int_equal(samples_clipped(&f, IO_DEPTH_U16, 1, 1), 0);
    }
    for (int v = 0; v < 256; v++) {
        uint8_t from = (uint8_t)v, to = 0;
        float f;
        samples_unpack(&f, &from, IO_DEPTH_U8, 1, 1, 0);
        samples_pack(&to, &f, IO_DEPTH_U8, 1, 1, 0);
        assert_int_equal(to, from);
    }
}

static void test_clipping(void **state) {
    (void)state;
    const float planes[] = {-0.1f, 0.5f, 1.0000001f, NAN, /* second channel */ 0.2f, 1.2f, 0, 0};
    uint8_t packed[8];
    samples_pack(packed, planes, IO_DEPTH_U8, 4, 2, 0);
    samples_pack(packed, planes + 4, IO_DEPTH_U8, 4, 2, 1);
    const uint8_t wanted[] = {0, 51, 128, 255, 255, 0, 0, 0};
    assert_memory_equal(packed, wanted, sizeof wanted);
    assert_int_equal(samples_clipped(planes, IO_DEPTH_U8, 4, 2), 3); /* pixels 0, 1 and 3; 1.0000001 is white */
    assert_int_equal(samples_clipped(planes, IO_DEPTH_F32, 4, 2), 0);
}

/* ---- Names ---- */

static void test_paths(void **state) {
    (void)state;
    char out[IO_PATH_MAX];
    assert_string_equal(path_extension("a/b.c/name"), "");
    assert_string_equal(path_extension("a/.hidden"), "");
    assert_string_equal(path_extension("a/x.tar.gz"), "gz");
    assert_int_equal(path_stem_length("a/x.tar.gz"), 7);
    assert_int_equal(path_stem_length("a/.hidden"), 9);
    assert_int_equal(path_stem_length("name."), 4);
    assert_int_equal(path_stem_length("name"), 4);
    assert_true(path_has_extension("X.PNG", "png"));
    assert_string_equal(path_base("a/b"), "b");
    path_directory("/x", out);
    assert_string_equal(out, "/");
    path_directory("x", out);
    assert_string_equal(out, ".");
    path_directory("a//b", out);
    assert_string_equal(out, "a");
    io_error e = {""};
    assert_int_equal(path_print(out, &e, "%05000d", 1), DIPPER_ERROR_OUTPUT);
}

/* ---- Outputs ---- */

static int files_in_folder(void) {
    char command[320];
    int count = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void test_output_whole_or_not(void **state) {
    (void)state;
    output_file file;
    io_error e = {""}, again = {""};
    const char *path = in_folder("whole.txt");
    int before = files_in_folder();
    assert_int_equal(output_begin(&file, path, &e), DIPPER_OK);
    assert_int_equal(files_in_folder(), before + 1);
    assert_false(path_exists(path));
    output_discard(&file);
    assert_int_equal(files_in_folder(), before);

    assert_int_equal(output_begin(&file, path, &e), DIPPER_OK);
    write_bytes(file.temporary, "new", 3);
    assert_int_equal(output_commit(&file, 0, &e), DIPPER_OK);
    assert_true(path_exists(path));
    assert_int_equal(files_in_folder(), before + 1);

    /* a file that came into being during the work is not overwritten unasked */
    assert_int_equal(output_begin(&file, path, &e), DIPPER_OK);
    assert_int_equal(output_commit(&file, 0, &again), DIPPER_ERROR_OUTPUT);
    assert_non_null(strstr(again.text, "exists already"));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 3);
    assert_int_equal(files_in_folder(), before + 1);

    assert_int_equal(output_begin(&file, path, &e), DIPPER_OK);
    assert_int_equal(output_commit(&file, 1, &e), DIPPER_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 0);
    unlink(path);
}

static void test_output_abandon(void **state) {
    (void)state;
    output_file a, b;
    io_error e = {""};
    int before = files_in_folder();
    assert_int_equal(output_begin(&a, in_folder("a.png"), &e), DIPPER_OK);
    assert_int_equal(output_begin(&b, in_folder("b.png"), &e), DIPPER_OK);
    assert_string_equal(path_extension(a.temporary), "png");
    assert_int_equal(files_in_folder(), before + 2);
    output_abandon_all();
    assert_int_equal(files_in_folder(), before);
    output_discard(&a);
    output_discard(&b);
}

static void test_output_check(void **state) {
    (void)state;
    io_error e = {""};
    assert_int_equal(output_check(folder, 1, &e), DIPPER_ERROR_OUTPUT);
    e.text[0] = '\0';
    assert_int_equal(output_check(in_folder("no/such/file"), 1, &e), DIPPER_ERROR_OUTPUT);
    e.text[0] = '\0';
    assert_int_equal(output_check("", 1, &e), DIPPER_ERROR_OUTPUT);
    e.text[0] = '\0';
    int before = files_in_folder();
    assert_int_equal(output_check(in_folder("free.png"), 0, &e), DIPPER_OK);
    assert_int_equal(files_in_folder(), before);
}

/* ---- Pictures ---- */

static void test_picture_npy(void **state) {
    (void)state;
    io_picture *p = NULL, *q = NULL;
    io_error e = {""};
    io_written report;
    assert_int_equal(picture_create(6, 4, 3, IO_DEPTH_U8, &p, &e), DIPPER_OK);
    for (int i = 0; i < 72; i++) p->data[i] = (float)i / 60.0f; /* the last eleven are above 1 */
    const char *path = in_folder("picture.npy");
    /* a picture that did not come from .npy is written there as float */
    assert_int_equal(picture_write(p, p->data, path, 0, &report, &e), DIPPER_OK);
    assert_int_equal(report.depth, IO_DEPTH_F32);
    assert_int_equal(report.clipped, 0);
    assert_int_equal(picture_read(path, &q, &e), DIPPER_OK);
    assert_int_equal(q->channels, 3);
    assert_null(q->alpha);
    assert_memory_equal(q->data, p->data, 72 * sizeof(float));
    picture_destroy(&q);
    snprintf(p->format, sizeof p->format, "npy");
    assert_int_equal(picture_write(p, p->data, path, 1, &report, &e), DIPPER_OK);
    assert_int_equal(report.depth, IO_DEPTH_U8);
    assert_int_equal(report.clipped, 11);
    picture_destroy(&p);
    assert_null(p);
}

static void test_picture_refused(void **state) {
    (void)state;
    io_picture *p = NULL;
    io_error e = {""};
    assert_int_equal(picture_create(1000000, 1000000, 1, IO_DEPTH_U8, &p, &e), DIPPER_ERROR_INPUT);
    assert_null(p);
    e.text[0] = '\0';
    assert_int_equal(picture_create(0, 5, 1, IO_DEPTH_U8, &p, &e), DIPPER_ERROR_ARGUMENT);
    e.text[0] = '\0';
    assert_int_equal(picture_create(5, 5, 2, IO_DEPTH_U8, &p, &e), DIPPER_ERROR_ARGUMENT);
    e.text[0] = '\0';
    assert_int_equal(picture_read(folder, &p, &e), DIPPER_ERROR_INPUT);
    assert_null(p);
}

static void test_psf(void **state) {
    (void)state;
    const float psf[] = {0, 0.25f, 0, 0, 0.5f, 0.25f};
    npy_array a;
    io_error e = {""};
    assert_int_equal(psf_write_npy(psf, 3, 2, in_folder("psf.npy"), 0, &e), DIPPER_OK);
    assert_int_equal(npy_read(in_folder("psf.npy"), &a, &e), DIPPER_OK);
    assert_int_equal(a.width, 3);
    assert_memory_equal(a.data, psf, sizeof psf);
    free(a.data);
    if (!io_have_vips()) return;
    io_picture *p = NULL;
    assert_int_equal(psf_write_picture(psf, 3, 2, in_folder("psf.png"), 0, &e), DIPPER_OK);
    assert_int_equal(picture_read(in_folder("psf.png"), &p, &e), DIPPER_OK);
    assert_int_equal(p->width, 24);
    assert_int_equal(p->height, 16);
    assert_true(p->data[0] == 0 && p->data[15 * 24 + 8] == 1 && p->data[8] == 128 / 255.0f);
    picture_destroy(&p);
}

/* Losses that are not finite and names that are not UTF-8 must not spoil the record. */
static void test_record(void **state) {
    (void)state;
    if (!io_have_json()) skip();
    const double losses[] = {0.5, NAN, INFINITY};
    run_record r = {.status = DIPPER_ERROR_DIVERGED,
                    .input = "caf\xe9.png",
                    .loss = NAN,
                    .losses = losses,
                    .loss_count = 3,
                    .seed = UINT64_MAX,
                    .noise_sigma = 0.1,
                    .clipped_pixels = -1};
    io_error e = {""};
    char text[4096] = "";
    const char *path = in_folder("run.json");
    assert_int_equal(record_write(&r, path, 0, &e), DIPPER_OK);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "\"seed\": \"18446744073709551615\""));
    assert_non_null(strstr(text, "\"input\": \"caf?.png\""));
    assert_non_null(strstr(text, "\"loss\": null"));
    assert_non_null(strstr(text, "\"noise_sigma\": 0.1,"));
    assert_non_null(strstr(text, "\"clipped_pixels\": null"));
    assert_null(strstr(text, "nan"));
    assert_int_equal(record_write(&r, path, 0, &e), DIPPER_ERROR_OUTPUT);
}

static int start(void **state) {
    (void)state;
    io_error e = {""};
    return !mkdtemp(folder) || io_init("test_io", &e) != DIPPER_OK;
}

static int stop(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    io_shutdown();
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_good),
        cmocka_unit_test(test_header_bad),
        cmocka_unit_test(test_header_huge_number),
        cmocka_unit_test(test_npy_kinds),
        cmocka_unit_test(test_npy_orders),
        cmocka_unit_test(test_npy_round_trip),
        cmocka_unit_test(test_npy_every_cut),
        cmocka_unit_test(test_npy_every_byte),
        cmocka_unit_test(test_depths_round_trip),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_output_whole_or_not),
        cmocka_unit_test(test_output_abandon),
        cmocka_unit_test(test_output_check),
        cmocka_unit_test(test_picture_npy),
        cmocka_unit_test(test_picture_refused),
        cmocka_unit_test(test_psf),
        cmocka_unit_test(test_record),
    };
    return cmocka_run_group_tests_name("io", tests, start, stop);
}
