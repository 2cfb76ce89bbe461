/* A method on the Levin cases, scored by the Levin protocol (docs/measures.md) against the PNG ground truth: one CSV
 * line a case, appended to a file as it is done, so that a stopped run goes on where it was. usage: bench_levin DATA
 * OUT.csv [-m METHOD] [-k own|N] [-s SEED] [-j THREADS] [-c im1_kernel1,...] [-d DIR] [f=v ...] DATA holds blurred/,
 * gt/, psf/ as ../shared/data/levin does; -d also writes pictures and PSFs there; -t also
 * prints the score on stderr every so many steps. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dipper/dipper.h"
#include "io/image_file.h"
#include "io/npy.h"
#include "io/psf_file.h"

enum { PICTURES = 2, PSFS = 8, PATH = 1024 };

typedef struct setup {
    const char *data, *csv, *method, *cases, *dir;
    int told; /* PSF size; 0: each case's own */
    uint64_t seed;
    int threads;
    long trace;    /* steps between scores on stderr; 0: none */
    char **fields; /* f=v */
    int field_count;
} setup;

typedef struct scores {
    double blurred, network, result, ssim, oracle, seconds;
} scores;

typedef struct truth {
    io_picture *blurred, *sharp;
    float *psf; /* convolution convention */
    int kh, kw;
} truth;

static _Noreturn void die(const char *what, const char *detail) {
    fprintf(stderr, "bench_levin: %s: %s\n", what, detail);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static truth load(const setup *s, const char *name, int picture, int psf) {
    truth t = {0};
    io_error e = {""};
    char path[PATH];
    npy_array kernel;
    snprintf(path, sizeof path, "%s/blurred/%s_img.png", s->data, name);
    if (picture_read(path, &t.blurred, &e) != DIPPER_OK) die(path, e.text);
    snprintf(path, sizeof path, "%s/gt/im%d.png", s->data, picture);
    if (picture_read(path, &t.sharp, &e) != DIPPER_OK) die(path, e.text);
    snprintf(path, sizeof path, "%s/psf/kernel%d.npy", s->data, psf);
    if (npy_read(path, &kernel, &e) != DIPPER_OK) die(path, e.text);
    const int n = kernel.width * kernel.height;
    for (int i = 0; i < n / 2; i++) { /* the data's arrays are correlation kernels */
        const float v = kernel.data[i];
        kernel.data[i] = kernel.data[n - 1 - i];
        kernel.data[n - 1 - i] = v;
    }
    t.psf = kernel.data;
    t.kh = kernel.height;
    t.kw = kernel.width;
    return t;
}

static double score(dipper_context *c, const dipper_image *x, const truth *t, double *ssim) {
    dipper_image reference = picture_view(t->sharp);
    dipper_score_options options;
    dipper_score found = {.struct_size = sizeof found};
    dipper_score_options_init(&options);
    options.protocol = "levin";
    if (dipper_score_result(c, x, &reference, &options, &found) != DIPPER_OK) die("score", dipper_context_message(c));
    if (ssim != NULL) *ssim = found.ssim;
    return found.psnr_db;
}

static void keep(const setup *s, const char *name, const truth *t, const float *picture, const float *psf, int kw,
                 int kh) {
    io_error e = {""};
    char path[PATH];
    if (s->dir == NULL) return;
    snprintf(path, sizeof path, "%s/%s.png", s->dir, name);
    if (picture_write(t->blurred, picture, path, 1, NULL, &e) != DIPPER_OK) die(path, e.text);
    snprintf(path, sizeof path, "%s/%s_psf.png", s->dir, name);
    if (psf_write_picture(psf, kw, kh, path, 1, &e) != DIPPER_OK) die(path, e.text);
    snprintf(path, sizeof path, "%s/%s_psf.npy", s->dir, name);
    if (psf_write_npy(psf, kw, kh, path, 1, &e) != DIPPER_OK) die(path, e.text);
}

static dipper_recipe *make_recipe(dipper_context *c, const setup *s) {
    dipper_recipe *recipe;
    if (dipper_recipe_create(c, s->method, &recipe) != DIPPER_OK) die(s->method, dipper_context_message(c));
    for (int i = 0; i < s->field_count; i++) {
        char field[256];
        snprintf(field, sizeof field, "%s", s->fields[i]);
        char *equals = strchr(field, '=');
        if (equals == NULL) die(field, "not field=value");
        *equals = '\0';
        if (dipper_recipe_set(c, recipe, field, equals + 1) != DIPPER_OK) die(field, dipper_context_message(c));
    }
    return recipe;
}

static scores run(dipper_context *c, const setup *s, const char *name, truth *t) {
    scores r = {0};
    dipper_recipe *recipe = make_recipe(c, s);
    dipper_solver *solver;
    dipper_solver_options options;
    dipper_image blurred = picture_view(t->blurred);
    const size_t n = (size_t)blurred.width * (size_t)blurred.height;
    float *out = malloc(n * sizeof *out), psf[101 * 101];
    dipper_image result = dipper_image_view(out, blurred.width, blurred.height, 1);
    long left;
    int kw, kh;

    dipper_solver_options_init(&options);
    options.psf_width = s->told > 0 ? s->told : t->kw;
    options.psf_height = s->told > 0 ? s->told : t->kh;
    options.seed = s->seed;
    const double begin = now();
    if (dipper_solver_create(c, &blurred, recipe, &options, &solver) != DIPPER_OK ||
        dipper_solver_step(solver, 0, &left) != DIPPER_OK)
        die(name, dipper_context_message(c));
    while (left > 1) {
        const long steps = s->trace > 0 && s->trace < left - 1 ? s->trace : left - 1;
        if (dipper_solver_step(solver, steps, &left) != DIPPER_OK ||
            dipper_solver_get_image(solver, &result) != DIPPER_OK)
            die(name, dipper_context_message(c));
        if (s->trace > 0) fprintf(stderr, "%s, %ld steps left: %.2f dB\n", name, left, score(c, &result, t, NULL));
    }
    const double pause = now();
    r.blurred = score(c, &blurred, t, NULL);
    r.network = score(c, &result, t, NULL); /* before the last step */
    const double resume = now();
    if (dipper_solver_step(solver, 1, &left) != DIPPER_OK || dipper_solver_get_image(solver, &result) != DIPPER_OK ||
        dipper_solver_get_psf(solver, psf) != DIPPER_OK)
        die(name, dipper_context_message(c));
    r.seconds = now() - resume + (pause - begin);
    r.result = score(c, &result, t, &r.ssim);
    dipper_solver_psf_size(solver, &kw, &kh);
    keep(s, name, t, out, psf, kw, kh);
    if (dipper_deconvolve_sparse(c, &blurred, t->psf, t->kw, t->kh, NULL, &result) != DIPPER_OK)
        die("oracle", dipper_context_message(c));
    r.oracle = score(c, &result, t, NULL);
    dipper_solver_destroy(&solver);
    dipper_recipe_destroy(&recipe);
    free(out);
    return r;
}

/* Whether the file already has a line that begins with key. */
static int done_before(const char *file, const char *key) {
    char line[512];
    FILE *f = fopen(file, "r");
    int found = 0;
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) found = strncmp(line, key, strlen(key)) == 0;
    if (f != NULL) fclose(f);
    return found;
}

static void append(const char *file, const char *key, const scores *r) {
    const int fresh = access(file, F_OK) != 0;
    FILE *f = fopen(file, "a");
    if (f == NULL) die(file, "cannot be written");
    if (fresh) fprintf(f, "method,settings,told,seed,case,blurred_db,network_db,result_db,ssim,true_psf_db,seconds\n");
    fprintf(f, "%s,%.2f,%.2f,%.2f,%.4f,%.2f,%.1f\n", key, r->blurred, r->network, r->result, r->ssim, r->oracle,
            r->seconds);
    fclose(f);
    printf("%s,%.2f,%.2f,%.2f,%.4f,%.2f,%.1f\n", key, r->blurred, r->network, r->result, r->ssim, r->oracle,
           r->seconds);
    fflush(stdout);
}

static void make_key(const setup *s, const char *name, char *key, size_t size) {
    char told[16] = "own", fields[256] = "";
    if (s->told > 0) snprintf(told, sizeof told, "%d", s->told);
    for (int i = 0; i < s->field_count; i++) {
        const size_t used = strlen(fields);
        snprintf(fields + used, sizeof fields - used, "%s%s", i > 0 ? " " : "", s->fields[i]);
    }
    snprintf(key, size, "%s,\"%s\",%s,%llu,%s", s->method, fields, told, (unsigned long long)s->seed, name);
}

static setup read_arguments(int argc, char **argv) {
    setup s = {.method = "fast"};
    int option;
    while ((option = getopt(argc, argv, "m:k:s:j:c:d:t:")) != -1) {
        switch (option) {
        case 'm':
            s.method = optarg;
            break;
        case 'k':
            s.told = strcmp(optarg, "own") == 0 ? 0 : atoi(optarg);
            break;
        case 's':
            s.seed = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            s.threads = atoi(optarg);
            break;
        case 'c':
            s.cases = optarg;
            break;
        case 'd':
            s.dir = optarg;
            break;
        case 't':
            s.trace = atol(optarg);
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind < 2)
        die("usage",
            "levin [-m METHOD] [-k own|N] [-s SEED] [-j N] [-c CASES] [-d DIR] [-t STEPS] DATA OUT.csv [f=v ...]");
    s.data = argv[optind];
    s.csv = argv[optind + 1];
    s.fields = argv + optind + 2;
    s.field_count = argc - optind - 2;
    return s;
}

int main(int argc, char **argv) {
    const setup s = read_arguments(argc, argv);
    dipper_context_options options;
    dipper_context *c;
    io_error e = {""};
    dipper_context_options_init(&options);
    options.threads = s.threads;
    if (io_init(argv[0], &e) != DIPPER_OK) die("files", e.text);
    if (dipper_context_create(&options, &c) != DIPPER_OK) die("context", "cannot be made");
    for (int i = 0; i < PICTURES * PSFS; i++) {
        char name[32], key[512];
        snprintf(name, sizeof name, "im%d_kernel%d", i / PSFS + 1, i % PSFS + 1);
        make_key(&s, name, key, sizeof key);
        if ((s.cases != NULL && strstr(s.cases, name) == NULL) || done_before(s.csv, key)) continue;
        truth t = load(&s, name, i / PSFS + 1, i % PSFS + 1);
        const scores r = run(c, &s, name, &t);
        append(s.csv, key, &r);
        picture_destroy(&t.blurred);
        picture_destroy(&t.sharp);
        free(t.psf);
    }
    dipper_context_destroy(&c);
    io_shutdown();
    return 0;
}
