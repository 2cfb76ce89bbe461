#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

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

/* Large blocks ask for large pages: to touch 4 KB pages for the first time takes longer than a short method works. */
static void *allocate(size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    enum { PAGE = 1 << 21 };
    if (bytes >= 2 * (size_t)PAGE) {
        void *p = aligned_alloc(PAGE, dp_align_up(bytes, PAGE));
        if (p != NULL) (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice only */
        return p;
    }
#endif
    return aligned_alloc(64, bytes);
}

void *dp_alloc(size_t count, size_t size) {
    size_t bytes;
    if (!dp_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
    bytes = dp_align_up(bytes ? bytes : 1, 64);
    void *p = allocate(bytes);
    if (p != NULL) memset(p, 0, bytes);
    return p;
}

void dp_free(void *p) {
    free(p);
}
