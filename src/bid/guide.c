#include "bid/guide.h"

#include <math.h>

#include "base/memory.h"
#include "bid/psf_net.h"
#include "nn/network.h"

static const double WIDTH = 1.0 / 3; /* of the Gaussian that G starts as, in windows */

dipper_status dp_guide_open(dp_guide *guide, dp_graph *g, dp_backend *be, const dp_recipe *r, const dp_sizes *at,
                            dp_value given, dp_diag *diag) {
    *guide = (dp_guide){.graph = g, .psf = -1, .latent = -1, .kh = at->kh, .kw = at->kw};
    if (r->guide <= 0) return DIPPER_OK;
    DP_TRY(dp_params_new(be, diag, &guide->params));
    guide->psf = dp_build_direct_psf(g, guide->params, at->kh, at->kw);
    guide->latent = dp_graph_wiener(g, given, guide->psf, at->kh, at->kw, (float)r->guide_constant);
    return DIPPER_OK;
}

void dp_guide_close(dp_guide *guide) {
    dp_params_free(guide->params);
    guide->params = NULL;
}

static double gaussian_logit(int i, int side) {
    const double u = (i - side / 2) / (WIDTH * side);
    return -0.5 * u * u;
}

dipper_status dp_guide_begin(dp_guide *guide, const float *psf, dp_diag *diag) {
    if (guide->params == NULL) return DIPPER_OK;
    const size_t n = (size_t)guide->kh * (size_t)guide->kw;
    float *logits = dp_alloc(n, sizeof *logits);
    if (logits == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    for (int y = 0; y < guide->kh; y++)
        for (int x = 0; x < guide->kw; x++)
            logits[y * guide->kw + x] = (float)(gaussian_logit(y, guide->kh) + gaussian_logit(x, guide->kw));
    for (size_t i = 0; i < n && psf != NULL; i++) logits[i] = dp_psf_logit(psf[i], n);
    dp_params_write(guide->params, DP_PARAM_VALUE, dp_params_find(guide->params, "psf.logits.value"), logits);
    dp_params_reset_moments(guide->params);
    dp_free(logits);
    return DIPPER_OK;
}
