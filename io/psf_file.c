/* PSFs in files. SPDX-License-Identifier: Apache-2.0 */
#include "io/psf_file.h"

#include "io/image_file.h"
#include "io/npy.h"

dipper_status psf_write_npy(const float *psf, int width, int height, const char *path, int overwrite, io_error *error) {
    output_file file;
    IO_TRY(output_begin(&file, path, error));
    dipper_status status = npy_write(&file, psf, width, height, 1, IO_DEPTH_F32, error);
    if (!status) return output_commit(&file, overwrite, error);
    output_discard(&file);
    return status;
}

dipper_status psf_write_picture(const float *psf, int width, int height, const char *path, int overwrite,
                                io_error *error) {
    io_picture *picture;
    IO_TRY(picture_create(width * PSF_PICTURE_ZOOM, height * PSF_PICTURE_ZOOM, 1, IO_DEPTH_U8, &picture, error));
    float largest = 0;
    for (int i = 0; i < width * height; i++)
        if (psf[i] > largest) largest = psf[i];
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++) {
            float v = psf[y / PSF_PICTURE_ZOOM * width + x / PSF_PICTURE_ZOOM];
            picture->data[y * picture->width + x] = largest > 0 ? v / largest : 0;
        }
    dipper_status status = picture_write(picture, picture->data, path, overwrite, NULL, error);
    picture_destroy(&picture);
    return status;
}
