/* Adam (Kingma and Ba 2015, algorithm 1) over one flat array, with PyTorch's place of epsilon. */
#include <math.h>

#include "backend/cpu/simd/kernels.h"

/* Where the gradient has become 0 for good (a dead ReLU6), the first moment would shrink into the subnormal numbers and
 * stay there, which are slow on many machines. */
static const float tiny = 1e-30f;

/* p, g, m, v, step (host) -> p, m, v */
void DP_ISA(dp_cpu_adam)(const dp_op *op, int threads, void *const *args, void *ws) {
    (void)ws;
    float *restrict p = args[0], *restrict m = args[2], *restrict v = args[3];
    const float *restrict g = args[1];
    const dp_adam_step *s = args[4];
    const double correct1 = 1 - pow(s->beta1, (double)s->t), correct2 = sqrt(1 - pow(s->beta2, (double)s->t));
    const float b1 = (float)s->beta1, b2 = (float)s->beta2, a1 = (float)(1 - s->beta1), a2 = (float)(1 - s->beta2);
    const float rate = (float)(s->lr / correct1), scale = (float)(1 / correct2), eps = (float)s->eps;
    const size_t n = dp_count(op->x);
#pragma omp parallel num_threads(dp_team(n, threads))
    {
        size_t from, to;
        dp_my_floats(n, &from, &to);
        for (size_t i = from; i < to; i++) {
            const float mi = b1 * m[i] + a1 * g[i], vi = b2 * v[i] + a2 * g[i] * g[i];
            m[i] = fabsf(mi) < tiny ? 0 : mi;
            v[i] = vi;
            p[i] -= rate * mi / (sqrtf(vi) * scale + eps);
        }
    }
}
