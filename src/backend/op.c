/* Names of the ops, and the shape rules that every back end relies on. */
#include "backend/op.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "backend/backend.h"
#include "base/memory.h"

static const char *const op_names[DP_OP_KINDS] = {
    [DP_CONV_FWD] = "conv_fwd",
    [DP_CONV_BWD_DATA] = "conv_bwd_data",
    [DP_CONV_BWD_WEIGHTS] = "conv_bwd_weights",
    [DP_NORM_ACT_FWD] = "norm_act_fwd",
    [DP_NORM_ACT_BWD] = "norm_act_bwd",
    [DP_UPSAMPLE2_FWD] = "upsample2_fwd",
    [DP_UPSAMPLE2_BWD] = "upsample2_bwd",
    [DP_CHANNEL_COPY] = "channel_copy",
    [DP_ADD] = "add",
    [DP_MULADD] = "muladd",
    [DP_MATMUL] = "matmul",
    [DP_MAXPOOL2_FWD] = "maxpool2_fwd",
    [DP_MAXPOOL2_BWD] = "maxpool2_bwd",
    [DP_LINEAR_FWD] = "linear_fwd",
    [DP_LINEAR_BWD] = "linear_bwd",
    [DP_ACT_FWD] = "act_fwd",
    [DP_ACT_BWD] = "act_bwd",
    [DP_SOFTMAX_FWD] = "softmax_fwd",
    [DP_SOFTMAX_BWD] = "softmax_bwd",
    [DP_BLUR_FWD] = "blur_fwd",
    [DP_BLUR_BWD] = "blur_bwd",
    [DP_WIENER] = "wiener",
    [DP_WIENER_BWD] = "wiener_bwd",
    [DP_DOWNSAMPLE_FWD] = "downsample_fwd",
    [DP_DOWNSAMPLE_BWD] = "downsample_bwd",
    [DP_MSE] = "mse",
    [DP_SSIM] = "ssim",
    [DP_TV] = "tv",
    [DP_DERIVATIVES] = "derivatives",
    [DP_MEAN_LOG] = "mean_log",
    [DP_SPARSE_PRIOR] = "sparse_prior",
    [DP_EXTREME_PRIOR] = "extreme_prior",
    [DP_ADAM] = "adam",
    [DP_FINITE] = "finite",
    [DP_RANDOM] = "random",
};

const char *dp_op_name(dp_op_kind kind) {
    return (int)kind >= 0 && kind < DP_OP_KINDS ? op_names[kind] : "unknown op";
}

int dp_op_inputs(dp_op_kind kind) {
    static const signed char inputs[DP_OP_KINDS] = {
        [DP_CONV_FWD] = 3,
        [DP_CONV_BWD_DATA] = 2,
        [DP_CONV_BWD_WEIGHTS] = 2,
        [DP_NORM_ACT_FWD] = 3,
        [DP_NORM_ACT_BWD] = 5,
        [DP_UPSAMPLE2_FWD] = 1,
        [DP_UPSAMPLE2_BWD] = 1,
        [DP_CHANNEL_COPY] = 1,
        [DP_ADD] = 2,
        [DP_MULADD] = 3,
        [DP_MATMUL] = 2,
        [DP_MAXPOOL2_FWD] = 1,
        [DP_MAXPOOL2_BWD] = 2,
        [DP_LINEAR_FWD] = 3,
        [DP_LINEAR_BWD] = 3,
        [DP_ACT_FWD] = 1,
        [DP_ACT_BWD] = 2,
        [DP_SOFTMAX_FWD] = 1,
        [DP_SOFTMAX_BWD] = 2,
        [DP_BLUR_FWD] = 2,
        [DP_BLUR_BWD] = 3,
        [DP_WIENER] = 2,
        [DP_WIENER_BWD] = 3,
        [DP_DOWNSAMPLE_FWD] = 1,
        [DP_DOWNSAMPLE_BWD] = 1,
        [DP_MSE] = 4,
        [DP_SSIM] = 3,
        [DP_TV] = 2,
        [DP_DERIVATIVES] = 3,
        [DP_MEAN_LOG] = 2,
        [DP_SPARSE_PRIOR] = 3,
        [DP_EXTREME_PRIOR] = 4,
        [DP_ADAM] = 0,
        [DP_FINITE] = 1,
        [DP_RANDOM] = 2,
    };
    return inputs[kind];
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static dipper_status
broken(const dp_op *op, dp_diag *diag, const char *format, ...) {
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return dp_fail(diag, DIPPER_ERROR_INTERNAL, "%s: %s", dp_op_name(op->kind), text);
}

/* A rule of the op; used where `op` and `diag` are in scope. */
#define RULE(holds, ...)                                                                                               \
    do {                                                                                                               \
        if (!(holds)) return broken(op, diag, __VA_ARGS__);                                                            \
    } while (0)

/* Sides at least 1, and small enough that planes and sides of matrices fit an int, and that the bytes of the padded
 * tensor in double fit ptrdiff_t. */
static dipper_status check_shape(const dp_op *op, dp_diag *diag, const char *name, dp_shape s) {
    RULE(s.c >= 1 && s.h >= 1 && s.w >= 1,
         "%s is %d x %d x %d (channels, rows, columns), every side must be at least 1", name, s.c, s.h, s.w);
    RULE(s.layout == DP_PLANAR || s.layout == DP_FEATURE, "%s has unknown layout %d", name, (int)s.layout);
    size_t plane, count;
    const size_t channels = dp_align_up((size_t)s.c, 64);
    const bool fits = dp_mul_size((size_t)s.h, (size_t)s.w, &plane) && plane <= INT_MAX &&
                      dp_mul_size(plane, channels, &count) && count <= PTRDIFF_MAX / (2 * sizeof(double));
    RULE(fits, "%s of %d x %d x %d is too large", name, s.c, s.h, s.w);
    return DIPPER_OK;
}

static dipper_status check_layout(const dp_op *op, dp_diag *diag, const char *name, dp_shape s, dp_layout layout) {
    RULE(s.layout == layout, "%s must be %s", name, layout == DP_FEATURE ? "in feature layout" : "planar");
    return DIPPER_OK;
}

static dipper_status check_same(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    RULE(dp_shape_equal(x, y), "y (%d x %d x %d, layout %d) must be as x (%d x %d x %d, layout %d)", y.c, y.h, y.w,
         (int)y.layout, x.c, x.h, x.w, (int)x.layout);
    return DIPPER_OK;
}

static dipper_status check_conv(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    const int k = op->conv.k, stride = op->conv.stride;
    RULE(k == 1 || k == 3, "kernel side is %d, must be 1 or 3", k);
    RULE(stride == 1 || (stride == 2 && k == 3), "stride is %d with kernel side %d, must be 1, or 2 with side 3",
         stride, k);
    RULE(op->conv.pad == DP_PAD_REFLECT || op->conv.pad == DP_PAD_ZERO, "unknown padding %d", (int)op->conv.pad);
    DP_TRY(check_layout(op, diag, "x", x, DP_FEATURE));
    RULE(y.layout == DP_FEATURE || (k == 1 && y.c <= 8),
         "y is planar with kernel side %d and %d channels; planar needs side 1 and at most 8 channels", k, y.c);
    const int h = dp_conv_out(x.h, stride), w = dp_conv_out(x.w, stride);
    RULE(y.h == h && y.w == w, "y is %d x %d, must be %d x %d for x %d x %d with stride %d", y.h, y.w, h, w, x.h, x.w,
         stride);
    RULE(k == 1 || op->conv.pad == DP_PAD_ZERO || (x.h >= 2 && x.w >= 2),
         "x is %d x %d, padding by reflection needs at least 2 x 2", x.h, x.w);
    size_t count;
    RULE(dp_mul_size((size_t)x.c * 9, (size_t)y.c, &count) && count <= INT_MAX, "%d x %d channels are too many", x.c,
         y.c);
    return DIPPER_OK;
}

static dipper_status check_norm(const dp_op *op, dp_diag *diag) {
    const float eps = op->norm.eps, slope = op->norm.slope;
    DP_TRY(check_layout(op, diag, "x", op->x, DP_FEATURE));
    DP_TRY(check_same(op, diag));
    RULE(isfinite(eps) && eps > 0, "eps is %g, must be above 0", (double)eps);
    RULE(slope >= 0 && slope <= 1, "slope is %g, must be in [0, 1]", (double)slope);
    return DIPPER_OK;
}

static dipper_status check_upsample(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    DP_TRY(check_layout(op, diag, "x", x, DP_FEATURE));
    DP_TRY(check_layout(op, diag, "y", y, DP_FEATURE));
    RULE(op->up.to >= 0 && x.c <= y.c - op->up.to, "channels %d + %d are outside the %d of y", op->up.to, x.c, y.c);
    RULE(x.h <= INT_MAX / 2 && x.w <= INT_MAX / 2, "x is too large");
    RULE(y.h <= 2 * x.h && y.w <= 2 * x.w, "y is %d x %d, at most twice x, that is %d x %d", y.h, y.w, 2 * x.h,
         2 * x.w);
    return DIPPER_OK;
}

static dipper_status check_copy(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    const int from = op->copy.from, to = op->copy.to, n = op->copy.n;
    RULE(x.layout == y.layout, "x and y differ in layout");
    RULE(x.h == y.h && x.w == y.w, "x is %d x %d, y %d x %d", x.h, x.w, y.h, y.w);
    RULE(n >= 1, "copies %d channels, must be at least 1", n);
    RULE(from >= 0 && n <= x.c - from, "channels %d + %d are outside the %d of x", from, n, x.c);
    RULE(to >= 0 && n <= y.c - to, "channels %d + %d are outside the %d of y", to, n, y.c);
    return DIPPER_OK;
}

static dipper_status check_matmul(const dp_op *op, dp_diag *diag) {
    const dp_shape a = op->x, b = op->matmul.b, y = op->y;
    DP_TRY(check_shape(op, diag, "b", b));
    const bool ta = op->matmul.trans_a, tb = op->matmul.trans_b;
    const int rows = ta ? a.h * a.w : a.c, inner_a = ta ? a.c : a.h * a.w;
    const int inner_b = tb ? b.h * b.w : b.c, columns = tb ? b.c : b.h * b.w;
    RULE(inner_a == inner_b, "inner dimensions differ: op(a) is %d x %d, op(b) %d x %d", rows, inner_a, inner_b,
         columns);
    RULE(y.c == rows && y.h * y.w == columns, "y is a matrix of %d x %d, must be %d x %d", y.c, y.h * y.w, rows,
         columns);
    RULE(isfinite(op->matmul.alpha), "alpha is not finite");
    return DIPPER_OK;
}

static dipper_status check_maxpool(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    DP_TRY(check_layout(op, diag, "x", x, DP_FEATURE));
    DP_TRY(check_layout(op, diag, "y", y, DP_FEATURE));
    RULE(x.h >= 2 && x.w >= 2, "x is %d x %d, pooling needs at least 2 x 2", x.h, x.w);
    RULE(y.c == x.c && y.h == x.h / 2 && y.w == x.w / 2, "y is %d x %d x %d, must be %d x %d x %d", y.c, y.h, y.w, x.c,
         x.h / 2, x.w / 2);
    return DIPPER_OK;
}

static dipper_status check_linear(const dp_op *op, dp_diag *diag) {
    DP_TRY(check_layout(op, diag, "x", op->x, DP_PLANAR));
    DP_TRY(check_layout(op, diag, "y", op->y, DP_PLANAR));
    size_t count;
    RULE(dp_count(op->x) <= INT_MAX && dp_count(op->y) <= INT_MAX &&
             dp_mul_size(dp_count(op->x), dp_count(op->y), &count) && count <= PTRDIFF_MAX / (2 * sizeof(double)),
         "%zu to %zu values are too many", dp_count(op->x), dp_count(op->y));
    return DIPPER_OK;
}

static dipper_status check_act(const dp_op *op, dp_diag *diag) {
    const dp_act act = op->act.act;
    RULE(act == DP_RELU6 || act == DP_SIGMOID || act == DP_SINE, "unknown activation %d", (int)act);
    if (act != DP_SINE) DP_TRY(check_layout(op, diag, "x", op->x, DP_PLANAR));
    RULE(act != DP_SINE || (isfinite(op->act.factor) && op->act.factor > 0), "the sine's factor is %g, must be above 0",
         (double)op->act.factor);
    DP_TRY(check_same(op, diag));
    return DIPPER_OK;
}

static dipper_status check_softmax(const dp_op *op, dp_diag *diag) {
    DP_TRY(check_layout(op, diag, "x", op->x, DP_PLANAR));
    return check_same(op, diag);
}

static dipper_status check_psf(const dp_op *op, dp_diag *diag, int kh, int kw) {
    RULE(kh >= 1 && kw >= 1 && kh <= 101 && kw <= 101 && kh % 2 == 1 && kw % 2 == 1,
         "the PSF is %d x %d, both sides must be odd and in 1..101", kh, kw);
    return DIPPER_OK;
}

static dipper_status check_blur(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    const int kh = op->blur.kh, kw = op->blur.kw;
    DP_TRY(check_psf(op, diag, kh, kw));
    DP_TRY(check_layout(op, diag, "x", x, DP_PLANAR));
    DP_TRY(check_layout(op, diag, "y", y, DP_PLANAR));
    RULE(x.h >= kh && x.w >= kw, "the latent picture is %d x %d, smaller than the PSF of %d x %d", x.h, x.w, kh, kw);
    RULE(y.c == x.c && y.h == x.h - kh + 1 && y.w == x.w - kw + 1, "y is %d x %d x %d, must be %d x %d x %d", y.c, y.h,
         y.w, x.c, x.h - kh + 1, x.w - kw + 1);
    return DIPPER_OK;
}

static dipper_status check_wiener(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    const int kh = op->wiener.kh, kw = op->wiener.kw;
    DP_TRY(check_psf(op, diag, kh, kw));
    DP_TRY(check_layout(op, diag, "x", x, DP_PLANAR));
    DP_TRY(check_layout(op, diag, "y", y, DP_PLANAR));
    RULE(y.c == x.c && y.h == x.h + kh - 1 && y.w == x.w + kw - 1, "y is %d x %d x %d, must be %d x %d x %d", y.c, y.h,
         y.w, x.c, x.h + kh - 1, x.w + kw - 1);
    RULE(isfinite(op->wiener.constant) && op->wiener.constant > 0, "the constant is %g, must be above 0",
         (double)op->wiener.constant);
    return DIPPER_OK;
}

static dipper_status check_downsample(const dp_op *op, dp_diag *diag) {
    const dp_shape x = op->x, y = op->y;
    const int f = op->down.factor;
    RULE(f == 2 || f == 4 || f == 8, "the factor is %d, must be 2, 4 or 8", f);
    RULE(op->down.lobes == 2 || op->down.lobes == 3, "the filter has %d lobes, must have 2 or 3", op->down.lobes);
    DP_TRY(check_layout(op, diag, "x", x, DP_PLANAR));
    DP_TRY(check_layout(op, diag, "y", y, DP_PLANAR));
    RULE(y.c == x.c && x.h == f * y.h && x.w == f * y.w, "x is %d x %d x %d, must be %d x %d x %d for y %d x %d", x.c,
         x.h, x.w, y.c, f * y.h, f * y.w, y.h, y.w);
    return DIPPER_OK;
}

static dipper_status check_loss(const dp_op *op, dp_diag *diag) {
    DP_TRY(check_layout(op, diag, "x", op->x, DP_PLANAR));
    RULE(op->kind != DP_MSE || isfinite(op->loss.value), "the value to compare with is not finite");
    RULE(op->kind != DP_TV || (isfinite(op->loss.eps) && op->loss.eps > 0), "eps is %g, must be above 0",
         (double)op->loss.eps);
    for (int i = 0; i < 3; i++)
        RULE(op->kind != DP_DERIVATIVES || isfinite(op->loss.order[i]), "a coefficient is not finite");
    RULE(op->kind != DP_EXTREME_PRIOR || (op->loss.window >= 1 && op->loss.window % 2 == 1),
         "the window is %d, must be odd and positive", op->loss.window);
    return DIPPER_OK;
}

static dipper_status check_random(const dp_op *op, dp_diag *diag) {
    DP_TRY(check_same(op, diag));
    RULE(op->random.law == DP_UNIFORM || op->random.law == DP_NORMAL, "unknown law %d", (int)op->random.law);
    RULE(isfinite(op->random.scale), "scale is not finite");
    return DIPPER_OK;
}

static dipper_status check_finite(const dp_op *op, dp_diag *diag) {
    RULE(dp_count(op->y) == 1, "y has %zu numbers, must be 1", dp_count(op->y));
    DP_TRY(check_layout(op, diag, "y", op->y, DP_PLANAR));
    return check_layout(op, diag, "x", op->x, DP_PLANAR);
}

static dipper_status check_adam(const dp_op *op, dp_diag *diag) {
    return check_layout(op, diag, "x", op->x, DP_PLANAR);
}

/* For a kind's own rules, shapes of x and y are known to be sound. */
static dipper_status (*const rules[DP_OP_KINDS])(const dp_op *op, dp_diag *diag) = {
    [DP_CONV_FWD] = check_conv,
    [DP_CONV_BWD_DATA] = check_conv,
    [DP_CONV_BWD_WEIGHTS] = check_conv,
    [DP_NORM_ACT_FWD] = check_norm,
    [DP_NORM_ACT_BWD] = check_norm,
    [DP_UPSAMPLE2_FWD] = check_upsample,
    [DP_UPSAMPLE2_BWD] = check_upsample,
    [DP_CHANNEL_COPY] = check_copy,
    [DP_ADD] = check_same,
    [DP_MULADD] = check_same,
    [DP_MATMUL] = check_matmul,
    [DP_MAXPOOL2_FWD] = check_maxpool,
    [DP_MAXPOOL2_BWD] = check_maxpool,
    [DP_LINEAR_FWD] = check_linear,
    [DP_LINEAR_BWD] = check_linear,
    [DP_ACT_FWD] = check_act,
    [DP_ACT_BWD] = check_act,
    [DP_SOFTMAX_FWD] = check_softmax,
    [DP_SOFTMAX_BWD] = check_softmax,
    [DP_BLUR_FWD] = check_blur,
    [DP_BLUR_BWD] = check_blur,
    [DP_WIENER] = check_wiener,
    [DP_WIENER_BWD] = check_wiener,
    [DP_DOWNSAMPLE_FWD] = check_downsample,
    [DP_DOWNSAMPLE_BWD] = check_downsample,
    [DP_MSE] = check_loss,
    [DP_SSIM] = check_loss,
    [DP_TV] = check_loss,
    [DP_DERIVATIVES] = check_loss,
    [DP_MEAN_LOG] = check_loss,
    [DP_SPARSE_PRIOR] = check_loss,
    [DP_EXTREME_PRIOR] = check_loss,
    [DP_ADAM] = check_adam,
    [DP_FINITE] = check_finite,
    [DP_RANDOM] = check_random,
};

static bool has_output_shape(dp_op_kind kind) {
    return !dp_op_is_loss(kind) && kind != DP_ADAM;
}

dipper_status dp_op_check(const dp_op *op, dp_diag *diag) {
    RULE((int)op->kind >= 0 && op->kind < DP_OP_KINDS, "kind %d is not one of the %d", (int)op->kind, (int)DP_OP_KINDS);
    DP_TRY(check_shape(op, diag, "x", op->x));
    if (has_output_shape(op->kind)) DP_TRY(check_shape(op, diag, "y", op->y));
    return rules[op->kind](op, diag);
}

static double sinc(double x) {
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

int dp_downsample_taps(const dp_op *op, double tap[DP_DOWNSAMPLE_TAPS]) {
    const int f = op->down.factor, lobes = op->down.lobes, taps = 2 * lobes * f;
    double sum = 0;
    for (int a = 0; a < taps; a++) {
        const double d = (a - 0.5 * (taps - 1)) / f;
        sum += tap[a] = sinc(d) * sinc(d / lobes);
    }
    for (int a = 0; a < taps; a++) tap[a] /= sum;
    return taps;
}
