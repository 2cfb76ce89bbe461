/* Status codes: what every fallible call of Dipper returns. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STATUS_H
#define DIPPER_STATUS_H

#if defined(__GNUC__) || defined(__clang__)
#define DIPPER_MUST_CHECK __attribute__((warn_unused_result))
#else
#define DIPPER_MUST_CHECK
#endif

/* The numbers are also the command's exit codes (docs/manual.md). */
typedef enum dipper_status {
    DIPPER_OK = 0,
    DIPPER_ERROR_INTERNAL = 1, /* a bug in Dipper */
    DIPPER_ERROR_ARGUMENT = 2, /* an option or argument is wrong */
    DIPPER_ERROR_INPUT = 3,    /* input unreadable, unsupported, or without meaning (NaN, too small) */
    DIPPER_ERROR_OUTPUT = 4,   /* output cannot be written, or exists */
    DIPPER_ERROR_MEMORY = 5,   /* out of memory */
    DIPPER_ERROR_DEVICE = 6,   /* device or back end not available */
    DIPPER_ERROR_DIVERGED = 7, /* the loss became NaN or infinite; the last good result can be read */
    DIPPER_ERROR_CANCELLED = 8 /* the progress callback asked to stop; the current result can be read */
} dipper_status;

#endif
