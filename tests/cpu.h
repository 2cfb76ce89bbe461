/* For tests of what restores grey planes: a CPU back end for the whole group, and how far a result is from the truth.
 */
#ifndef DP_TESTS_CPU_H
#define DP_TESTS_CPU_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "backend/backend.h"

static dp_backend *be;
static dp_diag diag;

static inline int start(void **state) {
    (void)state;
    return dp_backend_open("cpu", 1, &diag, &be) != DIPPER_OK;
}

static inline int stop(void **state) {
    (void)state;
    dp_backend_close(&be);
    return 0;
}

/* Mean squared difference of n values. */
static inline double squared_error(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum / n;
}

#endif
