/* Start and end of the room, errors, size limits. SPDX-License-Identifier: Apache-2.0 */
#include "io/io.h"

#include "io/vips_room.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#ifdef DIPPER_WITH_JANSSON
#include <jansson.h>
#endif

dipper_status io_fail(io_error *error, dipper_status status, const char *format, ...) {
    if (!error || error->text[0]) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}

dipper_status io_init(const char *program, io_error *error) {
    return vips_room_open(program, error);
}

void io_shutdown(void) {
    vips_room_close();
}

int io_have_vips(void) {
    return vips_room_version()[0] != '\0';
}

int io_have_json(void) {
#ifdef DIPPER_WITH_JANSSON
    return 1;
#else
    return 0;
#endif
}

const char *io_build_text(void) {
    static char text[96];
    const char *vips = vips_room_version();
#ifdef DIPPER_WITH_JANSSON
    const char *json = "jansson " JANSSON_VERSION;
#else
    const char *json = "jansson off";
#endif
    snprintf(text, sizeof text, "libvips %s, %s", vips[0] ? vips : "off", json);
    return text;
}

dipper_status io_check_size(const char *path, uint64_t width, uint64_t height, io_error *error) {
    if (width < 1 || height < 1)
        return io_fail(error, DIPPER_ERROR_INPUT, "%s: has no pixels (%" PRIu64 " x %" PRIu64 ")", path, width, height);
    if (width <= IO_MAX_SIDE && height <= IO_MAX_SIDE && width * height <= IO_MAX_PIXELS) return DIPPER_OK;
    return io_fail(error, DIPPER_ERROR_INPUT,
                   "%s: %" PRIu64 " x %" PRIu64 " pixels are too many: the limit is %" PRIu64
                   " pixels in all and %d a side; cut or shrink the picture",
                   path, width, height, (uint64_t)IO_MAX_PIXELS, IO_MAX_SIDE);
}
