#include "bid/psf_net.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bid/net_input.h"
#include "image/psf.h"
#include "nn/network.h"

enum { FCN_INPUTS = 200 };

static size_t count(const dp_psf_net *n) {
    return (size_t)n->kh * (size_t)n->kw;
}

/* ---- Opening ---- */

static dp_value build(dp_psf_net *n) {
    const dp_recipe *r = n->recipe;
    switch ((dp_psf_model)r->psf) {
    case DP_PSF_DIRECT:
        return dp_build_direct_psf(n->graph, n->params, n->kh, n->kw);
    case DP_PSF_SIREN:
        n->grid = dp_graph_input(n->graph, dp_feature(2, n->kh, n->kw));
        return dp_build_siren_psf(n->graph, n->params, n->grid, r->siren_layers, r->siren_width, (float)r->siren_w0);
    default:
        n->z = dp_graph_input(n->graph, dp_vector(FCN_INPUTS));
        return dp_build_fcn_psf(n->graph, n->params, n->z, r->psf_hidden, n->kh, n->kw);
    }
}

dipper_status dp_psf_net_open(dp_psf_net *n, dp_graph *g, dp_backend *be, const dp_problem *problem, const dp_recipe *r,
                              double scale, const dp_psf_net *first, dp_diag *diag) {
    const dp_sizes at = dp_problem_sizes(problem, scale);
    *n = (dp_psf_net){.problem = problem,
                      .recipe = r,
                      .scale = scale,
                      .kh = at.kh,
                      .kw = at.kw,
                      .graph = g,
                      .psf = -1,
                      .z = -1,
                      .grid = -1};
    if (!dp_problem_blurs(problem)) return DIPPER_OK;
    if (!dp_problem_finds_psf(problem)) {
        n->psf = dp_graph_input(g, dp_vector(n->kh * n->kw));
        return DIPPER_OK;
    }
    n->borrows = r->psf == DP_PSF_SIREN && first != NULL;
    if (n->borrows)
        n->params = first->params;
    else
        DP_TRY(dp_params_new(be, diag, &n->params));
    n->psf = build(n);
    dp_graph_keep(g, n->psf);
    return DIPPER_OK;
}

void dp_psf_net_close(dp_psf_net *n) {
    if (!n->borrows) dp_params_free(n->params);
    n->params = NULL;
}

/* ---- Beginning ---- */

/* A point of a simplex drawn uniformly: exponential numbers divided by their sum. */
static void draw_psf(dp_philox_key key, uint64_t draw, float *psf, size_t n) {
    for (size_t i = 0; i < n; i += 4) {
        float u[4];
        dp_philox_uniform4(key, draw, i / 4, u);
        for (size_t j = i; j < i + 4 && j < n; j++) psf[j] = -logf(u[j - i]) + 1e-6f;
    }
}

/* The recipe's start as a PSF at this scale. False: the network's own. */
static bool find_start(const dp_psf_net *n, const dp_psf_chance *chance, float *psf, dipper_status *status,
                       dp_diag *diag) {
    *status = DIPPER_OK;
    for (size_t i = 0; i < count(n); i++) psf[i] = 1;
    switch ((dp_psf_start)n->recipe->psf_start) {
    case DP_START_OWN:
        return false;
    case DP_START_CONSTANT:
        break;
    case DP_START_RANDOM: /* far from the draws of the parameters, which are numbered from 0 */
        draw_psf(chance->weights, ~chance->draw, psf, count(n));
        break;
    case DP_START_DELTA:
        memset(psf, 0, count(n) * sizeof *psf);
        psf[count(n) / 2] = 1;
        break;
    case DP_START_FILE:
        *status = dp_problem_psf_at(n->problem, n->scale, diag, psf);
        break;
    }
    (void)dp_psf_normalise(psf, n->kh, n->kw);
    return true;
}

float dp_psf_logit(float value, size_t n) {
    return logf(fmaxf(value, 0.01f / (float)n));
}

/* Makes the network give `psf`: as logits, or through the last bias, which moves each logit by itself. psf is
 * overwritten. */
static dipper_status impose(dp_psf_net *n, float *psf, dp_diag *diag) {
    const bool direct = n->recipe->psf == DP_PSF_DIRECT;
    const int index = dp_params_find(n->params, direct ? "psf.logits.value" : "fcn.linear2.bias");
    float *own = dp_alloc(2 * count(n), sizeof *own), *bias = own + count(n);
    if (own == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    for (size_t i = 0; i < count(n); i++) psf[i] = dp_psf_logit(psf[i], count(n));
    if (!direct) {
        dp_graph_forward(n->graph);
        dp_graph_read(n->graph, n->psf, own);
        dp_params_read(n->params, DP_PARAM_VALUE, index, bias);
        for (size_t i = 0; i < count(n); i++) psf[i] += bias[i] - logf(own[i]);
    }
    dp_params_write(n->params, DP_PARAM_VALUE, index, psf);
    dp_free(own);
    return DIPPER_OK;
}

/* Positions in [-1, 1] over the full-size window, each pixel's the one that lies the roll before it. */
static void fill_grid(const dp_psf_net *n, float *grid) {
    for (int y = 0; y < n->kh; y++)
        for (int x = 0; x < n->kw; x++) {
            const int from_y = ((y - n->roll_y) % n->kh + n->kh) % n->kh;
            const int from_x = ((x - n->roll_x) % n->kw + n->kw) % n->kw;
            float *at = grid + y * n->kw + x;
            at[0] = (float)((from_x - n->kw / 2) / n->scale / (0.5 * n->problem->kw));
            at[count(n)] = (float)((from_y - n->kh / 2) / n->scale / (0.5 * n->problem->kh));
        }
}

dipper_status dp_psf_net_roll_to(dp_psf_net *n, int roll_y, int roll_x, dp_diag *diag) {
    if (n->grid < 0) return DIPPER_OK;
    float *grid = dp_alloc(2 * count(n), sizeof *grid);
    if (grid == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    n->roll_y = roll_y;
    n->roll_x = roll_x;
    fill_grid(n, grid);
    dp_graph_write(n->graph, n->grid, grid);
    dp_free(grid);
    return DIPPER_OK;
}

/* The weights go on from the scale before, and its roll. */
static dipper_status begin_siren(dp_psf_net *n, const dp_psf_net *before, dp_diag *diag) {
    if (before == NULL) return dp_psf_net_roll_to(n, 0, 0, diag);
    const double larger = n->scale / before->scale;
    return dp_psf_net_roll_to(n, (int)lround(before->roll_y * larger), (int)lround(before->roll_x * larger), diag);
}

static dipper_status start(dp_psf_net *n, const dp_psf_chance *chance, const dp_psf_net *before, const float *given,
                           float *psf, dp_diag *diag) {
    dipper_status status;
    if (before != NULL) {
        DP_TRY(dp_psf_resample(given, before->kh, before->kw, n->scale / before->scale, diag, psf, n->kh, n->kw));
        return impose(n, psf, diag);
    }
    if (!find_start(n, chance, psf, &status, diag)) return DIPPER_OK;
    return status == DIPPER_OK ? impose(n, psf, diag) : status;
}

static dipper_status begin_known(dp_psf_net *n, float *psf, dp_diag *diag) {
    DP_TRY(dp_problem_psf_at(n->problem, n->scale, diag, psf));
    dp_graph_write(n->graph, n->psf, psf);
    return DIPPER_OK;
}

dipper_status dp_psf_net_begin(dp_psf_net *n, const dp_psf_chance *chance, const dp_psf_net *before, const float *given,
                               dp_diag *diag) {
    if (n->psf < 0) return DIPPER_OK;
    if (n->params != NULL && !n->borrows) DP_TRY(dp_params_init(n->params, chance->weights, diag));
    if (n->borrows) dp_params_reset_moments(n->params);
    if (n->grid >= 0) return begin_siren(n, before, diag);
    if (n->z >= 0) DP_TRY(dp_write_noise(n->graph, n->z, chance->input, chance->draw, diag));
    float *psf = dp_alloc(count(n), sizeof *psf);
    if (psf == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a PSF");
    const dipper_status status =
        n->params != NULL ? start(n, chance, before, given, psf, diag) : begin_known(n, psf, diag);
    dp_free(psf);
    return status;
}

/* ---- Centring ---- */

bool dp_psf_net_can_centre(const dp_psf_net *n) {
    return n->params != NULL && (n->recipe->psf == DP_PSF_DIRECT || n->recipe->psf == DP_PSF_SIREN);
}

static void roll_direct(dp_psf_net *n, int move_y, int move_x, float *values, float *rolled) {
    const int logits = dp_params_find(n->params, "psf.logits.value");
    static const dp_param_array arrays[] = {DP_PARAM_VALUE, DP_PARAM_M, DP_PARAM_V};
    for (int a = 0; a < 3; a++) {
        dp_params_read(n->params, arrays[a], logits, values);
        dp_psf_shift(values, n->kh, n->kw, move_y, move_x, DP_PSF_ROLL, rolled);
        dp_params_write(n->params, arrays[a], logits, rolled);
    }
}

/* Without it the PSF drifts until the window cuts off a tail (METHODS, section 8). The picture follows by itself. */
void dp_psf_net_centre(dp_psf_net *n, float *scratch) {
    double dy, dx;
    dp_graph_read(n->graph, n->psf, scratch);
    dp_psf_centroid(scratch, n->kh, n->kw, &dy, &dx);
    const int move_y = -(int)lround(dy), move_x = -(int)lround(dx);
    if (move_y == 0 && move_x == 0) return;
    if (n->grid < 0) {
        roll_direct(n, move_y, move_x, scratch, scratch + count(n));
        return;
    }
    n->roll_y += move_y;
    n->roll_x += move_x;
    fill_grid(n, scratch);
    dp_graph_write(n->graph, n->grid, scratch);
}
