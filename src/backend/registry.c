/* Which back ends there are. */
#include <string.h>

#include "backend/backend.h"

/* Fastest first: "auto" is the first. */
static const dp_backend_vtable *const backends[] = {&dp_backend_cpu, &dp_backend_ref, &dp_backend_ref64};

dipper_status dp_backend_open(const char *name, int threads, dp_diag *diag, dp_backend **out) {
    *out = NULL;
    if (threads < 1) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%d threads, must be at least 1", threads);
    if (strcmp(name, "auto") == 0) return backends[0]->open(threads, diag, out);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(name, backends[i]->name) == 0) return backends[i]->open(threads, diag, out);
    return dp_fail(diag, DIPPER_ERROR_DEVICE, "unknown device '%.40s'; there are: auto, cpu, ref, ref64", name);
}

void dp_backend_close(dp_backend **be) {
    if (*be != NULL) (*be)->vt->close(*be);
    *be = NULL;
}
