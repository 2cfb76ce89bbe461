/* Time of one solver iteration, each op's share, and the machine's ceilings beside it.
 * usage: iteration RECIPE PICTURE_SIDE PSF_SIDE ITERATIONS THREADS [f=v ...]
 * DIPPER_DEVICE in the environment names another back end, DIPPER_LANES other lanes for its recordings. Prints RESULT
 * and the median and least time (ms) and peak memory (MB), as bench/torch_iteration.py does. On a GPU also GRAPH:
 * forward, losses and backward alone, enqueued many times with one wait. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bid/stage.h"

/* ---- Ceilings ---- */

/* Fused multiply-adds on registers, all threads: GFLOP/s. Ten independent chains of vectors hide their latency. */
enum { CHAINS = 10, FMA_ROUNDS = 20000000 };

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static float chains_256(void) {
    __m256 a[CHAINS], m = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.5f);
    for (int i = 0; i < CHAINS; i++) a[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < FMA_ROUNDS; r++)
#pragma GCC unroll 10
        for (int i = 0; i < CHAINS; i++) a[i] = _mm256_fmadd_ps(a[i], m, b);
    for (int i = 1; i < CHAINS; i++) a[0] = _mm256_add_ps(a[0], a[i]);
    return _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) static float chains_512(void) {
    __m512 a[CHAINS], m = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.5f);
    for (int i = 0; i < CHAINS; i++) a[i] = _mm512_set1_ps((float)i);
    for (int r = 0; r < FMA_ROUNDS; r++)
#pragma GCC unroll 10
        for (int i = 0; i < CHAINS; i++) a[i] = _mm512_fmadd_ps(a[i], m, b);
    for (int i = 1; i < CHAINS; i++) a[0] = _mm512_add_ps(a[0], a[i]);
    return _mm512_cvtss_f32(a[0]);
}

static int vector_length(void) {
    return __builtin_cpu_supports("avx512f") ? 16 : __builtin_cpu_supports("avx2") ? 8 : 0;
}
static float chains(void) {
    return vector_length() == 16 ? chains_512() : chains_256();
}
#else
static int vector_length(void) {
    return 0;
}
static float chains(void) {
    return 0;
}
#endif

/* 0 where the machine has neither AVX2 nor AVX-512. */
static double peak_gflops(int threads) {
    float sink = 0;
    if (vector_length() == 0) return 0;
    const double begin = dp_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : sink)
    sink += chains();
    const double seconds = dp_seconds() - begin;
    return sink == 0 ? 0 : 2e-9 * CHAINS * FMA_ROUNDS * vector_length() * threads / seconds;
}

/* Copying between arrays far larger than the caches: GB/s read plus written. */
static double copy_gbs(int threads) {
    const size_t n = (size_t)1 << 26; /* floats: 256 MB each */
    float *a = dp_alloc(n, sizeof *a), *b = dp_alloc(n, sizeof *b);
    double best = 0;
    for (int r = 0; a != NULL && b != NULL && r < 4; r++) {
        const double begin = dp_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
        for (size_t i = 0; i < n; i++) b[i] = a[i];
        best = fmax(best, 2e-9 * (double)(n * sizeof *a) / (dp_seconds() - begin));
    }
    dp_free(a);
    dp_free(b);
    return best;
}

/* ---- One op's arithmetic and traffic ---- */

static double flops(const dp_op *op) {
    switch (op->kind) {
    case DP_CONV_FWD:
    case DP_CONV_BWD_DATA:
    case DP_CONV_BWD_WEIGHTS:
        return 2.0 * (double)dp_count(op->y) * op->x.c * op->conv.k * op->conv.k;
    case DP_BLUR_FWD:
        return 2.0 * (double)dp_count(op->y) * op->blur.kh * op->blur.kw;
    case DP_BLUR_BWD:
        return 4.0 * (double)dp_count(op->y) * op->blur.kh * op->blur.kw;
    default:
        return 0;
    }
}

static double least_bytes(const dp_op *op) { /* each array touched once */
    const double x = 4.0 * (double)dp_count(op->x), y = 4.0 * (double)dp_count(op->y);
    switch (op->kind) {
    case DP_NORM_ACT_BWD:
        return 2 * x + y;
    case DP_ADAM:
        return 7 * x;
    case DP_ADD:
        return 2 * x + y;
    default:
        return x + y;
    }
}

/* Until everything asked for is done; nothing to do where plan_run does it at once. */
static void wait_for(dp_backend *be) {
    if (be->vt->check != NULL) (void)be->vt->check(be, NULL);
}

/* Copying within a device's memory: GB/s read plus written. */
static double device_copy_gbs(dp_backend *be) {
    const size_t bytes = (size_t)1 << 30;
    void *a = be->vt->alloc(be, bytes), *b = be->vt->alloc(be, bytes);
    double best = 0;
    for (int r = 0; a != NULL && b != NULL && r < 5; r++) {
        wait_for(be);
        const double begin = dp_seconds();
        for (int i = 0; i < 10; i++) be->vt->copy(be, b, a, bytes);
        wait_for(be);
        best = fmax(best, 20e-9 * (double)bytes / (dp_seconds() - begin));
    }
    if (a != NULL) be->vt->release(be, a);
    if (b != NULL) be->vt->release(be, b);
    return best;
}

typedef struct row {
    dp_op op;
    double seconds;
    int count;
} row;

static bool same(const dp_op *a, const dp_op *b) {
    return a->kind == b->kind && dp_shape_equal(a->x, b->x) && dp_shape_equal(a->y, b->y) && (flops(a) == flops(b));
}

static int slowest_first(const void *a, const void *b) {
    const row *x = a, *y = b;
    return x->seconds < y->seconds ? 1 : x->seconds > y->seconds ? -1 : 0;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

enum { MAX_ROWS = 512, ROUNDS = 5 };

/* One step's time: of one run, or on a device of one among many, so that the wait does not count. */
static double step_seconds(dp_backend *be, dp_graph *g, int step) {
    const int runs = be->vt->check != NULL ? 20 : 1;
    const double begin = dp_seconds();
    for (int i = 0; i < runs; i++) dp_graph_step_run(g, step);
    wait_for(be);
    return (dp_seconds() - begin) / runs;
}

/* peak 0: not known. */
static void print_shares(dp_backend *be, dp_graph *g, double peak, double copy) {
    static row rows[MAX_ROWS];
    int n = 0;
    double total = 0;
    for (int i = 0; i < dp_graph_step_count(g); i++) {
        const dp_op *op = dp_graph_step_op(g, i);
        double t[ROUNDS];
        if (!dp_graph_step_on(g, i)) continue;
        for (int r = 0; r < ROUNDS; r++) t[r] = step_seconds(be, g, i);
        qsort(t, ROUNDS, sizeof *t, ascending);
        int j = 0;
        while (j < n && !same(&rows[j].op, op)) j++;
        if (j == MAX_ROWS) continue;
        if (j == n) rows[n++].op = *op;
        rows[j].seconds += t[ROUNDS / 2];
        rows[j].count++;
        total += t[ROUNDS / 2];
    }
    qsort(rows, (size_t)n, sizeof *rows, slowest_first);
    printf("%-18s %5s %-24s %9s %6s %9s %6s %7s %6s\n", "op", "times", "shape", "ms", "share", "GFLOP/s", "/peak",
           "GB/s", "/copy");
    for (int i = 0; i < n && i < 40; i++) {
        const dp_op *op = &rows[i].op;
        char shape[64];
        snprintf(shape, sizeof shape, "%dx%dx%d -> %dx%dx%d", op->x.c, op->x.h, op->x.w, op->y.c, op->y.h, op->y.w);
        const double gflops = 1e-9 * flops(op) * rows[i].count / rows[i].seconds;
        const double gbs = 1e-9 * least_bytes(op) * rows[i].count / rows[i].seconds;
        printf("%-18s %5d %-24s %9.3f %5.1f%% %9.1f %5.0f%% %7.1f %5.0f%%\n", dp_op_name(op->kind), rows[i].count,
               shape, 1e3 * rows[i].seconds, 100 * rows[i].seconds / total, gflops, peak > 0 ? 100 * gflops / peak : 0,
               gbs, 100 * gbs / copy);
    }
    printf("sum of ops %.3f ms\n", 1e3 * total);
}

static void print_graph(dp_backend *be, dp_graph *g) {
    enum { RUNS = 100 };
    wait_for(be);
    const double begin = dp_seconds();
    for (int i = 0; i < RUNS; i++) dp_graph_run(g);
    wait_for(be);
    printf("GRAPH %.3f ms\n", 1e3 * (dp_seconds() - begin) / RUNS);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: %s RECIPE PICTURE_SIDE PSF_SIDE ITERATIONS THREADS [field=value ...]\n", argv[0]);
        return 2;
    }
    dp_diag diag = {0};
    dp_recipe recipe;
    dp_backend *be = NULL;
    dp_params *params = NULL;
    dp_problem problem = {0};
    const dp_seeds seeds = {0};
    dp_stage stage;
    const int side = atoi(argv[2]), psf = atoi(argv[3]), iterations = atoi(argv[4]), threads = atoi(argv[5]);
    dp_image picture = {0};
    dipper_status status = dp_recipe_init(argv[1], &diag, &recipe);
    for (int i = 6; i < argc && status == DIPPER_OK; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals != NULL) *equals = '\0';
        status = dp_recipe_set(&recipe, argv[i], equals != NULL ? equals + 1 : "", &diag);
    }
    if (status == DIPPER_OK) status = dp_image_create(side, side, 1, &diag, &picture);
    for (int i = 0; i < side * side && status == DIPPER_OK; i++)
        picture.data[i] = 0.5f + 0.4f * sinf(0.01f * (float)(i % 977));
    if (status == DIPPER_OK)
        status = dp_backend_open(getenv("DIPPER_DEVICE") ? getenv("DIPPER_DEVICE") : "auto", threads, &diag, &be);
    if (status == DIPPER_OK && getenv("DIPPER_LANES") != NULL) be->lanes = atoi(getenv("DIPPER_LANES"));
    if (status == DIPPER_OK) status = dp_params_new(be, &diag, &params);
    const int last = recipe.scales.count - 1;
    dipper_solver_options options = {.struct_size = sizeof options, .psf_width = psf, .psf_height = psf};
    recipe.psf_margin = 0;
    if (status == DIPPER_OK) status = dp_problem_open(&problem, &picture, &recipe, &options, &diag);
    if (status == DIPPER_OK) status = dp_stage_open(&stage, be, &recipe, last, &problem, NULL, &seeds, params, &diag);
    if (status == DIPPER_OK) status = dp_params_alloc(params, &diag);
    if (status == DIPPER_OK) status = dp_params_init(params, dp_philox_key_make(0, DP_STREAM_WEIGHTS), &diag);
    void *arena = status == DIPPER_OK ? be->vt->alloc(be, dp_graph_arena_bytes(stage.graph)) : NULL;
    if (arena != NULL) status = dp_stage_begin(&stage, &recipe, arena, NULL, NULL, &diag);
    double *t = dp_alloc((size_t)iterations, sizeof *t);
    if (status != DIPPER_OK || arena == NULL || t == NULL) {
        fprintf(stderr, "bench_iteration: %s\n", diag.text);
        return 1;
    }
    for (int i = 0; i < iterations; i++) {
        const double begin = dp_seconds();
        const dp_turn turn = {i, i, i, 1};
        bool skipped;
        (void)dp_stage_iterate(&stage, &recipe, params, &turn, &skipped);
        t[i] = dp_seconds() - begin;
    }
    qsort(t, (size_t)iterations, sizeof *t, ascending);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("dipper %s: %s, %d threads, latent %dx%d, PSF %dx%d\n", argv[1], be->detail, threads, stage.at.lh,
           stage.at.lw, psf, psf);
    printf("RESULT %.3f %.3f %.0f\n", 1e3 * t[iterations / 2], 1e3 * t[0], (double)usage.ru_maxrss / 1024);
    const bool device = be->vt->check != NULL;
    if (device) print_graph(be, stage.graph);
    const double peak = device ? 0 : peak_gflops(threads), copy = device ? device_copy_gbs(be) : copy_gbs(threads);
    printf("ceilings: %.0f GFLOP/s multiply-add, %.1f GB/s copy\n", peak, copy);
    print_shares(be, stage.graph, peak, copy);
    if (device && be->vt->check(be, &diag) != DIPPER_OK) {
        fprintf(stderr, "bench_iteration: %s\n", diag.text);
        return 1;
    }
    return 0;
}
