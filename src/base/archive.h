/* The bytes of a state. Each part of the state describes itself once, in one function that counts, saves or loads,
 * so that no two lists can differ. Every entry begins at a multiple of 8 bytes; padding is zero. */
#ifndef DP_BASE_ARCHIVE_H
#define DP_BASE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum dp_archive_mode { DP_ARCHIVE_COUNT, DP_ARCHIVE_SAVE, DP_ARCHIVE_LOAD } dp_archive_mode;

typedef struct dp_archive {
    dp_archive_mode mode;
    unsigned char *to;         /* when saving */
    const unsigned char *from; /* when loading */
    size_t size, at;           /* at: bytes so far; larger than size: it did not fit */
    bool broken;               /* loading: the bytes ended early, or a number was out of range and was not taken */
} dp_archive;

/* The next `count` bytes: where to write when saving, what to read when loading; both NULL when counting, and when
 * there are not so many. */
void *dp_archive_place(dp_archive *archive, size_t count);
const void *dp_archive_source(dp_archive *archive, size_t count);

void dp_archive_bytes(dp_archive *archive, void *data, size_t count);
/* Numbers in [low, high]. */
void dp_archive_long(dp_archive *archive, long *value, long low, long high);
void dp_archive_int(dp_archive *archive, int *value, int low, int high);
void dp_archive_bool(dp_archive *archive, bool *value);
void dp_archive_double(dp_archive *archive, double *value);

#endif
