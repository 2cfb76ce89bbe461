/* dipper info --gradients: the distribution of gradients of pictures. SPDX-License-Identifier: Apache-2.0 */
#include "cli/gradients.h"

#include "io/image_file.h"
#include "io/output.h"
#include "study/gradients.h"

#include <stdlib.h>
#include <string.h>

static int ends_in(const char *path, const char *extension) {
    size_t n = strlen(path), m = strlen(extension);
    return n > m && strcmp(path + n - m, extension) == 0;
}

static dipper_status check_output(const char *path, int overwrite, io_error *error) {
    if (!path) return DIPPER_OK;
    if (!ends_in(path, ".svg") && !ends_in(path, ".csv"))
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "--output '%s': gradients are drawn as .svg or listed as .csv",
                       path);
    return output_check(path, overwrite, error);
}

static dipper_status measure(dipper_context *context, const char *path, gradient_curve *out, io_error *error) {
    io_picture *picture = NULL;
    const char *slash = strrchr(path, '/');
    IO_TRY(picture_read(path, &picture, error));
    const dipper_image view = picture_view(picture);
    *out = (gradient_curve){.name = slash ? slash + 1 : path, .prior.struct_size = sizeof out->prior};
    const dipper_status status = dipper_gradients_fit(context, &view, &out->prior, out->density);
    if (status) io_fail(error, status, "%s: %s", path, dipper_context_message(context));
    picture_destroy(&picture);
    return status;
}

static void print(const gradient_curve *c) {
    const dipper_gradient_prior *p = &c->prior;
    printf("%s\n", c->name);
    printf("  gradients    %.0f\n", p->count);
    printf("  fit          exponent %.3f, scale %.4g: mean ln p = %.4f\n", p->exponent, p->scale, p->log_likelihood);
    printf("  Laplace      scale %.4g: mean ln p = %.4f\n", p->laplace_scale, p->laplace_log_likelihood);
    printf("  Gaussian     sigma %.4g: mean ln p = %.4f\n", p->gaussian_sigma, p->gaussian_log_likelihood);
}

static dipper_status write(const gradient_curve *curves, int count, const char *path, int overwrite, io_error *error) {
    if (!path) return DIPPER_OK;
    IO_TRY(ends_in(path, ".csv") ? gradients_write_csv(curves, count, path, overwrite, error)
                                 : gradients_draw(curves, count, path, overwrite, error));
    puts(path);
    return DIPPER_OK;
}

int gradients_show(dipper_context *context, const text_list *files, const char *output, int overwrite) {
    io_error error = {""};
    gradient_curve *curves = NULL;
    dipper_status status = check_output(output, overwrite, &error);
    if (!status && files->count == 0)
        status = io_fail(&error, DIPPER_ERROR_ARGUMENT, "info --gradients: name a picture (see dipper info --help)");
    if (!status) curves = calloc((size_t)files->count, sizeof *curves);
    if (!status && !curves) status = io_fail(&error, DIPPER_ERROR_MEMORY, "no memory for %d histograms", files->count);
    for (int i = 0; i < files->count && !status; i++) status = measure(context, files->items[i], &curves[i], &error);
    for (int i = 0; i < files->count && !status; i++) print(&curves[i]);
    if (!status) status = write(curves, files->count, output, overwrite, &error);
    if (status) fprintf(stderr, "dipper: %s\n", error.text);
    free(curves);
    return (int)status;
}
