#include "metric/lags.h"

#include <math.h>

#include "base/clones.h"
#include "base/memory.h"

dipper_status dp_lags_create(int reach, dp_diag *diag, dp_lags *out) {
    out->reach = reach;
    out->at = dp_alloc((size_t)(reach + 1) * (size_t)(2 * reach + 1), sizeof *out->at);
    return out->at != NULL ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory for an autocorrelation");
}

void dp_lags_free(dp_lags *lags) {
    dp_free(lags->at);
    *lags = (dp_lags){0};
}

/* ---- Of gradients ---- */

DP_CLONES static float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Sum of g(y, x) g(y + dy, x + dx) over the pixels where both are, and how many these are. */
static double shifted_product(const dp_image *g, int plane, int dy, int dx, double *count) {
    const int first = dx < 0 ? -dx : 0, end = dx < 0 ? g->width : g->width - dx;
    double sum = 0;
    for (int y = 0; y + dy < g->height; y++)
        sum += dot(dp_image_row(g, plane, y) + first, dp_image_row(g, plane, y + dy) + first + dx, end - first);
    *count = (double)(g->height - dy) * (end - first);
    return sum;
}

/* Both directions as two channels, of the pixels that have both neighbours. */
static dipper_status gradients(const dp_image *grey, dp_diag *diag, dp_image *out) {
    const int h = grey->height - 1, w = grey->width - 1;
    DP_TRY(dp_image_create(w, h, 2, diag, out));
    for (int y = 0; y < h; y++) {
        const float *row = dp_image_row(grey, 0, y), *below = row + grey->width;
        float *right = dp_image_row(out, 0, y), *down = dp_image_row(out, 1, y);
        for (int x = 0; x < w; x++) {
            right[x] = row[x + 1] - row[x];
            down[x] = below[x] - row[x];
        }
    }
    return DIPPER_OK;
}

dipper_status dp_gradient_lags(const dp_image *grey, double sigma, int threads, dp_diag *diag, dp_lags *out) {
    const int side = 2 * out->reach + 1;
    dp_image g = {0};
    DP_TRY(gradients(grey, diag, &g));
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int k = 0; k < (out->reach + 1) * side; k++) {
        const int dy = k / side, dx = k % side - out->reach;
        double count;
        const double sum = shifted_product(&g, 0, dy, dx, &count) + shifted_product(&g, 1, dy, dx, &count);
        const int far = dy + abs(dx);
        out->at[k] = sum / count + (far == 0 ? -4 : far == 1 ? 1 : 0) * sigma * sigma;
    }
    dp_image_free(&g);
    return DIPPER_OK;
}

void dp_psf_lags(const float *psf, int kh, int kw, dp_lags *out) {
    const int reach = out->reach;
    for (int dy = 0; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++) {
            double sum = 0;
            for (int y = 0; y + dy < kh; y++)
                for (int x = dx < 0 ? -dx : 0; x < kw && x + dx < kw; x++)
                    sum += (double)psf[y * kw + x] * psf[(y + dy) * kw + x + dx];
            out->at[dy * (2 * reach + 1) + dx + reach] = sum;
        }
}

/* ---- What they tell ---- */

double dp_lags_match(const dp_lags *a, const dp_lags *b) {
    double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int dy = 0; dy <= a->reach; dy++)
        for (int dx = dy == 0 ? 1 : -a->reach; dx <= a->reach; dx++) {
            const double va = dp_lag(a, dy, dx), vb = dp_lag(b, dy, dx);
            if (dy <= 1 && abs(dx) <= 1) continue;
            n++, sa += va, sb += vb, saa += va * va, sbb += vb * vb, sab += va * vb;
        }
    const double spread = (saa - sa * sa / n) * (sbb - sb * sb / n);
    return spread > 0 ? (sab - sa * sb / n) / sqrt(spread) : 0;
}

dp_echo dp_lags_echo(const dp_lags *lags) {
    const double whole = lags->at[lags->reach];
    double n = 0, squares = 0;
    dp_echo echo = {0};
    if (!(whole > 0)) return echo;
    for (int dy = 0; dy <= lags->reach; dy++)
        for (int dx = dy == 0 ? 1 : -lags->reach; dx <= lags->reach; dx++) {
            const double value = dp_lag(lags, dy, dx) / whole;
            if (dy <= 2 && abs(dx) <= 2) continue;
            n++, squares += value * value;
            echo.highest = fmax(echo.highest, value);
            echo.lowest = fmin(echo.lowest, value);
        }
    echo.rms = n > 0 ? sqrt(squares / n) : 0;
    return echo;
}

typedef struct smear {
    double near, far; /* sums over pixels of d(p)^2 and d(p) d(p + step e), d = x(p + e) - x(p) */
} smear;

static smear smear_along(const dp_image *grey, int ey, int ex, int step, double sigma) {
    const int reach = step + 1;
    const ptrdiff_t along = (ptrdiff_t)ey * grey->width + ex;
    smear s = {0};
    double count = 0;
    for (int y = 0; y + reach * ey < grey->height; y++) {
        const float *row = dp_image_row(grey, 0, y);
        for (int x = ex < 0 ? reach : 0; x < grey->width - (ex > 0 ? reach : 0); x++) {
            const double d = (double)row[x + along] - row[x];
            s.near += d * d;
            s.far += d * ((double)row[x + reach * along] - row[x + step * along]);
            count++;
        }
    }
    s.near -= 2 * sigma * sigma * count; /* white noise: 2 sigma^2 at lag 0, nothing from step 2 on */
    if (s.near < 1e-9 * count) s = (smear){0};
    return s;
}

double dp_smear(const dp_image *grey, int step, double sigma) {
    static const int directions[4][2] = {{0, 1}, {1, 1}, {1, 0}, {1, -1}};
    const double enough = 0.1; /* of the change in the direction with most of it: less is noise */
    smear s[4] = {{0}};
    double most = 0, result = -1;
    for (int i = 0; i < 4 && grey->width > step + 1 && grey->height > step + 1; i++) {
        s[i] = smear_along(grey, directions[i][0], directions[i][1], step, sigma);
        most = fmax(most, s[i].near);
    }
    for (int i = 0; i < 4; i++)
        if (s[i].near > enough * most) result = fmax(result, s[i].far / s[i].near);
    return most > 0 ? fmin(result, 1) : 0;
}
