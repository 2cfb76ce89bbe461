/* The detail of the first error: passed down, filled once, read at the top. */
#ifndef DP_BASE_DIAG_H
#define DP_BASE_DIAG_H

#include "dipper/status.h"

typedef struct dp_diag {
    dipper_status status;
    char text[512];
} dp_diag;

/* Records status and text unless an error is already recorded; returns `status`, so that callers can
 * `return dp_fail(...)`. diag may be NULL. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dipper_status
dp_fail(dp_diag *diag, dipper_status status, const char *format, ...);

void dp_diag_clear(dp_diag *diag);

/* Leaves the function with the status of `expr` unless it is DIPPER_OK. */
#define DP_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        dipper_status dp_try_ = (expr);                                                                                \
        if (dp_try_ != DIPPER_OK) return dp_try_;                                                                      \
    } while (0)

#endif
