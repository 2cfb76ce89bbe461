/* Figures that need no run of a network. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure_list.h"
#include "study/figure_parts.h"
#include "study/gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- formation ---- */

static double psnr(const figure_job *job, const figure_picture *a, const figure_picture *b) {
    const dipper_image x = figure_view(a), y = figure_view(b);
    double db = (double)NAN;
    if (dipper_psnr(job->context, &x, &y, 1, &db)) dipper_context_clear(job->context);
    return db;
}

/* Divided by its maximum, for eyes. */
static dipper_status bright_psf(const figure_job *job, const figure_case *c, figure_picture *out) {
    const size_t n = (size_t)c->psf_width * (size_t)c->psf_height;
    float most = 0;
    *out = (figure_picture){.data = malloc(n * sizeof(float)), .width = c->psf_width, .height = c->psf_height};
    if (!out->data) return figure_no_memory(job);
    for (size_t i = 0; i < n; i++) most = fmaxf(most, c->psf[i]);
    for (size_t i = 0; i < n; i++) out->data[i] = c->psf[i] / most;
    return DIPPER_OK;
}

static dipper_status draw_formation(const figure_job *job, const figure_case *clean, const figure_case *noisy,
                                    figure_output *out) {
    figure_picture psf = {0};
    dipper_status status = bright_psf(job, noisy, &psf);
    const drawing_picture row[] = {figure_show(&clean->truth, "X, sharp"), figure_show(&psf, "K, the PSF"),
                                   figure_show(&clean->blurred, "X * K, blurred"),
                                   figure_show(&noisy->blurred, "D = X * K + n, given")};
    if (!status) status = drawing_add_pictures(&out->drawing, row, 4, job->full ? 1 : 2, job->error);
    free(psf.data);
    return status;
}

static dipper_status tell_formation(const figure_job *job, const figure_case *clean, const figure_case *noisy,
                                    double noise, figure_output *out) {
    const double blur_db = psnr(job, &clean->blurred, &clean->truth), db = psnr(job, &noisy->blurred, &noisy->truth);
    gradient_curve sharp, blurred;
    IO_TRY(figure_measure(job, &clean->truth, "sharp", &sharp));
    IO_TRY(figure_measure(job, &clean->blurred, "blurred", &blurred));
    page_markup(&out->csv, "picture,psnr_db,gradient_sigma\n");
    page_add(&out->csv, "sharp,,%.6g\nblurred,%.4f,%.6g\n", sharp.prior.gaussian_sigma, blur_db,
             blurred.prior.gaussian_sigma);
    page_add(&out->csv, "given,%.4f,\n", db);
    page_add(&out->text,
             "# D = X * K + n\n\n%s, %d x %d px, blurred by the shaken camera's PSF of %d x %d px: PSNR %.2f dB. With "
             "noise of %.3g: %.2f dB. Blur takes %.0f %% of the gradients' standard deviation (%.4f to %.4f).\n",
             clean->truth.name[0] ? clean->truth.name : clean->sharp.name, clean->truth.width, clean->truth.height,
             clean->psf_width, clean->psf_height, blur_db, noise, db,
             100 * (1 - blurred.prior.gaussian_sigma / sharp.prior.gaussian_sigma), sharp.prior.gaussian_sigma,
             blurred.prior.gaussian_sigma);
    return DIPPER_OK;
}

dipper_status figure_formation(const figure_job *job, figure_output *out) {
    const double noise = 0.02;
    const dipper_psf_options psf = figure_shake(job);
    figure_case clean = {0}, noisy = {0};
    dipper_status status = figure_case_make(job, 0, &psf, 0, &clean);
    if (!status) status = figure_case_make(job, 0, &psf, noise, &noisy);
    if (!status) status = draw_formation(job, &clean, &noisy, out);
    if (!status) status = tell_formation(job, &clean, &noisy, noise, out);
    figure_case_free(&clean);
    figure_case_free(&noisy);
    return status;
}

/* ---- gradients ---- */

dipper_status figure_measure(const figure_job *job, const figure_picture *p, const char *name, gradient_curve *out) {
    const dipper_image view = figure_view(p);
    *out = (gradient_curve){.name = name, .prior.struct_size = sizeof out->prior};
    return figure_failed(job, job->context, dipper_gradients_fit(job->context, &view, &out->prior, out->density));
}

/* Means over so many bins that 40 of them reach out to one side: single ones hold a few gradients. */
static void add_measured(chart *c, int series, const gradient_curve *g, double reach) {
    const int middle = DIPPER_GRADIENT_BINS / 2, wide = (int)fmax(1, round(reach / 40 / g->prior.bin_width)) | 1;
    for (int k = -(middle / wide); k <= middle / wide; k++) {
        double sum = 0;
        for (int i = -(wide / 2); i <= wide / 2; i++) {
            const int bin = middle + k * wide + i;
            sum += bin >= 0 && bin < DIPPER_GRADIENT_BINS ? g->density[bin] : 0;
        }
        const double x = k * wide * g->prior.bin_width;
        if (sum > 0 && fabs(x) <= reach) chart_add_point(c, series, x, log10(sum / wide));
    }
}

static void add_curves(chart *c, const gradient_curve *g, double reach) {
    enum { STEPS = 240 };
    char name[CHART_NAME_MAX];
    snprintf(name, sizeof name, "%s: measured", g->name);
    const int measured = chart_add_series(c, name, 1);
    snprintf(name, sizeof name, "%s: fit, exponent %.2f, scale %.2g", g->name, g->prior.exponent, g->prior.scale);
    const int fit = chart_add_series(c, name, 0);
    add_measured(c, measured, g, reach);
    for (int i = 0; i <= STEPS; i++) {
        const double x = reach * (2.0 * i / STEPS - 1), y = log10(gradients_fitted(g, x));
        if (y > -3) chart_add_point(c, fit, x, y);
    }
}

static void tell_gradients(const gradient_curve *g, int count, figure_output *out) {
    page_markup(&out->text, "# Gradients\n\n| picture | exponent | scale | nats above a Gaussian | above Laplace |\n"
                            "|---|---|---|---|---|\n");
    for (int i = 0; i < count; i++)
        page_add(&out->text, "| %s | %.3f | %.4f | %.3f | %.3f |\n", g[i].name, g[i].prior.exponent, g[i].prior.scale,
                 g[i].prior.log_likelihood - g[i].prior.gaussian_log_likelihood,
                 g[i].prior.log_likelihood - g[i].prior.laplace_log_likelihood);
    page_add(&out->text,
             "\nThe sharp picture's gradients have a sharper peak and heavier tails than a Gaussian (exponent 2) and "
             "%s Laplace's (1). Blur takes the exponent from %.2f to %.2f (%s); noise to %.2f.\n",
             g[0].prior.exponent < 1 ? "than" : "not than", g[0].prior.exponent, g[1].prior.exponent,
             g[1].prior.exponent > g[0].prior.exponent ? "less sparse, as the priors assume"
                                                       : "no less sparse: against what the priors assume",
             g[2].prior.exponent);
}

dipper_status figure_gradients(const figure_job *job, figure_output *out) {
    const dipper_psf_options psf = figure_shake(job);
    figure_case clean = {0}, noisy = {0};
    gradient_curve *g = calloc(3, sizeof *g);
    chart c = {.title = "Gradients", .x_name = "gradient: difference of neighbours", .y_name = "log10 of its density"};
    dipper_status status = g ? figure_case_make(job, 0, &psf, 0, &clean) : figure_no_memory(job);
    if (!status) status = figure_case_make(job, 0, &psf, 0.02, &noisy);
    if (!status) status = figure_measure(job, &clean.truth, "sharp", &g[0]);
    if (!status) status = figure_measure(job, &clean.blurred, "blurred", &g[1]);
    if (!status) status = figure_measure(job, &noisy.blurred, "blurred, noise 0.02", &g[2]);
    for (int i = 0; i < 3 && !status; i++) add_curves(&c, &g[i], 0.3);
    if (!status) {
        drawing_add_chart(&out->drawing, &c);
        figure_csv_chart(&out->csv, &c);
        tell_gradients(g, 3, out);
    }
    chart_free(&c);
    figure_case_free(&clean);
    figure_case_free(&noisy);
    free(g);
    return status;
}

/* ---- priors ---- */

/* By Richardson and Lucy's method, which knows no prior, with the PSF turned by 90 degrees. */
dipper_status figure_break(const figure_job *job, const figure_case *c, figure_picture *out) {
    dipper_deconvolve_options o;
    const int w = c->psf_width, h = c->psf_height;
    float *wrong = malloc((size_t)w * (size_t)h * sizeof *wrong);
    *out = c->blurred;
    out->data = calloc((size_t)out->width * (size_t)out->height, sizeof *out->data);
    dipper_status status = wrong && out->data ? DIPPER_OK : figure_no_memory(job);
    for (int i = 0; i < w * h && !status; i++) wrong[i % h * w + i / h] = c->psf[i];
    dipper_deconvolve_options_init(&o);
    o.method = "rl";
    const dipper_image blurred = figure_view(&c->blurred);
    dipper_image broken = figure_view(out);
    if (!status)
        status = figure_failed(job, job->context, dipper_deconvolve(job->context, &blurred, wrong, h, w, &o, &broken));
    for (int i = 0; i < out->width * out->height && !status; i++) /* as a file would hold it */
        out->data[i] = fminf(fmaxf(out->data[i], 0), 1);
    free(wrong);
    return status;
}

typedef struct seen { /* by the priors of VDIP, the deviation being 0 (METHODS, section 4); larger is less likely */
    double sparse, dark, bright;
} seen;

static double at(const figure_picture *p, int y, int x) {
    return (double)p->data[(size_t)y * (size_t)p->width + (size_t)x];
}

/* A quarter of the mean logarithm of the squared differences, down and right. */
static double sparse_prior(const figure_picture *p) {
    double down = 0, right = 0;
    for (int y = 0; y + 1 < p->height; y++)
        for (int x = 0; x < p->width; x++) down += log(pow(at(p, y + 1, x) - at(p, y, x), 2) + 1e-6);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x + 1 < p->width; x++) right += log(pow(at(p, y, x + 1) - at(p, y, x), 2) + 1e-6);
    return 0.25 * (down / ((p->height - 1.0) * p->width) + right / (p->height * (p->width - 1.0)));
}

/* Mean of the least of |value - sign| over windows of 35 x 35 px: the dark channel of x, or of 1 - x. */
static double channel(const figure_picture *p, int bright) {
    enum { HALF = 17 };
    double sum = 0;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            double least = (double)INFINITY;
            for (int v = y - HALF < 0 ? 0 : y - HALF; v <= y + HALF && v < p->height; v++)
                for (int u = x - HALF < 0 ? 0 : x - HALF; u <= x + HALF && u < p->width; u++)
                    least = fmin(least, bright ? 1 - at(p, v, u) : at(p, v, u));
            sum += fmax(least, 0);
        }
    return sum / ((double)p->width * p->height);
}

static seen look(const figure_picture *p) {
    return (seen){sparse_prior(p), channel(p, 0), channel(p, 1)};
}

static dipper_status priors_of(const figure_job *job, int index, figure_output *out, seen s[3]) {
    const dipper_psf_options psf = figure_shake(job);
    static const char *const names[] = {"sharp", "blurred", "broken"};
    figure_case c = {0};
    figure_picture broken = {0};
    dipper_status status = figure_case_make(job, index, &psf, 0.005, &c);
    if (!status) status = figure_break(job, &c, &broken);
    const drawing_picture row[] = {figure_show(&c.truth, "sharp"), figure_show(&c.blurred, "blurred"),
                                   figure_show(&broken, "broken: restored with a wrong PSF")};
    const figure_picture *const all[] = {&c.truth, &c.blurred, &broken};
    if (!status) status = drawing_add_pictures(&out->drawing, row, 3, job->full ? 1 : 2, job->error);
    for (int i = 0; i < 3 && !status; i++) {
        s[i] = look(all[i]);
        figure_csv_text(&out->csv, c.sharp.name);
        page_add(&out->csv, ",%s,%.6g,%.6g,%.6g\n", names[i], s[i].sparse, s[i].dark, s[i].bright);
        page_add(&out->text, "| %s | %s | %.3f | %.4f | %.4f |\n", c.sharp.name, names[i], s[i].sparse, s[i].dark,
                 s[i].bright);
    }
    free(broken.data);
    figure_case_free(&c);
    return status;
}

dipper_status figure_priors(const figure_job *job, figure_output *out) {
    int sparse[2] = {0, 0}, extreme[2] = {0, 0}; /* pictures in which the sharp one is liked better than [i] */
    page_markup(&out->csv, "picture,kind,sparse,dark,bright\n");
    page_markup(&out->text, "# What the priors see\n\nThe sparse prior is a quarter of the mean logarithm of squared "
                            "differences; dark and bright are the means of the extreme channels over 35 x 35 px. Each "
                            "is a penalty: the lower, the more likely the picture.\n\n"
                            "| picture | | sparse | dark | bright |\n|---|---|---|---|---|\n");
    for (int i = 0; i < job->seeds; i++) {
        seen s[3];
        IO_TRY(priors_of(job, i, out, s));
        for (int k = 0; k < 2; k++) {
            sparse[k] += s[0].sparse < s[k + 1].sparse;
            extreme[k] += s[0].dark + s[0].bright < s[k + 1].dark + s[k + 1].bright;
        }
    }
    page_add(&out->text,
             "\nThe sparse prior prefers the sharp picture to the blurred one in %d of %d, to the broken one in %d. "
             "The extreme channels prefer it to the blurred one in %d of %d, to the broken one in %d.\n",
             sparse[0], job->seeds, sparse[1], extreme[0], job->seeds, extreme[1]);
    return DIPPER_OK;
}
