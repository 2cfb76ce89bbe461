/* Which back ends there are. */
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"

/* Fastest first: "auto" is the first. */
static const dp_backend_vtable *const backends[] = {
    &dp_backend_cpu,
#if defined(DP_WITH_ONEDNN)
    &dp_backend_onednn,
#endif
    &dp_backend_ref,
    &dp_backend_ref64,
};

dipper_status dp_backend_open(const char *name, int threads, dp_diag *diag, dp_backend **out) {
    *out = NULL;
    if (threads < 1) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%d threads, must be at least 1", threads);
    if (strcmp(name, "auto") == 0) return backends[0]->open(threads, diag, out);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(name, backends[i]->name) == 0) return backends[i]->open(threads, diag, out);
    char known[64] = "auto";
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", backends[i]->name);
    return dp_fail(diag, DIPPER_ERROR_DEVICE, "unknown device '%.40s'; there are: %s", name, known);
}

const char *dp_backend_name(int index) {
    const int count = (int)(sizeof backends / sizeof *backends);
    return index >= 0 && index < count ? backends[index]->name : NULL;
}

void dp_backend_close(dp_backend **be) {
    if (*be != NULL) (*be)->vt->close(*be);
    *be = NULL;
}
