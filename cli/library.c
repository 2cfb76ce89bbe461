/* The library for a subcommand. SPDX-License-Identifier: Apache-2.0 */
#include "cli/library.h"

#include <stdio.h>
#include <string.h>

static int device_is_known(const char *name) {
    int known = strcmp(name, "auto") == 0;
    for (int i = 0; !known && dipper_device_name(i); i++) known = strcmp(dipper_device_name(i), name) == 0;
    return known;
}

static int unknown_device(const char *name) {
    fprintf(stderr, "dipper: --device '%s': there is no such device in this build; there are auto", name);
    for (int i = 0; dipper_device_name(i); i++) fprintf(stderr, ", %s", dipper_device_name(i));
    fputc('\n', stderr);
    return DIPPER_ERROR_DEVICE;
}

int library_open(const char *device, int threads, dipper_context **context) {
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.device = device;
    options.threads = threads;
    if (!device_is_known(device)) return unknown_device(device);
    const dipper_status status = dipper_context_create(&options, context);
    return status ? library_refused(NULL, "--device", device, status) : 0;
}

int library_refused(dipper_context *context, const char *option, const char *text, dipper_status status) {
    const char *why = context ? dipper_context_message(context) : "";
    fprintf(stderr, "dipper: %s '%s': %s\n", option, text, why[0] ? why : dipper_status_text(status));
    return (int)status;
}
