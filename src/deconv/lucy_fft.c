/* Richardson-Lucy (Richardson 1972, Lucy 1974), x <- x / (K'm) * K'(m d / Kx), and with total variation (Dey et al.
 * 2006), where K'm becomes K'm - weight div(grad x / |grad x|). m is 1 on the picture and 0 on the rest of the larger
 * grid (Bertero and Boccacci 2005: nothing is assumed about what lies beyond the border). A saturated pixel is a lower
 * bound: it counts where Kx lies below it.
 *
 * The plain method has no prior; it is regularised by ending when the residual has fallen to the noise (Morozov's
 * discrepancy principle) unless the number of iterations is given. */
#include <math.h>

#include "base/memory.h"
#include "deconv/grid_fft.h"

typedef struct lucy {
    dp_grid *grid;
    float *d, *x, *y, *norm, *div; /* (n0, n1); div: only with total variation */
    bool latent;                   /* opposite borders have nothing to do with each other */
    double energy;                 /* sum of squared residuals */
    double counted;                /* pixels in it */
} lucy;

static const float least = 1e-6F;      /* of x and of Kx: both stay above 0 */
static const float seen = 0.01F;       /* pixels of which the picture sees less stay as they are */
static const float start = 0.5F;       /* of x everywhere: nothing is known (Richardson 1972), as in scikit-image */
static const float flat = 1e-3F;       /* gradients below this count as this large */
static const float denominator = 0.5F; /* of K'm at least, for total variation: keeps the factor positive (Dey 2006,
                                          section 4), and very large weights from swinging up */

static dipper_status make(lucy *s, const dp_nonblind *job, const dp_image *picture, bool tv, dp_diag *diag) {
    DP_TRY(dp_grid_create(job, picture->height, picture->width, diag, &s->grid));
    const dp_grid *g = s->grid;
    s->latent = job->edges == DP_EDGES_LATENT;
    s->d = dp_grid_plane(g);
    s->x = dp_grid_plane(g);
    s->y = dp_grid_plane(g);
    s->norm = dp_grid_plane(g);
    s->div = tv ? dp_grid_plane(g) : NULL;
    if (s->d == NULL || s->x == NULL || s->y == NULL || s->norm == NULL || (tv && s->div == NULL))
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for Richardson-Lucy on %d x %d pixels", g->w, g->h);
    dp_grid_hide(g, job, s->norm);
    for (size_t i = 0; i < g->count; i++) s->norm[i] = s->norm[i] != DP_UNSEEN;
    dp_grid_blur(g, s->norm, true, s->norm);
    return DIPPER_OK;
}

/* y = m d / y, and the residual's energy. */
static void ratios(lucy *s, const dp_nonblind *job) {
    const dp_grid *g = s->grid;
    const float saturation = job->saturation > 0 ? job->saturation : INFINITY;
    double counted = 0;
#pragma omp parallel for schedule(static) num_threads(g->threads) reduction(+ : counted)
    for (int i = 0; i < g->n0; i++) {
        const size_t row = (size_t)i * (size_t)g->n1;
        const bool across = dp_grid_row_inside(g, i);
        double sum = 0;
        for (int j = 0; j < g->n1; j++) {
            float *y = s->y + row + (size_t)j;
            const float d = s->d[row + (size_t)j], blurred = fmaxf(*y, least);
            const bool known = d != DP_UNSEEN, bound = d >= saturation && *y >= d;
            *y = bound ? 1 : known ? d / blurred : 0;
            if (!known || bound || !across || j < g->left || j >= g->left + g->w) continue;
            sum += ((double)d - blurred) * ((double)d - blurred);
            counted++;
        }
        g->part[i] = sum;
    }
    s->energy = dp_grid_total(g);
    s->counted = counted;
}

/* (horizontal, vertical) component of grad x / |grad x| at row i, column j; 0 across the seam, else periodic. */
static void direction(const lucy *s, int i, int j, float *along_x, float *along_y) {
    const dp_grid *g = s->grid;
    const float *row = s->x + (size_t)i * (size_t)g->n1;
    const float *next = s->x + (size_t)(i + 1 < g->n0 ? i + 1 : 0) * (size_t)g->n1;
    const bool side = s->latent && (j == g->w + g->kw - 2 || j == g->n1 - 1);
    const bool end = s->latent && (i == g->h + g->kh - 2 || i == g->n0 - 1);
    const float gx = side ? 0 : row[j + 1 < g->n1 ? j + 1 : 0] - row[j], gy = end ? 0 : next[j] - row[j];
    const float inverse = 1 / sqrtf(gx * gx + gy * gy + flat * flat);
    *along_x = gx * inverse;
    *along_y = gy * inverse;
}

static void divergence(const lucy *s) {
    const dp_grid *g = s->grid;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (int i = 0; i < g->n0; i++) {
        float unused, left, up, x, y;
        direction(s, i, g->n1 - 1, &left, &unused);
        for (int j = 0; j < g->n1; j++) {
            direction(s, i, j, &x, &y);
            direction(s, i > 0 ? i - 1 : g->n0 - 1, j, &unused, &up);
            s->div[(size_t)i * (size_t)g->n1 + (size_t)j] = x - left + y - up;
            left = x;
        }
    }
}

static void update(const lucy *s, float weight) {
    const dp_grid *g = s->grid;
#pragma omp parallel for schedule(static) num_threads(g->threads)
    for (size_t i = 0; i < g->count; i++) {
        const float norm = s->norm[i];
        if (norm < seen) continue;
        const float tv = s->div != NULL ? weight * s->div[i] : 0, most = (1 - denominator) * norm;
        const float below = norm - fminf(fmaxf(tv, -most), most);
        s->x[i] = fmaxf(s->x[i] * s->y[i] / below, least);
    }
}

static dipper_status restore(lucy *s, dp_nonblind *job, int iterations, bool may_end, dp_diag *diag, int *done) {
    const dp_grid *g = s->grid;
    for (*done = 0; *done < iterations;) {
        dp_grid_blur(g, s->x, false, s->y);
        ratios(s, job);
        if (may_end && *done > 0 && s->energy <= s->counted * job->noise_sigma * job->noise_sigma) break;
        dp_grid_blur(g, s->y, true, s->y);
        if (s->div != NULL) divergence(s);
        update(s, (float)job->weight);
        if (!isfinite(s->energy))
            return dp_fail(diag, DIPPER_ERROR_DIVERGED, "Richardson-Lucy became infinite in iteration %d", *done + 1);
        ++*done;
        DP_TRY(dp_nonblind_report(job, *done, iterations, diag));
    }
    return *done < iterations ? dp_nonblind_report(job, iterations, iterations, diag) : DIPPER_OK;
}

static dipper_status run(dp_nonblind *job, dp_image *picture, bool tv, dp_diag *diag) {
    lucy s = {0};
    const int iterations = job->iterations > 0 ? job->iterations : job->method->iterations;
    const bool may_end = job->iterations == 0 && !tv;
    int all = 0;
    dipper_status status = make(&s, job, picture, tv, diag);
    for (int c = 0; c < picture->channels && status == DIPPER_OK; c++) {
        const dp_grid *g = s.grid;
        float *plane = dp_image_plane(picture, c);
        int done;
        if (job->edges == DP_EDGES_LATENT)
            dp_grid_extend(g, plane, s.d);
        else
            dp_grid_place(g, plane, s.d);
        for (size_t i = 0; i < g->count; i++) {
            s.d[i] = fmaxf(s.d[i], least); /* a model of light */
            s.x[i] = s.norm[i] < seen ? s.d[i] : start;
        }
        dp_grid_hide(g, job, s.d);
        job->channel = c;
        status = restore(&s, job, iterations, may_end, diag, &done);
        all += done;
        dp_grid_crop(g, s.x, plane);
    }
    job->iterations = all;
    dp_grid_destroy(&s.grid);
    dp_free(s.d);
    dp_free(s.x);
    dp_free(s.y);
    dp_free(s.norm);
    dp_free(s.div);
    return status;
}

dipper_status dp_lucy_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, false, diag);
}

dipper_status dp_lucy_tv_run(dp_nonblind *job, dp_image *picture, dp_diag *diag) {
    return run(job, picture, true, diag);
}
