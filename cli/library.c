/* The library for a subcommand. SPDX-License-Identifier: Apache-2.0 */
#include "cli/library.h"

#include "cli/options.h"
#include "cli/recipe_text.h"

#include <stdio.h>
#include <string.h>

static int device_is_known(const char *name) {
    const size_t length = strcspn(name, ":/"); /* a number and a precision may follow */
    int known = strcmp(name, "auto") == 0;
    for (int i = 0; !known && dipper_device_name(i); i++)
        known = strlen(dipper_device_name(i)) == length && strncmp(dipper_device_name(i), name, length) == 0;
    return known;
}

static int unknown_device(const char *name) {
    fprintf(stderr, "dipper: --device '%s': there is no such device in this build; there are auto", name);
    for (int i = 0; dipper_device_name(i); i++) fprintf(stderr, ", %s", dipper_device_name(i));
    fputc('\n', stderr);
    return DIPPER_ERROR_DEVICE;
}

const char *library_device(const char *device, const char *precision, char text[64]) {
    if (!precision) return device;
    snprintf(text, 64, "%.40s/%s", strcmp(device, "auto") == 0 ? "cuda" : device, precision);
    return text;
}

int library_open(const char *device, int threads, dipper_context **context) {
    dipper_context_options options;
    char why[256] = "";
    dipper_context_options_init(&options);
    options.device = device;
    options.threads = threads;
    options.why = why;
    options.why_size = sizeof why;
    if (!device_is_known(device)) return unknown_device(device);
    const dipper_status status = dipper_context_create(&options, context);
    if (status) fprintf(stderr, "dipper: --device '%s': %s\n", device, why[0] ? why : dipper_status_text(status));
    return (int)status;
}

int library_open_to_check(const char *device, int threads, dipper_context **context) {
    return device_is_known(device) ? library_open("cpu", threads, context) : unknown_device(device);
}

int library_refused(dipper_context *context, const char *option, const char *text, dipper_status status) {
    const char *why = context ? dipper_context_message(context) : "";
    fprintf(stderr, "dipper: %s '%s': %s\n", option, text, why[0] ? why : dipper_status_text(status));
    return (int)status;
}

static int set_field(dipper_context *context, dipper_recipe *recipe, const char *text) {
    char field[64];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        fprintf(stderr, "dipper: --set '%s': is not of the form field=value\n", text);
        return DIPPER_ERROR_ARGUMENT;
    }
    snprintf(field, sizeof field, "%.*s", (int)(equals - text), text);
    const dipper_status status = dipper_recipe_set(context, recipe, field, equals + 1);
    return status ? library_refused(context, "--set", text, status) : 0;
}

int library_recipe(dipper_context *context, const char *method, const recipe_changes *changes, dipper_recipe **recipe) {
    if (!recipe_is_known(method)) {
        recipe_say_unknown("--method", method);
        return DIPPER_ERROR_ARGUMENT;
    }
    dipper_status status = dipper_recipe_create(context, method, recipe);
    if (status) return library_refused(context, "--method", method, status);
    int code = 0;
    for (int i = 0; i < changes->count && !code; i++) code = set_field(context, *recipe, changes->set[i]);
    if (code || !changes->iterations) return code;
    status = dipper_recipe_set(context, *recipe, "iterations", changes->iterations);
    return status ? library_refused(context, "--iterations", changes->iterations, status) : 0;
}

int library_usual_psf_size(int width, int height) {
    enum { LEAST = 3 };
    const int half = (width < height ? width : height) / 2, odd = half % 2 ? half : half - 1;
    return odd > LIBRARY_PSF_SIZE ? LIBRARY_PSF_SIZE : odd < LEAST ? LEAST : odd;
}

const char *library_psf_size(const char *text, int *width, int *height) {
    char copy[32];
    long w = 0, h = 0;
    snprintf(copy, sizeof copy, "%s", text);
    char *x = strchr(copy, 'x');
    if (x) *x = '\0';
    if (strlen(text) >= sizeof copy || !parse_long(copy, &w) || !parse_long(x ? x + 1 : copy, &h))
        return "is not N or WxH";
    if (w < 1 || w > 101 || h < 1 || h > 101) return "is not from 1 to 101 px";
    if (w % 2 == 0 || h % 2 == 0) return "must be odd, so that the PSF has a centre";
    *width = (int)w;
    *height = (int)h;
    return NULL;
}
