/* MAP with few gradients (Xu, Zheng and Jia 2013; Pan, Hu, Su and Yang 2014), alone or with few dark (Pan, Sun, Pfister
 * and Yang 2016) and bright windows (Yan, Ren, Guo, Wang and Cao 2017): latent picture and PSF in turn. */
#include <math.h>

#include "base/memory.h"
#include "deconv/kernel_fft.h"
#include "deconv/latent_fft.h"
#include "image/psf.h"

enum { WEIGHT, ITERATIONS, DECAY, RISE, RIDGE, DARK, BRIGHT, WINDOW }; /* settings; map-l0 has the first five */

/* The weights fall from scale to scale, and from iteration to iteration: large ones keep what is certain, small ones
 * let the details of the PSF come out. */
static dp_latent_prior prior_of(const dp_estimate *job, const dp_scale *s, int iteration) {
    const double *setting = job->setting;
    const double factor = pow(setting[RISE], s->scales - 1 - s->number) * pow(setting[DECAY], iteration);
    return (dp_latent_prior){.weight = setting[WEIGHT] * factor,
                             .dark = setting[DARK] * factor,
                             .bright = setting[BRIGHT] * factor,
                             .radius = (int)fmax(1, floor(0.5 * setting[WINDOW] * s->scale))};
}

static dipper_status iterate(const dp_estimate *job, dp_scale *s, dp_latent *latent, dp_kernel *kernel, dp_diag *diag) {
    const int iterations = (int)job->setting[ITERATIONS];
    for (int n = 0; n < iterations; n++) {
        const dp_latent_prior prior = prior_of(job, s, n);
        DP_TRY(dp_latent_run(latent, s, &prior, diag));
        DP_TRY(dp_kernel_run_picture(kernel, s->latent, job->setting[RIDGE], s->psf, diag));
        DP_TRY(dp_estimate_report(job, s, (n + 1.0) / iterations, diag));
    }
    return DIPPER_OK;
}

dipper_status dp_map_run(const dp_estimate *job, dp_scale *s, dp_diag *diag) {
    dp_latent *latent = NULL;
    dp_kernel *kernel = NULL;
    const bool channels = job->setting[DARK] > 0 || job->setting[BRIGHT] > 0;
    dipper_status status = dp_latent_create(job, s, channels, diag, &latent);
    if (status == DIPPER_OK) status = dp_kernel_create(job, s, diag, &kernel);
    if (status == DIPPER_OK) status = iterate(job, s, latent, kernel, diag);
    dp_latent_destroy(&latent);
    dp_kernel_destroy(&kernel);
    return status;
}
