/* The names of a picture's results. SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"

#include <string.h>

static dipper_status name_psf(const char *psf_out, job_names *out, io_error *error) {
    int stem = psf_out ? path_stem_length(psf_out) : 0;
    if (!psf_out) {
        IO_TRY(path_print(out->psf_npy, error, "%s_psf.npy", out->prefix));
        return path_print(out->psf_png, error, "%s_psf.png", out->prefix);
    }
    if (!path_has_extension(psf_out, "npy") && !path_has_extension(psf_out, "png"))
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "--psf-out '%s': name a .npy or a .png file", psf_out);
    IO_TRY(path_print(out->psf_npy, error, "%.*s.npy", stem, psf_out));
    return path_print(out->psf_png, error, "%.*s.png", stem, psf_out);
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
    return name_psf(request->psf_out, out, error);
}

dipper_status names_snapshot(const job_names *names, long iteration, char *out, io_error *error) {
    return path_print(out, error, "%s_%06ld.%s", names->prefix, iteration, io_have_vips() ? "png" : "npy");
}
