#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool dp_mul_size(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

bool dp_add_size(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

void *dp_alloc(size_t count, size_t size) {
    size_t bytes;
    if (!dp_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
    bytes = dp_align_up(bytes ? bytes : 1, 64);
    void *p = aligned_alloc(64, bytes);
    if (p != NULL) memset(p, 0, bytes);
    return p;
}

void dp_free(void *p) {
    free(p);
}
