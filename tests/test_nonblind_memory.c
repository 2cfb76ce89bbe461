/* Non-blind deconvolution with the n-th allocation failing, for every n: the right status, and (under AddressSanitizer)
 * no leak. See test_allocfail.c. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dipper/dipper.h"

enum { W = 140, H = 20 };

static long countdown = -1; /* allocations until one fails; negative: never */

void *aligned_alloc(size_t alignment, size_t size) {
    void *p = NULL;
    if (countdown >= 0 && countdown-- == 0) return NULL;
    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}

/* info->memory_bytes: the limit (0: none), then what was held. */
static dipper_status restore(const dipper_deconvolve_method *m, dipper_deconvolve_info *info, long fail_at) {
    const float psf[9] = {0, 0, 0, 0.5F, 0.5F, 0, 0, 0, 0};
    static float picture[W * H], mask[W * H];
    dipper_context *c = NULL;
    dipper_context_options options;
    dipper_deconvolve_options o;
    dipper_image view = dipper_image_view(picture, W, H, 1), known = dipper_image_view(mask, W, H, 1);
    for (int i = 0; i < W * H; i++) {
        picture[i] = (float)(i % 7) * 0.1F;
        mask[i] = (float)(i % 50);
    }
    dipper_context_options_init(&options);
    options.threads = 1;
    dipper_deconvolve_options_init(&o);
    o.method = m->name;
    o.iterations = m->iterations > 0;
    o.inner = 1;
    o.mask = m->bounds ? &known : NULL;
    o.box = m->box;
    o.memory_bytes = info->memory_bytes;
    o.info = info;
    countdown = fail_at;
    dipper_status status = dipper_context_create(&options, &c);
    if (status == DIPPER_OK) status = dipper_deconvolve(c, &view, psf, 3, 3, &o, &view);
    countdown = -1;
    dipper_context_destroy(&c);
    return status;
}

static void fail_at_each(const dipper_deconvolve_method *m, size_t limit, int tiles) {
    dipper_deconvolve_info info = {.struct_size = sizeof info, .memory_bytes = limit};
    dipper_status status;
    long n = 0;
    while ((status = restore(m, &info, n)) != DIPPER_OK) {
        if (status != DIPPER_ERROR_MEMORY) fail_msg("%s, allocation %ld: status %d", m->name, n, (int)status);
        assert_true(++n < 2000);
    }
    assert_true(n > 8); /* the failure really was injected */
    assert_true(tiles ? info.tiles > 1 : info.tiles == 1);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    dipper_deconvolve_method m;
    for (int i = 0; dipper_deconvolve_method_at(i, &m) == DIPPER_OK; i++) {
        dipper_deconvolve_info info = {.struct_size = sizeof info};
        if (!m.available) continue;
        assert_int_equal(restore(&m, &info, -1), DIPPER_OK);
        fail_at_each(&m, 0, 0);
        fail_at_each(&m, info.memory_bytes / 10 * 8, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
