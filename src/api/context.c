#include <omp.h>
#include <stdio.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"

enum { MAX_THREADS = 1024 };

void dipper_context_options_init(dipper_context_options *options) {
    *options = (dipper_context_options){.struct_size = sizeof *options, .device = "auto", .threads = 0};
}

dipper_status dipper_context_create(const dipper_context_options *options, dipper_context **out) {
    dipper_context_options defaults;
    dipper_context_options_init(&defaults);
    if (out == NULL) return DIPPER_ERROR_ARGUMENT;
    *out = NULL;
    if (options == NULL) options = &defaults;
    if (options->struct_size != sizeof *options || options->threads < 0 || options->threads > MAX_THREADS)
        return DIPPER_ERROR_ARGUMENT;
    dipper_context *context = dp_alloc(1, sizeof *context);
    if (context == NULL) return DIPPER_ERROR_MEMORY;
    const int threads = options->threads > 0 ? options->threads : omp_get_num_procs();
    const char *device = options->device != NULL ? options->device : "auto";
    const dipper_status status = dp_backend_open(device, threads, &context->diag, &context->be);
    if (status != DIPPER_OK && options->why != NULL && options->why_size > 0)
        snprintf(options->why, options->why_size, "%s", context->diag.text);
    if (status != DIPPER_OK)
        dipper_context_destroy(&context);
    else
        *out = context;
    return status;
}

void dipper_context_destroy(dipper_context **context) {
    if (context == NULL || *context == NULL) return;
    dp_backend_close(&(*context)->be);
    dp_free(*context);
    *context = NULL;
}

const char *dipper_device_name(int index) {
    return dp_backend_name(index);
}

const char *dipper_context_message(const dipper_context *context) {
    return context->diag.text;
}
void dipper_context_clear(dipper_context *context) {
    dp_diag_clear(&context->diag);
}
const char *dipper_context_device(const dipper_context *context) {
    return context->be->detail;
}
const char *dipper_context_passed_over(const dipper_context *context) {
    return context->be->passed_over;
}
int dipper_context_threads(const dipper_context *context) {
    return context->be->threads;
}

const char *dipper_status_text(dipper_status status) {
    switch (status) {
    case DIPPER_OK:
        return "done";
    case DIPPER_ERROR_INTERNAL:
        return "internal error";
    case DIPPER_ERROR_ARGUMENT:
        return "wrong argument";
    case DIPPER_ERROR_INPUT:
        return "unusable input";
    case DIPPER_ERROR_OUTPUT:
        return "output cannot be written";
    case DIPPER_ERROR_MEMORY:
        return "out of memory";
    case DIPPER_ERROR_DEVICE:
        return "device not available";
    case DIPPER_ERROR_DIVERGED:
        return "diverged";
    case DIPPER_ERROR_CANCELLED:
        return "stopped";
    }
    return "unknown status";
}

const char *dipper_build_text(void) {
    return "oneDNN "
#ifdef DP_WITH_ONEDNN
           "on"
#else
           "off"
#endif
           ", FFTW "
#ifdef DP_WITH_FFTW
           "on"
#else
           "off"
#endif
           ", CUDA "
#ifdef DP_WITH_CUDA
           "on";
#else
           "off";
#endif
}

dipper_image dipper_image_view(float *data, int width, int height, int channels) {
    return (dipper_image){.data = data,
                          .width = width,
                          .height = height,
                          .channels = channels,
                          .pixel_stride = 1,
                          .row_stride = width,
                          .channel_stride = (ptrdiff_t)width * height};
}

dipper_progress dp_steps_done(const char *stage, int done, int of, double begun) {
    const double seconds = dp_seconds() - begun;
    return (dipper_progress){.struct_size = sizeof(dipper_progress),
                             .stage = stage,
                             .iteration = done,
                             .iterations = of,
                             .seconds = seconds,
                             .seconds_left = done > 0 ? seconds / done * (of - done) : 0,
                             .note = ""};
}
