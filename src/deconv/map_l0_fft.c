/* MAP with few gradients (Xu, Zheng and Jia 2013; Pan, Hu, Su and Yang 2014): latent picture and PSF in turn. */
#include <string.h>

#include "base/memory.h"
#include "deconv/kernel_fft.h"
#include "deconv/latent_fft.h"
#include "image/psf.h"

enum { WEIGHT, ITERATIONS, RIDGE };

static dipper_status iterate(const dp_estimate *job, dp_scale *s, dp_latent *latent, dp_kernel *kernel, float *gx,
                             float *gy, dp_diag *diag) {
    const int iterations = (int)job->setting[ITERATIONS];
    for (int n = 0; n < iterations; n++) {
        DP_TRY(dp_latent_run(latent, s, job->setting[WEIGHT], diag));
        dp_differences(s->latent, s->h, s->w, gx, gy);
        DP_TRY(dp_kernel_run(kernel, gx, gy, job->setting[RIDGE], s->psf, diag));
        if (!dp_psf_normalise(s->psf, s->kh, s->kw))
            return dp_fail(diag, DIPPER_ERROR_DIVERGED, "the estimate of a PSF of %d x %d px came to nothing", s->kw,
                           s->kh);
        DP_TRY(dp_estimate_report(job, s, (n + 1.0) / iterations, diag));
    }
    return DIPPER_OK;
}

dipper_status dp_map_l0_run(const dp_estimate *job, dp_scale *s, dp_diag *diag) {
    dp_latent *latent = NULL;
    dp_kernel *kernel = NULL;
    const size_t n = (size_t)s->h * (size_t)s->w;
    float *gx = dp_alloc(n, sizeof *gx), *gy = dp_alloc(n, sizeof *gy);
    dipper_status status = gx != NULL && gy != NULL ? DIPPER_OK : dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory");
    if (status == DIPPER_OK) status = dp_latent_create(job, s, diag, &latent);
    if (status == DIPPER_OK) status = dp_kernel_create(job, s, diag, &kernel);
    if (status == DIPPER_OK) status = iterate(job, s, latent, kernel, gx, gy, diag);
    dp_latent_destroy(&latent);
    dp_kernel_destroy(&kernel);
    dp_free(gx);
    dp_free(gy);
    return status;
}
