/* Drawings of our own as pictures. SPDX-License-Identifier: Apache-2.0 */
#include "io/drawing_file.h"

#include "io/bytes_file.h"
#include "io/vips_room.h"

#ifndef DIPPER_WITH_VIPS

int drawing_can_png(void) {
    return 0;
}

dipper_status drawing_write_png(const char *svg, size_t length, const char *path, int overwrite, io_error *error) {
    (void)svg, (void)length, (void)overwrite;
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: this build has no libvips and makes no PNG of drawings", path);
}

#else

#include <vips/vips.h>

int drawing_can_png(void) {
    io_error ignored = {""};
    return !vips_room_start(&ignored) && vips_type_find("VipsOperation", "svgload_buffer") != 0;
}

/* The room blocks SVG, and what is opened here is closed again. */
static int draw(const char *svg, size_t length, void **bytes, size_t *count) {
    VipsImage *image = NULL;
    vips_operation_block_set("VipsForeignLoadSvg", FALSE);
    int failed = vips_svgload_buffer((void *)(uintptr_t)svg, length, &image, "dpi", 192.0, NULL);
    if (!failed) failed = vips_pngsave_buffer(image, bytes, count, NULL);
    if (image) g_object_unref(image);
    vips_operation_block_set("VipsForeignLoadSvg", TRUE);
    return failed;
}

dipper_status drawing_write_png(const char *svg, size_t length, const char *path, int overwrite, io_error *error) {
    void *bytes = NULL;
    size_t count = 0;
    if (!drawing_can_png())
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "%s: this libvips cannot draw SVG and makes no PNG of it", path);
    if (draw(svg, length, &bytes, &count)) {
        io_fail(error, DIPPER_ERROR_INTERNAL, "%s: the drawing cannot be made a picture: %.200s", path,
                vips_error_buffer());
        vips_error_clear();
        return DIPPER_ERROR_INTERNAL;
    }
    const dipper_status status = bytes_write(bytes, count, path, overwrite, error);
    g_free(bytes);
    return status;
}

#endif
