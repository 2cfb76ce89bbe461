/* The names of a picture's results. SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"

#include <string.h>

/* The .npy and the .png file of an option that names one of them; both of IO_PATH_MAX. */
static dipper_status name_pair(const char *option, const char *file, char *npy, char *png, io_error *error) {
    const int stem = path_stem_length(file);
    if (!path_has_extension(file, "npy") && !path_has_extension(file, "png"))
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s '%s': name a .npy or a .png file", option, file);
    IO_TRY(path_print(npy, error, "%.*s.npy", stem, file));
    return path_print(png, error, "%.*s.png", stem, file);
}

static dipper_status refuse_clash(const char *option, const char *file, const char *clash, io_error *error) {
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s '%s': %s is another result's name", option, file, clash);
}

static dipper_status name_psf(const char *psf_out, job_names *out, io_error *error) {
    if (psf_out) {
        IO_TRY(name_pair("--psf-out", psf_out, out->psf_npy, out->psf_png, error));
        const int clash = !strcmp(out->psf_npy, out->image) || !strcmp(out->psf_png, out->image);
        return clash ? refuse_clash("--psf-out", psf_out, out->image, error) : DIPPER_OK;
    }
    IO_TRY(path_print(out->psf_npy, error, "%s_psf.npy", out->prefix));
    return path_print(out->psf_png, error, "%s_psf.png", out->prefix);
}

/* After the others: it may have none of their names. */
static dipper_status name_deviation(const char *file, job_names *out, io_error *error) {
    const char *const others[] = {out->image, out->psf_npy, out->psf_png};
    out->deviation_npy[0] = out->deviation_png[0] = '\0';
    if (!file) return DIPPER_OK;
    IO_TRY(name_pair("--uncertainty", file, out->deviation_npy, out->deviation_png, error));
    for (int i = 0; i < 3; i++)
        if (!strcmp(out->deviation_npy, others[i]) || !strcmp(out->deviation_png, others[i]))
            return refuse_clash("--uncertainty", file, others[i], error);
    return DIPPER_OK;
}

dipper_status names_make(const char *input, const names_request *request, job_names *out, io_error *error) {
    const char *output = request->output;
    if (output && !request->as_directory) {
        IO_TRY(path_print(out->image, error, "%s", output));
        IO_TRY(path_print(out->prefix, error, "%.*s", path_stem_length(output), output));
    } else {
        const char *from = output ? path_base(input) : input;
        const char *slash = output && output[0] && output[strlen(output) - 1] != '/' ? "/" : "";
        const char *extension = path_extension(input);
        IO_TRY(path_print(out->prefix, error, "%s%s%.*s%s", output ? output : "", slash, path_stem_length(from), from,
                          request->endings.prefix));
        IO_TRY(path_print(out->image, error, "%s%s%s%s", out->prefix, request->endings.image, extension[0] ? "." : "",
                          extension));
    }
    IO_TRY(path_print(out->record, error, "%s.run.json", out->prefix));
    IO_TRY(name_psf(request->psf_out, out, error));
    return name_deviation(request->uncertainty, out, error);
}

dipper_status names_snapshot(const job_names *names, long iteration, char *out, io_error *error) {
    return path_print(out, error, "%s_%06ld.%s", names->prefix, iteration, io_have_vips() ? "png" : "npy");
}
