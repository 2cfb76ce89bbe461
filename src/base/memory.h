/* Memory: zeroed, 64-byte aligned, sizes checked. */
#ifndef DP_BASE_MEMORY_H
#define DP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* count*size bytes, zeroed and aligned to 64; NULL on overflow or exhaustion (never for 0 bytes unless exhausted). */
void *dp_alloc(size_t count, size_t size);
void dp_free(void *p); /* NULL is fine */

bool dp_mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
bool dp_add_size(size_t a, size_t b, size_t *out);

static inline size_t dp_align_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

#endif
