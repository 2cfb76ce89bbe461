#include "base/archive.h"

#include <string.h>

#include "base/memory.h"

/* Where the next entry begins; false: it does not fit. */
static bool advance(dp_archive *a, size_t count, size_t *begin) {
    size_t end;
    *begin = a->at;
    const bool fits = dp_add_size(a->at, dp_align_up(count, 8), &end) && end <= a->size;
    if (a->mode == DP_ARCHIVE_COUNT || fits)
        a->at = end;
    else
        a->broken = true;
    return fits && !a->broken;
}

void *dp_archive_place(dp_archive *a, size_t count) {
    size_t begin;
    if (!advance(a, count, &begin) || a->mode != DP_ARCHIVE_SAVE) return NULL;
    memset(a->to + begin, 0, dp_align_up(count, 8));
    return a->to + begin;
}

const void *dp_archive_source(dp_archive *a, size_t count) {
    size_t begin;
    return advance(a, count, &begin) && a->mode == DP_ARCHIVE_LOAD ? a->from + begin : NULL;
}

void dp_archive_bytes(dp_archive *a, void *data, size_t count) {
    if (a->mode == DP_ARCHIVE_LOAD) {
        const void *from = dp_archive_source(a, count);
        if (from != NULL) memcpy(data, from, count);
    } else {
        void *to = dp_archive_place(a, count);
        if (to != NULL) memcpy(to, data, count);
    }
}

void dp_archive_long(dp_archive *a, long *value, long low, long high) {
    int64_t wide = *value;
    dp_archive_bytes(a, &wide, sizeof wide);
    if (wide < low || wide > high)
        a->broken = true;
    else
        *value = (long)wide;
}

void dp_archive_int(dp_archive *a, int *value, int low, int high) {
    long wide = *value;
    dp_archive_long(a, &wide, low, high);
    *value = (int)wide;
}

void dp_archive_bool(dp_archive *a, bool *value) {
    int wide = *value;
    dp_archive_int(a, &wide, 0, 1);
    *value = wide != 0;
}

void dp_archive_double(dp_archive *a, double *value) {
    dp_archive_bytes(a, value, sizeof *value);
}
