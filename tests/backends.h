/* The back ends that tests go through. */
#ifndef TESTS_BACKENDS_H
#define TESTS_BACKENDS_H

#include <stdlib.h>

#include "backend/backend.h"

/* "ref", "cpu", and "cuda/f32" where there is a GPU, or the emulator of one; returns their number. */
static inline int test_backends(const char *names[3]) {
    dp_backend *be;
    names[0] = "ref";
    names[1] = "cpu";
    names[2] = "cuda/f32";
    const bool gpu = dp_backend_open(names[2], 1, NULL, &be) == DIPPER_OK;
    dp_backend_close(&be);
    return gpu ? 3 : 2;
}

/* The device that solvers are tested on: DIPPER_TEST_DEVICE in the environment, or the CPU. */
static inline const char *test_device(void) {
    const char *name = getenv("DIPPER_TEST_DEVICE");
    return name != NULL ? name : "cpu";
}

#endif
