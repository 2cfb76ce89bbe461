/* Reads a golden file (tests/golden/README.md), for tests that include cmocka.h. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_TENSORS = 512, NPY_HEADER = 128 };

typedef struct golden {
    struct {
        char name[96];
        int c, h, w;
        long offset;
    } tensor[MAX_TENSORS];
    int count;
    float *data;
} golden;

static FILE *open_golden(const char *name, const char *extension) {
    char path[1024];
    const char *slash = strrchr(__FILE__, '/');
    snprintf(path, sizeof path, "%.*s/golden/%s%s", slash ? (int)(slash - __FILE__) : 1, slash ? __FILE__ : ".", name,
             extension);
    FILE *f = fopen(path, "rb");
    if (f == NULL) fail_msg("%s is missing", path);
    return f;
}

static golden *load(const char *name) {
    golden *g = dp_alloc(1, sizeof *g);
    FILE *f = open_golden(name, ".txt");
    long total = 0;
    while (g->count < MAX_TENSORS &&
           fscanf(f, "%95s %d %d %d %ld", g->tensor[g->count].name, &g->tensor[g->count].c, &g->tensor[g->count].h,
                  &g->tensor[g->count].w, &g->tensor[g->count].offset) == 5) {
        const long end =
            g->tensor[g->count].offset + (long)g->tensor[g->count].c * g->tensor[g->count].h * g->tensor[g->count].w;
        total = end > total ? end : total;
        g->count++;
    }
    fclose(f);
    f = open_golden(name, ".npy");
    g->data = dp_alloc((size_t)total, sizeof(float));
    assert_int_equal(fseek(f, NPY_HEADER, SEEK_SET), 0);
    assert_int_equal(fread(g->data, sizeof(float), (size_t)total, f), total);
    fclose(f);
    return g;
}

static void unload(golden *g) {
    dp_free(g->data);
    dp_free(g);
}

static const float *find(const golden *g, const char *prefix, const char *name, size_t *count) {
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (int i = 0; i < g->count; i++) {
        if (strcmp(g->tensor[i].name, full) != 0) continue;
        if (count != NULL) *count = (size_t)g->tensor[i].c * (size_t)g->tensor[i].h * (size_t)g->tensor[i].w;
        return g->data + g->tensor[i].offset;
    }
    fail_msg("no %s in the golden file", full);
    return NULL;
}

#endif
