/* dipper-psnr RESULT REFERENCE [--aligned]: how near a picture is to another. SPDX-License-Identifier: Apache-2.0 */
#include "dipper/dipper.h"
#include "io/image_file.h"

#include <stdio.h>
#include <string.h>

static dipper_status measure(dipper_context *context, const dipper_image *x, const dipper_image *reference,
                             int aligned) {
    dipper_score_options options;
    dipper_score found = {.struct_size = sizeof found};
    dipper_score_options_init(&options);
    if (aligned) options.protocol = "levin";
    dipper_status status = dipper_score_result(context, x, reference, &options, &found);
    if (status == DIPPER_OK)
        printf("PSNR %.2f dB, SSIM %.4f, shift (%.2f, %.2f) px\n", found.psnr_db, found.ssim, found.shift_x,
               found.shift_y);
    return status;
}

static dipper_status compare(const char *const name[2], int aligned, dipper_context *context, io_picture *picture[2],
                             io_error *error) {
    for (int i = 0; i < 2; i++) IO_TRY(picture_read(name[i], &picture[i], error));
    const dipper_image x = picture_view(picture[0]), reference = picture_view(picture[1]);
    return measure(context, &x, &reference, aligned);
}

int main(int argc, char **argv) {
    const char *name[2] = {NULL, NULL};
    int names = 0, aligned = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--aligned") == 0)
            aligned = 1;
        else if (names < 2 && argv[i][0] != '-')
            name[names++] = argv[i];
        else
            names = 3;
    }
    if (names != 2) {
        fputs("usage: dipper-psnr RESULT REFERENCE [--aligned]\n"
              "Peak 1. --aligned: 15 px cropped, best shift within 10 px, clipped, luma (the Levin protocol)\n",
              stderr);
        return DIPPER_ERROR_ARGUMENT;
    }
    io_error error = {""};
    io_picture *picture[2] = {NULL, NULL};
    dipper_context *context = NULL;
    dipper_status status = io_init(argv[0], &error);
    if (status == DIPPER_OK) status = dipper_context_create(NULL, &context);
    if (status == DIPPER_OK) status = compare(name, aligned, context, picture, &error);
    if (status != DIPPER_OK)
        fprintf(stderr, "dipper-psnr: %s\n",
                error.text[0] ? error.text
                : context     ? dipper_context_message(context)
                              : dipper_status_text(status));
    picture_destroy(&picture[0]);
    picture_destroy(&picture[1]);
    dipper_context_destroy(&context);
    io_shutdown();
    return (int)status;
}
