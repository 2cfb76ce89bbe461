#include "deconv/tiles.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>

#include "base/memory.h"
#include "fourier/fourier.h"

/* ---- The plan ---- */

enum {
    WHOLE = 1280 * 1280, /* pixels up to which a picture is not cut unless memory is short */
    LEAST = 32,          /* of a tile's share */
    PROBES = 4
};

/* A tile ends where the picture goes on: what methods assume of the border of a picture (wrap, taper) does not hold. */
static dp_edges edges_of_tile(const dp_nonblind *job) {
    return job->method->edges & 1U << DP_EDGES_LATENT ? DP_EDGES_LATENT : DP_EDGES_TAPER;
}

/* Of the share next to a neighbour. Where something wrong is assumed beyond the border, it rings far. */
static int margin(const dp_nonblind *job, int k) {
    return edges_of_tile(job) == DP_EDGES_LATENT ? k + 24 : 3 * k + 16;
}

/* How far two tiles fade into each other on either side of their boundary. */
static int fade(int k) {
    return k / 4 + 2;
}

/* Side of a tile with its margins: a dozen planes of it fit into the caches, the margins are not the most of it, and
 * its grid has a good size. */
static int best_side(const dp_nonblind *job) {
    const int k = job->kw > job->kh ? job->kw : job->kh;
    return dp_fft_good_size(360 + 8 * k) - (k - 1);
}

static int least_int(int a, int b) {
    return a < b ? a : b;
}

/* As few tiles as have no side above `most`, margins included. */
static int parts(int size, int m, int most) {
    const int share = most - 2 * m > LEAST ? most - 2 * m : LEAST;
    return size <= most ? 1 : (size + share - 1) / share;
}

/* Of the largest tile. A picture that wraps has margins everywhere. */
static int side(const dp_nonblind *job, int size, int parts, int m) {
    const int whole = (size + parts - 1) / parts + 2 * m;
    return job->edges == DP_EDGES_WRAP ? whole : parts == 1 ? size : least_int(size, whole);
}

static void cut(const dp_nonblind *job, dp_tiling *t, int width, int height, int most) {
    t->columns = parts(width, t->margin_x, most);
    t->rows = parts(height, t->margin_y, most);
    const int w = side(job, width, t->columns, t->margin_x), h = side(job, height, t->rows, t->margin_y);
    t->bytes = dp_nonblind_bytes(job, w, h) + sizeof(float) * (size_t)w * (size_t)h * (size_t)job->channels;
}

dipper_status dp_tiling_plan(const dp_nonblind *job, int width, int height, size_t limit, dp_diag *diag, dp_tiling *t) {
    const size_t whole = dp_nonblind_bytes(job, width, height);
    const bool fits = limit == 0 || whole <= limit;
    *t = (dp_tiling){.columns = 1, .rows = 1, .at_once = 1, .bytes = whole};
    if (fits && ((size_t)width * (size_t)height <= WHOLE || job->method->iterations == 0)) return DIPPER_OK;
    t->margin_x = margin(job, job->kw);
    t->margin_y = margin(job, job->kh);
    for (int most = best_side(job); most >= LEAST; most -= 16) {
        cut(job, t, width, height, most); /* the number of threads may not change this, or it would change bits */
        if (limit != 0 && t->bytes > limit) continue;
        const size_t room = limit != 0 ? limit / t->bytes : SIZE_MAX;
        t->at_once = least_int(job->be->threads, t->columns * t->rows);
        if ((size_t)t->at_once > room) t->at_once = (int)room;
        t->bytes *= (size_t)t->at_once;
        return DIPPER_OK;
    }
    return dp_fail(
        diag, DIPPER_ERROR_MEMORY,
        "method %s needs about %zu KB for the smallest tile of %d x %d pixels with a PSF of %d x %d, more than "
        "the %zu KB allowed; allow more",
        job->method->name, (t->bytes >> 10) + 1, width, height, job->kw, job->kh, limit >> 10);
}

/* ---- One tile ---- */

typedef struct span { /* in one direction */
    int from, to;     /* with margins; outside of the picture where that wraps */
    int begin, end;   /* the share */
    int size, fade;   /* size: of the picture */
} span;

static span span_of(int index, int count, int size, int m, int k, bool wrap) {
    span s = {.size = size, .fade = fade(k)};
    s.begin = (int)((long long)size * index / count);
    s.end = (int)((long long)size * (index + 1) / count);
    s.from = wrap || s.begin - m > 0 ? s.begin - m : 0;
    s.to = wrap ? s.end + m : least_int(s.end + m, size);
    return s;
}

static int wrapped(const span *s, int at) {
    return (at % s->size + s->size) % s->size;
}

/* How much of pixel `at` comes from this tile: all of them together give 1. */
static float share(const span *s, int at) {
    const float slope = 0.5F / (float)s->fade;
    const float left = s->begin == 0 ? 1 : 0.5F + ((float)(at - s->begin) + 0.5F) * slope;
    const float right = s->end == s->size ? 1 : 0.5F - ((float)(at - s->end) + 0.5F) * slope;
    return fminf(fmaxf(left, 0), 1) * fminf(fmaxf(right, 0), 1);
}

typedef struct crew { /* what the tiles share */
    const dp_tiling *tiling;
    dp_nonblind *job;
    const dp_image *picture;
    dipper_image *out;
    int done; /* tiles */
    int stop; /* asked to, or one has failed */
    dipper_status status;
    dp_diag diag;
} crew;

typedef struct tile {
    crew *crew;
    span x, y;
    dp_nonblind job;
    dp_image picture;
    unsigned char *mask;
    dp_diag diag;
} tile;

static int is_stopped(crew *c) {
    int stop;
#pragma omp atomic read
    stop = c->stop;
    return stop;
}

static void stop(crew *c, dipper_status status, const dp_diag *diag) {
#pragma omp critical(dp_tiles)
    if (c->status == DIPPER_OK) {
        c->status = status;
        c->diag = *diag;
    }
#pragma omp atomic write
    c->stop = 1;
}

/* Only the thread that called the library tells the caller. A stop reaches the others at their next iteration. */
static int watch(int done, int of, void *user) {
    tile *t = user;
    crew *c = t->crew;
    int finished;
#pragma omp atomic read
    finished = c->done;
    const int count = c->tiling->columns * c->tiling->rows;
    if (omp_get_thread_num() == 0 && c->job->progress != NULL &&
        c->job->progress(least_int(finished, count - 1) * of + done, count * of, c->job->user) != 0)
        stop(c, DIPPER_ERROR_CANCELLED,
             &(dp_diag){.status = DIPPER_ERROR_CANCELLED, .text = "the deconvolution was asked to stop"});
    return is_stopped(c);
}

/* Of all channels, and the mask. */
static dipper_status take(tile *t) {
    const dp_image *picture = t->crew->picture;
    const unsigned char *mask = t->crew->job->mask;
    const int w = t->x.to - t->x.from, h = t->y.to - t->y.from;
    DP_TRY(dp_image_create(w, h, picture->channels, &t->diag, &t->picture));
    t->mask = mask != NULL ? dp_alloc((size_t)w, (size_t)h) : NULL;
    if (mask != NULL && t->mask == NULL) return dp_fail(&t->diag, DIPPER_ERROR_MEMORY, "no memory for a tile");
    for (int c = 0; c < picture->channels; c++)
        for (int y = 0; y < h; y++) {
            const int row = wrapped(&t->y, t->y.from + y);
            const float *from = dp_image_row(picture, c, row);
            float *to = dp_image_row(&t->picture, c, y);
            for (int x = 0; x < w; x++) to[x] = from[wrapped(&t->x, t->x.from + x)];
            for (int x = 0; c == 0 && mask != NULL && x < w; x++)
                t->mask[(size_t)y * (size_t)w + (size_t)x] =
                    mask[(size_t)row * (size_t)picture->width + (size_t)wrapped(&t->x, t->x.from + x)];
        }
    t->job.mask = t->mask;
    return DIPPER_OK;
}

static dipper_status restore(crew *c, int index, tile *t) {
    const dp_tiling *p = c->tiling;
    const bool wrap = c->job->edges == DP_EDGES_WRAP;
    *t = (tile){.crew = c, .job = *c->job};
    t->x = span_of(index % p->columns, p->columns, c->picture->width, p->margin_x, c->job->kw, wrap);
    t->y = span_of(index / p->columns, p->rows, c->picture->height, p->margin_y, c->job->kh, wrap);
    t->job.edges = edges_of_tile(c->job);
    t->job.progress = watch;
    t->job.user = t;
    DP_TRY(take(t));
    return is_stopped(c) ? DIPPER_ERROR_CANCELLED : t->job.method->run(&t->job, &t->picture, &t->diag);
}

static void tile_free(tile *t) {
    dp_image_free(&t->picture);
    dp_free(t->mask);
    t->mask = NULL;
}

/* out += share * picture */
static void blend(const tile *t, dipper_image *out) {
    const int top = t->y.from > 0 ? t->y.from : 0, bottom = least_int(t->y.to, t->y.size);
    const int left = t->x.from > 0 ? t->x.from : 0, right = least_int(t->x.to, t->x.size);
    for (int c = 0; c < t->picture.channels; c++)
        for (int y = top; y < bottom; y++) {
            const float *row = dp_image_row(&t->picture, c, y - t->y.from), across = share(&t->y, y);
            float *to = out->data + c * out->channel_stride + y * out->row_stride;
            for (int x = left; x < right && across > 0; x++)
                to[x * out->pixel_stride] += across * share(&t->x, x) * row[x - t->x.from];
        }
}

/* ---- All of them ---- */

static void clear(dipper_image *out) {
    for (int c = 0; c < out->channels; c++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                out->data[c * out->channel_stride + y * out->row_stride + x * out->pixel_stride] = 0;
}

/* What a method finds out by itself must be the same for all tiles: the mean over a few, spread over the picture. */
static dipper_status probe(crew *c) {
    const int count = c->tiling->columns * c->tiling->rows, n = least_int(count, PROBES);
    double iterations = 0, weight = 0, error = 0;
    const bool ends = c->job->iterations == 0 && c->job->method->ends_early;
    const bool weighs = c->job->weight < 0 && c->job->method->weighted;
    for (int i = 0; i < n && (ends || weighs) && c->status == DIPPER_OK; i++) {
        tile t;
        const dipper_status status = restore(c, (int)((2LL * i + 1) * count / (2 * n)), &t);
        if (status != DIPPER_OK) stop(c, status, &t.diag);
        iterations += (double)t.job.iterations / c->job->channels / n;
        weight += log(fmax(t.job.weight, 1e-30)) / n;
        error += t.job.error / n;
        tile_free(&t);
    }
    if (ends) c->job->iterations = iterations < 1 ? 1 : (int)lround(iterations);
    if (weighs) {
        c->job->weight = exp(weight);
        c->job->error = error;
    }
    return c->status;
}

/* Sums in the order of the tiles, so that the number of threads changes no bit. */
static void restore_all(crew *c) {
    const int count = c->tiling->columns * c->tiling->rows, saved = c->job->iterations;
    int iterations = 0;
#pragma omp parallel for ordered schedule(dynamic, 1) num_threads(c->tiling->at_once)
    for (int i = 0; i < count; i++) {
        tile t;
        const dipper_status status = restore(c, i, &t);
        if (status != DIPPER_OK && !is_stopped(c)) stop(c, status, &t.diag);
#pragma omp ordered
        {
            if (t.picture.data != NULL) blend(&t, c->out);
            if (t.job.iterations > iterations) iterations = t.job.iterations; /* of the tile with the most */
        }
        tile_free(&t);
#pragma omp atomic
        c->done++;
    }
    c->job->iterations = iterations > 0 ? iterations : saved;
}

dipper_status dp_tiling_run(const dp_tiling *tiling, dp_nonblind *job, const dp_image *picture, dp_diag *diag,
                            dipper_image *out) {
    crew c = {.tiling = tiling, .job = job, .picture = picture, .out = out};
    probe(&c);
    clear(out);
    if (c.status == DIPPER_OK) restore_all(&c);
    return c.status == DIPPER_OK ? DIPPER_OK : dp_fail(diag, c.status, "%s", c.diag.text);
}
