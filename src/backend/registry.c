/* Which back ends there are. */
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"

static const dp_backend_vtable *const backends[] = {
#if defined(DP_WITH_CUDA)
    &dp_backend_cuda,
#endif
    &dp_backend_cpu,
#if defined(DP_WITH_ONEDNN)
    &dp_backend_onednn,
#endif
    &dp_backend_ref,    &dp_backend_ref64,
};

/* "auto": a GPU if there is one, else the CPU. What was taken stands in the back end's detail. */
static dipper_status open_best(int threads, dp_diag *diag, dp_backend **out) {
    dp_diag why = {0};
#if defined(DP_WITH_CUDA)
    if (dp_backend_cuda.open("", threads, &why, out) == DIPPER_OK) return DIPPER_OK;
#endif
    DP_TRY(dp_backend_cpu.open("", threads, diag, out));
    snprintf((*out)->passed_over, sizeof(*out)->passed_over, "%.159s", why.text);
    return DIPPER_OK;
}

dipper_status dp_backend_no_option(const char *name, const char *option, dp_diag *diag) {
    return *option == '\0' ? DIPPER_OK
                           : dp_fail(diag, DIPPER_ERROR_DEVICE,
                                     "device '%.20s%.20s': '%.20s' takes no number and no "
                                     "precision",
                                     name, option, name);
}

dipper_status dp_backend_open(const char *name, int threads, dp_diag *diag, dp_backend **out) {
    *out = NULL;
    if (threads < 1) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "%d threads, must be at least 1", threads);
    if (strcmp(name, "auto") == 0) return open_best(threads, diag, out);
    const size_t length = strcspn(name, ":/");
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strlen(backends[i]->name) == length && strncmp(name, backends[i]->name, length) == 0)
            return backends[i]->open(name + length, threads, diag, out);
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
