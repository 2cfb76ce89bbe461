/* How long scores take: least and median of the public calls, the CPU time of all threads (what counts on a busy
 * machine), and a plain loop over both pictures in the same run. Usage: score [-j THREADS]. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "dipper/dipper.h"

enum { RUNS = 7 };

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static dipper_image make(int width, int height, int channels, unsigned seed) {
    const size_t n = (size_t)width * (size_t)height * (size_t)channels;
    float *data = malloc(n * sizeof *data);
    if (data == NULL) exit(5);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525U + 1013904223U;
        data[i] = 0.5F + 0.3F * sinf((float)(i % (size_t)width) * 0.1F) + 0.1F * (float)(seed >> 8) / 16777216.0F;
    }
    return dipper_image_view(data, width, height, channels);
}

/* The plainest loop over both pictures: sum of squared differences. */
static double plain_loop(const dipper_image *a, const dipper_image *b) {
    const size_t n = (size_t)a->width * (size_t)a->height * (size_t)a->channels;
    volatile double sink;
    double sum = 0;
    const double begin = dp_seconds();
    for (size_t i = 0; i < n; i++) sum += ((double)a->data[i] - b->data[i]) * ((double)a->data[i] - b->data[i]);
    sink = sum;
    (void)sink;
    return dp_seconds() - begin;
}

static void measure(dipper_context *c, const char *protocol, int width, int height, int channels) {
    dipper_image a = make(width, height, channels, 1), b = make(width, height, channels, 2);
    double seconds[RUNS], busy[RUNS], loop[RUNS];
    dipper_score_options options;
    dipper_score_options_init(&options);
    options.protocol = protocol;
    for (int i = 0; i < RUNS; i++) {
        dipper_score out = {.struct_size = sizeof out};
        loop[i] = plain_loop(&a, &b);
        const double begin = dp_seconds();
        const clock_t used = clock();
        if (dipper_score_result(c, &a, &b, &options, &out) != DIPPER_OK) exit(1);
        busy[i] = (double)(clock() - used) / CLOCKS_PER_SEC;
        seconds[i] = dp_seconds() - begin;
    }
    qsort(seconds, RUNS, sizeof *seconds, ascending);
    qsort(busy, RUNS, sizeof *busy, ascending);
    qsort(loop, RUNS, sizeof *loop, ascending);
    printf("%-6s %5d x %4d x %d  %8.1f %8.1f  %8.1f  %8.1f\n", protocol, width, height, channels, 1e3 * seconds[0],
           1e3 * seconds[RUNS / 2], 1e3 * busy[RUNS / 2], 1e3 * loop[RUNS / 2]);
    free(a.data);
    free(b.data);
}

int main(int argc, char **argv) {
    dipper_context_options options;
    dipper_context *c;
    struct rusage usage;
    dipper_context_options_init(&options);
    if (argc == 3 && strcmp(argv[1], "-j") == 0) options.threads = atoi(argv[2]);
    if (dipper_context_create(&options, &c) != DIPPER_OK) return 1;
    printf("threads %d; ms\nprotocol, picture            least   median  CPU time  plain loop\n",
           dipper_context_threads(c));
    measure(c, "levin", 255, 255, 1);
    measure(c, "plain", 255, 255, 1);
    measure(c, "lai", 1000, 700, 3);
    measure(c, "plain", 4000, 3000, 3);
    dipper_context_destroy(&c);
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld MB, both pictures included\n", usage.ru_maxrss / 1024);
    return 0;
}
