#include "bid/refit_fft.h"

#include "base/memory.h"
#include "deconv/kernel_fft.h"
#include "image/psf.h"

dipper_status dp_refit(dp_backend *be, const dp_image *blurred, const dp_image *sharp, int side, float *psf,
                       dp_diag *diag) {
    dp_estimate job = dp_estimate_defaults(dp_estimator_find("map-l0"));
    int *islands = dp_alloc((size_t)side * (size_t)side, sizeof *islands);
    if (islands == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "no memory to refine a PSF of %d x %d px", side, side);
    job.be = be;
    job.blurred = blurred->data;
    job.h = blurred->height;
    job.w = blurred->width;
    job.kh = job.kw = side;
    const dipper_status status = dp_kernel_refit(&job, sharp->data, psf, diag);
    if (status == DIPPER_OK) (void)dp_psf_cut(psf, side, side, job.estimator->cut, job.estimator->island, islands);
    dp_free(islands);
    return status;
}
