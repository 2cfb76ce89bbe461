#include "bid/average.h"

#include <limits.h>
#include <math.h>

#include "base/memory.h"

enum { MOST_BLOCKS = 5 };

typedef struct block { /* Welford's mean and sum of squared differences from it, of `pictures` pictures */
    float *mean, *squares;
    long pictures;
} block;

struct dp_average {
    size_t count;
    long length;                 /* pictures of a whole block */
    long offset;                 /* pictures of the first one */
    int blocks;                  /* of the window */
    block ring[MOST_BLOCKS + 1]; /* the window's whole blocks, and the one in progress */
    int at;                      /* the one in progress */
    long added;
};

/* ---- Life ---- */

/* Most blocks, up to MOST_BLOCKS, that divide the window. */
static int blocks_of(long window) {
    int n = MOST_BLOCKS;
    while (window % n != 0) n--;
    return n;
}

void dp_average_reset(dp_average *a, long total) {
    for (int i = 0; i <= MOST_BLOCKS; i++) a->ring[i].pictures = 0;
    a->offset = total % a->length > 0 ? total % a->length : a->length;
    a->at = 0;
    a->added = 0;
}

dipper_status dp_average_open(size_t count, long window, long total, dp_diag *diag, dp_average **out) {
    dp_average *a = *out = dp_alloc(1, sizeof *a);
    bool good = a != NULL;
    if (good) {
        a->count = count;
        a->blocks = blocks_of(window);
        a->length = window / a->blocks;
        dp_average_reset(a, total);
    }
    for (int i = 0; good && i <= a->blocks; i++) {
        a->ring[i].mean = dp_alloc(count, sizeof(float));
        a->ring[i].squares = dp_alloc(count, sizeof(float));
        good = a->ring[i].mean != NULL && a->ring[i].squares != NULL;
    }
    if (good) return DIPPER_OK;
    dp_average_close(a);
    *out = NULL;
    return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the average of pictures");
}

void dp_average_close(dp_average *a) {
    if (a == NULL) return;
    for (int i = 0; i <= MOST_BLOCKS; i++) {
        dp_free(a->ring[i].mean);
        dp_free(a->ring[i].squares);
    }
    dp_free(a);
}

size_t dp_average_bytes(const dp_average *a) {
    return a == NULL ? 0 : 2 * (size_t)(a->blocks + 1) * a->count * sizeof(float);
}

/* ---- Adding ---- */

static long length_at(const dp_average *a) { /* of the block in progress */
    return a->added <= a->offset ? a->offset : a->length;
}

static bool just_ended(const dp_average *a) {
    return a->added > 0 && a->ring[a->at].pictures == length_at(a);
}

void dp_average_add(dp_average *a, const float *picture) {
    if (just_ended(a)) {
        a->at = (a->at + 1) % (a->blocks + 1);
        a->ring[a->at].pictures = 0;
    }
    block *b = &a->ring[a->at];
    const float share = 1.0f / (float)++b->pictures;
    a->added++;
    for (size_t i = 0; i < a->count; i++) {
        const float mean = b->pictures == 1 ? 0 : b->mean[i], from = picture[i] - mean;
        b->mean[i] = mean + share * from;
        b->squares[i] = b->pictures == 1 ? 0 : b->squares[i] + from * (picture[i] - b->mean[i]);
    }
}

bool dp_average_whole(const dp_average *a) {
    const long before = a->offset < a->length ? a->offset : 0; /* a first block that is shorter than the others */
    return just_ended(a) && a->added >= before + a->blocks * a->length;
}

void dp_average_archive(dp_average *a, dp_archive *archive) {
    dp_archive_long(archive, &a->offset, 1, a->length);
    dp_archive_int(archive, &a->at, 0, a->blocks);
    dp_archive_long(archive, &a->added, 0, LONG_MAX / 2);
    for (int i = 0; i <= a->blocks; i++) {
        dp_archive_long(archive, &a->ring[i].pictures, 0, a->length);
        if (a->ring[i].pictures == 0) continue;
        dp_archive_bytes(archive, a->ring[i].mean, a->count * sizeof(float));
        dp_archive_bytes(archive, a->ring[i].squares, a->count * sizeof(float));
    }
}

/* ---- Reading ---- */

typedef struct window { /* newest first */
    const block *of[MOST_BLOCKS + 1];
    int blocks;
    double pictures;
} window;

/* The block in progress and as many older ones as the window and the later half of the run have. */
static window find_window(const dp_average *a) {
    window w = {0};
    const int most = just_ended(a) ? a->blocks : a->blocks + 1;
    const long late = a->added - a->added / 2;
    for (int i = 0; i < most; i++) {
        const block *b = &a->ring[(a->at + a->blocks + 1 - i) % (a->blocks + 1)];
        if (b->pictures == 0 || (long)w.pictures + b->pictures > late) break;
        w.of[w.blocks++] = b;
        w.pictures += (double)b->pictures;
    }
    return w;
}

/* Mean and variance of value i over the window (Chan, Golub and LeVeque 1983). */
static double moments(const window *w, size_t i, double *variance) {
    double mean = 0, squares = 0;
    for (int k = 0; k < w->blocks; k++) mean += (double)w->of[k]->pictures * (double)w->of[k]->mean[i];
    mean /= w->pictures;
    for (int k = 0; k < w->blocks; k++) {
        const double from = (double)w->of[k]->mean[i] - mean;
        squares += (double)w->of[k]->squares[i] + (double)w->of[k]->pictures * from * from;
    }
    *variance = fmax(squares / w->pictures, 0);
    return mean;
}

bool dp_average_read(const dp_average *a, float *mean, float *deviation) {
    const window w = find_window(a);
    if (w.blocks == 0) return false;
    for (size_t i = 0; i < a->count; i++) {
        double variance;
        mean[i] = (float)moments(&w, i, &variance);
        if (deviation != NULL) deviation[i] = (float)sqrt(variance);
    }
    return true;
}

double dp_average_variance(const dp_average *a) {
    const window w = find_window(a);
    double sum = 0, variance;
    for (size_t i = 0; w.blocks > 0 && i < a->count; i++) {
        (void)moments(&w, i, &variance);
        sum += variance;
    }
    return sum / (double)a->count;
}
