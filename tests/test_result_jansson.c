/* study: results as files, folders of them, ids. SPDX-License-Identifier: Apache-2.0 */
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

#include "study/csv.h"
#include "study/id.h"
#include "study/result.h"

static char folder[64];

static int make_folder(void **state) {
    char runs[80];
    (void)state;
    strcpy(folder, "/tmp/dipper-study-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(runs, sizeof runs, "%s/runs", folder);
    return mkdir(runs, 0777);
}

static int remove_folder(void **state) {
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void put_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/runs/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static study_result example(const char *id, const char *name, uint64_t seed, double psnr_db) {
    study_result r;
    study_result_init(&r);
    strcpy(r.version, DIPPER_VERSION_STRING);
    strcpy(r.suite, "levin");
    strcpy(r.method, "fast");
    strcpy(r.protocol, "levin");
    strcpy(r.psf_told, "own");
    snprintf(r.id, sizeof r.id, "%s", id);
    snprintf(r.name, sizeof r.name, "%s", name);
    r.seed = seed;
    r.psnr_db = psnr_db;
    return r;
}

static void write_result(const study_result *r) {
    io_error e = {""};
    assert_int_equal(study_result_write(r, folder, &e), DIPPER_OK);
    assert_string_equal(e.text, "");
}

static void test_round_trip(void **state) {
    (void)state;
    io_error e = {""};
    char path[128];
    study_result back, r = example("0123456789abcdef", "im1_kernel1", UINT64_MAX, 1.0 / 3);
    r.quality.residual_rms = 1e-300;
    r.isnr_db = INFINITY;
    r.failed = 1;
    r.channel = -1;
    strcpy(r.message, "say \"no\" \\ \n line");
    strcpy(r.blurred_file, "/data/\xc3\xa4.png");
    write_result(&r);
    snprintf(path, sizeof path, "%s/runs/0123456789abcdef.json", folder);
    assert_int_equal(study_result_read(path, &back, &e), DIPPER_OK);
    assert_string_equal(back.id, r.id);
    assert_string_equal(back.name, r.name);
    assert_string_equal(back.message, r.message);
    assert_string_equal(back.blurred_file, r.blurred_file);
    assert_true(back.seed == UINT64_MAX);
    assert_int_equal(back.failed, 1);
    assert_int_equal(back.channel, -1);
    assert_true(fabs(back.psnr_db - 1.0 / 3) < 1e-15);
    assert_true(back.quality.residual_rms > 0 && isinf(back.isnr_db) && isnan(back.ssim));
}

/* Replaces the file's value of a key, whole line. */
static void spoil(const char *from, const char *to) {
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/runs/0000000000000001.json", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    char *at = strstr(text, from);
    assert_non_null(at);
    char spoilt[9000];
    snprintf(spoilt, sizeof spoilt, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    put_file("0000000000000001.json", spoilt);
}

static void test_bad_files(void **state) {
    (void)state;
    static const char *const pairs[][3] = {{"\"seed\": 1", "\"seed\": -1", "'seed' is wrong"},
                                           {"\"seed\": 1", "\"seed\": \"x\"", "'seed' is wrong"},
                                           {"\"clip\": 0", "\"clip\": 4294967296", "'clip' is wrong"},
                                           {"\"clip\": 0", "\"clip\": true", "'clip' is wrong"},
                                           {"\"ssim\": null", "\"ssim\": \"many\"", "'ssim' is wrong"},
                                           {"\"ssim\"", "\"mism\"", "'ssim' is missing"},
                                           {"\"dipper\"", "\"whale\"", "is not the result of a benchmark"},
                                           {"{", "", "cannot be read as JSON"}};
    study_results all;
    study_result r = example("0000000000000001", "a", 1, 30);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        io_error e = {""};
        write_result(&r);
        spoil(pairs[i][0], pairs[i][1]);
        assert_int_equal(study_results_load(folder, &all, &e), DIPPER_ERROR_INPUT);
        assert_non_null(strstr(e.text, "0000000000000001.json"));
        assert_non_null(strstr(e.text, pairs[i][2]));
        study_results_free(&all);
    }
    io_error e = {""};
    write_result(&r);
    spoil("\"id\": \"0000000000000001\"", "\"id\": \"00000000000000012\""); /* too long */
    assert_int_equal(study_results_load(folder, &all, &e), DIPPER_ERROR_INPUT);
    study_results_free(&all);
}

static void test_folder(void **state) {
    (void)state;
    io_error e = {""};
    study_results all;
    const study_result in[] = {example("0000000000000001", "b", 0, 30), example("0000000000000002", "a", 1, 31),
                               example("0000000000000003", "a", 0, 32)};
    study_result old = example("0000000000000004", "a", 0, 33), oracle = example("0000000000000005", "a", 0, 42);
    for (int i = 0; i < 3; i++) write_result(&in[i]);
    strcpy(old.version, "0.0.9");
    strcpy(oracle.method, "oracle");
    write_result(&old);
    write_result(&oracle);
    put_file("0000000000000006.claim", "");
    put_file(".dipper-1.json", "half");
    assert_int_equal(study_results_load(folder, &all, &e), DIPPER_OK);
    assert_int_equal(all.count, 4);
    assert_int_equal(all.other_versions, 1);
    static const char *const order[] = {"0000000000000003", "0000000000000002", "0000000000000001", "0000000000000005"};
    for (int i = 0; i < 4; i++) assert_string_equal(all.items[i].id, order[i]);
    assert_true(fabs(all.items[0].error_ratio - 10) < 1e-12); /* 10 dB below the oracle of its case */
    assert_true(all.items[0].oracle_psnr_db == 42);
    assert_true(isnan(all.items[2].error_ratio));
    study_results_free(&all);

    io_error missing = {""};
    assert_int_equal(study_results_load("/tmp/no-such-folder-here", &all, &missing), DIPPER_ERROR_INPUT);
    assert_non_null(strstr(missing.text, "/tmp/no-such-folder-here"));
    study_results_free(&all);
}

/* Quotes where commas are; nothing for what is not known. */
static void test_csv(void **state) {
    (void)state;
    io_error e = {""};
    char path[128], text[4096];
    study_result r = example("0000000000000001", "a", 7, 30.25);
    study_results all = {&r, 1, 0};
    strcpy(r.settings, "iterations=1,2");
    strcpy(r.message, "say \"no\"");
    r.isnr_db = INFINITY;
    snprintf(path, sizeof path, "%s/results.csv", folder);
    assert_int_equal(study_csv_write(&all, path, &e), DIPPER_OK);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *line = strchr(text, '\n');
    assert_non_null(line);
    assert_non_null(strstr(line, "\nlevin,fast,\"iterations=1,2\",own,a,7,,,0,0,0,,30.25,,inf,,"));
    assert_non_null(strstr(line, ",\"say \"\"no\"\"\","));
    assert_string_equal(strchr(line + 1, '\n'), "\n"); /* one line, and the end of it */
}

/* XXH64 of nothing and of "abc" with seed 0, from the algorithm's own test vectors. */
static study_run_key key_of(const char *method) {
    return (study_run_key){.suite = "levin",
                           .name = "a",
                           .blurred = "1",
                           .truth = "2",
                           .true_psf = "",
                           .protocol = "levin",
                           .method = method,
                           .psf_told = "own"};
}

static void test_ids(void **state) {
    (void)state;
    io_error e = {""};
    char path[128], id[STUDY_ID_SIZE], other[STUDY_ID_SIZE];
    if (!study_have_ids()) skip();
    snprintf(path, sizeof path, "%s/runs/file", folder);
    put_file("file", "");
    assert_int_equal(study_id_file(path, id, &e), DIPPER_OK);
    assert_string_equal(id, "ef46db3751d8e999");
    put_file("file", "abc");
    assert_int_equal(study_id_file(path, id, &e), DIPPER_OK);
    assert_string_equal(id, "44bc2cf5ad770999");
    assert_int_equal(study_id_file("/tmp/no-such-file-here", id, &e), DIPPER_ERROR_INPUT);

    study_run_key key = key_of("oracle");
    assert_int_equal(study_id_run(&key, id, &e), DIPPER_OK);
    study_run_key changed[] = {key, key, key, key, key, key, key, key, key, key};
    changed[0].blurred = "12", changed[0].truth = "";
    changed[1].true_psf = "3";
    changed[2].true_psf_rotated = 1;
    changed[3].protocol = "lai";
    changed[4].method = "fast";
    changed[5].psf_told = "5x5";
    changed[6].seed = 1;
    changed[7].suite = "lai";
    changed[8].name = "b";
    changed[9].nonblind = "tv";
    for (int i = 0; i < 10; i++) {
        assert_int_equal(study_id_run(&changed[i], other, &e), DIPPER_OK);
        assert_string_not_equal(id, other);
    }
}

/* Every field of the recipe counts. */
static void test_id_of_recipe(void **state) {
    (void)state;
    io_error e = {""};
    dipper_context *context = NULL;
    dipper_recipe *recipe = NULL;
    char id[STUDY_ID_SIZE], other[STUDY_ID_SIZE];
    if (!study_have_ids()) skip();
    study_run_key key = key_of("fast");
    assert_int_equal(dipper_context_create(NULL, &context), DIPPER_OK);
    assert_int_equal(dipper_recipe_create(context, "fast", &recipe), DIPPER_OK);
    key.recipe = recipe;
    assert_int_equal(study_id_run(&key, id, &e), DIPPER_OK);
    assert_int_equal(dipper_recipe_set(context, recipe, "tv", "0.125"), DIPPER_OK);
    assert_int_equal(study_id_run(&key, other, &e), DIPPER_OK);
    assert_string_not_equal(id, other);
    assert_int_equal(dipper_recipe_set(context, recipe, "tv", "0"), DIPPER_OK);
    assert_int_equal(study_id_run(&key, other, &e), DIPPER_OK);
    assert_string_equal(id, other);
    dipper_recipe_destroy(&recipe);
    dipper_context_destroy(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_bad_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_folder, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_csv, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ids, make_folder, remove_folder),
        cmocka_unit_test(test_id_of_recipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
