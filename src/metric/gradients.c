/* Pictures have 256 levels more often than not, and sharp ones many gradients of exactly 0: the density of a
 * generalised Gaussian with a small exponent has its peak there and would swallow them all. So the likelihood is that
 * of bins, whose probabilities are differences of the distribution function. */
#include "metric/gradients.h"

#include <math.h>

#include "image/clip.h"

/* ---- Counts ---- */

static bool is_multiple(const dp_image *image, double levels) {
    const size_t n = dp_image_plane_count(image) * (size_t)image->channels;
    for (size_t i = 0; i < n; i++) {
        const double v = levels * image->data[i];
        if (fabs(v - round(v)) > 0.02) return false;
    }
    return true;
}

typedef void (*visitor)(double gradient, dp_gradients *out);

static void visit_plane(const dp_image *image, int channel, visitor visit, dp_gradients *out) {
    const int w = image->width, h = image->height;
    const dp_clip clip = dp_clip_find(dp_image_plane(image, channel), dp_image_plane_count(image));
    for (int y = 0; y < h; y++) {
        const float *row = dp_image_row(image, channel, y), *below = y + 1 < h ? row + w : NULL;
        for (int x = 0; x < w; x++) {
            if (dp_clipped(clip, row[x])) continue;
            if (x + 1 < w && !dp_clipped(clip, row[x + 1])) visit((double)row[x + 1] - row[x], out);
            if (below != NULL && !dp_clipped(clip, below[x])) visit((double)below[x] - row[x], out);
        }
    }
}

static void find_largest(double g, dp_gradients *out) { /* into width, for now */
    out->width = fmax(out->width, fabs(g));
    out->total++;
}

static void count(double g, dp_gradients *out) {
    const int bin = (int)lround(g / out->width), size = bin < 0 ? -bin : bin;
    out->count[DP_GRADIENT_REACH + bin]++;
    out->last = size > out->last ? size : out->last;
}

/* So wide that the largest gradient has a bin. Steps of the picture must lie in the middle of bins: an odd number of
 * steps a bin. */
static double width_for(const dp_image *image, double largest) {
    const double wanted = largest / (DP_GRADIENT_REACH - 1);
    static const double levels[] = {255, 65535};
    for (int i = 0; i < 2; i++)
        if (is_multiple(image, levels[i])) return (2 * fmax(ceil((wanted * levels[i] - 1) / 2), 0) + 1) / levels[i];
    return wanted;
}

dipper_status dp_gradients_count(const dp_image *image, dp_diag *diag, dp_gradients *out) {
    *out = (dp_gradients){0};
    for (int c = 0; c < image->channels; c++) visit_plane(image, c, find_largest, out);
    if (!(out->total > 0))
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "no gradients: the picture of %d x %d px has no two neighbours that are not clipped",
                       image->width, image->height);
    if (!(out->width > 0)) return dp_fail(diag, DIPPER_ERROR_INPUT, "all gradients are 0: the picture is constant");
    out->width = width_for(image, out->width);
    for (int c = 0; c < image->channels; c++) visit_plane(image, c, count, out);
    return DIPPER_OK;
}

/* ---- The distribution ---- */

/* Q(a, x), the upper regularised incomplete gamma function: power series below a + 1, continued fraction above
 * (Numerical Recipes, section 6.2 of the third edition, by the modified method of Lentz). */
static double upper_gamma(double a, double x) {
    const double front = exp(a * log(x) - x) / tgamma(a);
    if (x <= 0) return 1;
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int n = 1; n < 200 && term > 1e-14 * sum; n++) sum += term *= x / (a + n);
        return 1 - front * sum;
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, value = d;
    for (int n = 1; n < 200; n++) {
        const double f = -n * (n - a);
        b += 2;
        d = 1 / (f * d + b);
        c = b + f / c;
        value *= c * d;
        if (fabs(c * d - 1) < 1e-14) break;
    }
    return front * value;
}

double dp_gradient_log_density(const dp_gradient_fit *fit, double g) {
    const double a = fit->exponent;
    return log(a / (2 * fit->scale * tgamma(1 / a))) - pow(fabs(g) / fit->scale, a);
}

/* Mean log-likelihood of the counts, as a density. */
static double likelihood(const dp_gradients *g, const dp_gradient_fit *fit) {
    const double w = g->width, a = fit->exponent;
    double sum = 0, tail = 1;
    for (int k = 0; k <= g->last; k++) {
        const double next = upper_gamma(1 / a, pow((k + 0.5) * w / fit->scale, a));
        const double share = tail - next,
                     n = g->count[DP_GRADIENT_REACH + k] + (k ? g->count[DP_GRADIENT_REACH - k] : 0);
        tail = next;
        if (n == 0) continue;
        /* far out in the tail the difference is lost to rounding, and the density is as good */
        sum += n * (share > 1e-290 ? log(share / (k ? 2 * w : w)) : dp_gradient_log_density(fit, k * w));
    }
    return sum / g->total;
}

/* ---- Maximum ---- */

typedef double (*objective)(double t, const dp_gradients *g, dp_gradient_fit *fit);

/* Where f is largest in [low, high], by golden section; leaves *fit as f set it there. */
static void maximise(objective f, double low, double high, int steps, const dp_gradients *g, dp_gradient_fit *fit) {
    const double golden = 0.61803398874989485;
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = f(a, g, fit), at_b = f(b, g, fit);
    for (int i = 0; i < steps; i++) {
        if (at_a > at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - golden * (high - low);
            at_a = f(a, g, fit);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + golden * (high - low);
            at_b = f(b, g, fit);
        }
    }
    fit->log_likelihood = f((low + high) / 2, g, fit);
}

static double by_scale(double log_scale, const dp_gradients *g, dp_gradient_fit *fit) {
    fit->scale = exp(log_scale);
    return likelihood(g, fit);
}

/* Around the scale that the mean of |g|^a gives, s^a = a E|g|^a, which is the best one for narrow bins. */
static void fit_scale(const dp_gradients *g, dp_gradient_fit *fit) {
    double moment = 0;
    for (int k = 0; k <= g->last; k++) {
        const double n = g->count[DP_GRADIENT_REACH + k] + (k ? g->count[DP_GRADIENT_REACH - k] : 0);
        moment += n * pow((k > 0 ? k : 0.25) * g->width, fit->exponent) / g->total;
    }
    const double start = log(fit->exponent * moment) / fit->exponent;
    maximise(by_scale, start - 3, start + 3, 26, g, fit);
}

static double by_exponent(double log_exponent, const dp_gradients *g, dp_gradient_fit *fit) {
    fit->exponent = exp(log_exponent);
    fit_scale(g, fit);
    return fit->log_likelihood;
}

dp_gradient_fit dp_gradients_fit(const dp_gradients *gradients, double exponent) {
    dp_gradient_fit fit = {.exponent = exponent};
    if (exponent > 0)
        fit_scale(gradients, &fit);
    else
        maximise(by_exponent, log(0.1), log(4), 24, gradients, &fit);
    return fit;
}
