#include "nn/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { NAME_LENGTH = 48, ALIGN = 16 }; /* ALIGN: floats; each parameter begins on a cache line */

typedef struct entry {
    char name[NAME_LENGTH];
    dp_shape shape;
    size_t count, offset; /* floats */
    dp_init init;
} entry;

struct dp_params {
    dp_backend *be;
    entry *entries;
    int count, capacity;
    size_t total; /* floats, padding included */
    long changes;
    bool failed;
    void *array[DP_PARAM_ARRAYS];
    dp_plan *adam, *finite;
    void *workspace; /* of whichever of them runs */
    void *verdict;   /* one float of the device: what `finite` says */
};

dipper_status dp_params_new(dp_backend *be, dp_diag *diag, dp_params **out) {
    *out = dp_alloc(1, sizeof **out);
    if (*out == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for a parameter set");
    (*out)->be = be;
    return DIPPER_OK;
}

void dp_params_free(dp_params *ps) {
    if (ps == NULL) return;
    if (ps->adam != NULL) ps->be->vt->plan_free(ps->adam);
    if (ps->finite != NULL) ps->be->vt->plan_free(ps->finite);
    for (int a = 0; a < DP_PARAM_ARRAYS; a++)
        if (ps->array[a] != NULL) ps->be->vt->release(ps->be, ps->array[a]);
    if (ps->workspace != NULL) ps->be->vt->release(ps->be, ps->workspace);
    if (ps->verdict != NULL) ps->be->vt->release(ps->be, ps->verdict);
    dp_free(ps->entries);
    dp_free(ps);
}

int dp_params_find(const dp_params *ps, const char *name) {
    for (int i = 0; i < ps->count; i++)
        if (strcmp(ps->entries[i].name, name) == 0) return i;
    return -1;
}

static bool grow(dp_params *ps) {
    if (ps->count < ps->capacity) return true;
    const int capacity = ps->capacity ? 2 * ps->capacity : 64;
    entry *bigger = dp_alloc((size_t)capacity, sizeof *bigger);
    if (bigger == NULL) return false;
    if (ps->count > 0) memcpy(bigger, ps->entries, (size_t)ps->count * sizeof *bigger);
    dp_free(ps->entries);
    ps->entries = bigger;
    ps->capacity = capacity;
    return true;
}

int dp_params_add(dp_params *ps, const char *name, dp_shape shape, dp_init init) {
    const size_t count = dp_count(shape);
    const int found = dp_params_find(ps, name);
    if (found >= 0 && ps->entries[found].count == count) return found;
    if (found >= 0 || ps->array[0] != NULL || strlen(name) >= NAME_LENGTH || !grow(ps)) {
        ps->failed = true;
        return -1;
    }
    entry *e = &ps->entries[ps->count];
    strcpy(e->name, name);
    e->shape = shape;
    e->count = count;
    e->offset = ps->total;
    e->init = init;
    ps->total += dp_align_up(count, ALIGN);
    return ps->count++;
}

int dp_params_count(const dp_params *ps) {
    return ps->count;
}
size_t dp_params_size(const dp_params *ps, int index) {
    return ps->entries[index].count;
}
size_t dp_params_offset(const dp_params *ps, int index) {
    return ps->entries[index].offset;
}
const char *dp_params_name(const dp_params *ps, int index) {
    return ps->entries[index].name;
}
size_t dp_params_bytes(const dp_params *ps) {
    return DP_PARAM_ARRAYS * ps->total * ps->be->element_size;
}

dipper_status dp_params_alloc(dp_params *ps, dp_diag *diag) {
    if (ps->failed) return dp_fail(diag, DIPPER_ERROR_MEMORY, "parameter set: out of memory or a name used twice");
    if (ps->adam != NULL) return DIPPER_OK;
    if (ps->total > (size_t)1 << 30) return dp_fail(diag, DIPPER_ERROR_MEMORY, "more than 2^30 parameters");
    for (int a = 0; a < DP_PARAM_ARRAYS; a++) {
        ps->array[a] = ps->be->vt->alloc(ps->be, ps->total * ps->be->element_size);
        if (ps->array[a] == NULL)
            return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for %zu parameters", ps->total);
    }
    if (ps->be->vt->weights != NULL)
        ps->be->vt->weights(ps->be, ps->array[DP_PARAM_VALUE], ps->total * ps->be->element_size);
    const dp_shape all = dp_vector((int)ps->total);
    const dp_op adam = {.kind = DP_ADAM, .x = all, .y = all}, finite = {.kind = DP_FINITE, .x = all, .y = dp_vector(1)};
    size_t a = 0, b = 0;
    DP_TRY(ps->be->vt->plan_new(ps->be, &finite, diag, &ps->finite, &a));
    DP_TRY(ps->be->vt->plan_new(ps->be, &adam, diag, &ps->adam, &b));
    ps->workspace = ps->be->vt->alloc(ps->be, a > b ? a : b);
    ps->verdict = ps->be->vt->alloc(ps->be, ps->be->element_size);
    if (ps->workspace == NULL || ps->verdict == NULL)
        return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for the optimiser");
    return DIPPER_OK;
}

void *dp_params_at(const dp_params *ps, dp_param_array array, int index) {
    return (char *)ps->array[array] + ps->entries[index].offset * ps->be->element_size;
}

void dp_params_read(const dp_params *ps, dp_param_array array, int index, float *dst) {
    ps->be->vt->download(ps->be, ps->entries[index].shape, dst, dp_params_at(ps, array, index));
}

void dp_params_write(dp_params *ps, dp_param_array array, int index, const float *src) {
    ps->changes += array == DP_PARAM_VALUE;
    ps->be->vt->upload(ps->be, ps->entries[index].shape, dp_params_at(ps, array, index), src);
}

static void draw(const entry *e, int number, dp_philox_key key, float *values) {
    for (size_t i = 0; i < e->count; i += 4) {
        float u[4];
        dp_philox_uniform4(key, (uint64_t)number, i / 4, u);
        for (size_t j = 0; j < 4 && i + j < e->count; j++) values[i + j] = e->init.bound * (2.0f * u[j] - 1.0f);
    }
}

dipper_status dp_params_init(dp_params *ps, dp_philox_key key, dp_diag *diag) {
    size_t most = 0;
    for (int i = 0; i < ps->count; i++) most = ps->entries[i].count > most ? ps->entries[i].count : most;
    float *values = dp_alloc(most, sizeof *values);
    if (values == NULL) return dp_fail(diag, DIPPER_ERROR_MEMORY, "out of memory for initial weights");
    for (int i = 0; i < ps->count; i++) {
        const entry *e = &ps->entries[i];
        if (e->init.bound != 0.0f)
            draw(e, i, key, values);
        else
            for (size_t j = 0; j < e->count; j++) values[j] = e->init.constant;
        dp_params_write(ps, DP_PARAM_VALUE, i, values);
    }
    dp_free(values);
    dp_params_reset_moments(ps);
    return DIPPER_OK;
}

void dp_params_reset_moments(dp_params *ps) {
    for (dp_param_array a = DP_PARAM_M; a <= DP_PARAM_V; a++)
        ps->be->vt->clear(ps->be, ps->array[a], ps->total * ps->be->element_size);
}

size_t dp_params_total(const dp_params *ps) {
    return ps->total;
}

void dp_params_save(const dp_params *ps, float *values) {
    ps->be->vt->download(ps->be, dp_vector((int)ps->total), values, ps->array[DP_PARAM_VALUE]);
}

long dp_params_changes(const dp_params *ps) {
    return ps->changes;
}

void dp_params_load(dp_params *ps, const float *values) {
    ps->changes++;
    ps->be->vt->upload(ps->be, dp_vector((int)ps->total), ps->array[DP_PARAM_VALUE], values);
}

void dp_params_archive(dp_params *ps, dp_archive *archive) {
    const dp_shape shape = dp_vector((int)ps->total);
    const size_t bytes = ps->total * sizeof(float);
    ps->changes += archive->mode == DP_ARCHIVE_LOAD;
    for (int a = 0; a < DP_PARAM_ARRAYS; a++) {
        if (archive->mode == DP_ARCHIVE_LOAD) {
            const float *from = dp_archive_source(archive, bytes);
            if (from != NULL) ps->be->vt->upload(ps->be, shape, ps->array[a], from);
        } else {
            float *to = dp_archive_place(archive, bytes);
            if (to != NULL) ps->be->vt->download(ps->be, shape, to, ps->array[a]);
        }
    }
}

bool dp_params_gradients_finite(dp_params *ps) {
    float verdict;
    void *const args[] = {ps->array[DP_PARAM_GRAD], ps->verdict};
    ps->be->vt->plan_run(ps->finite, args, ps->workspace);
    ps->be->vt->download(ps->be, dp_vector(1), &verdict, ps->verdict);
    return verdict == 0;
}

void dp_params_adam(dp_params *ps, const dp_adam_step *step) {
    dp_adam_step s = *step;
    ps->changes++;
    void *const args[] = {ps->array[DP_PARAM_VALUE], ps->array[DP_PARAM_GRAD], ps->array[DP_PARAM_M],
                          ps->array[DP_PARAM_V], &s};
    ps->be->vt->plan_run(ps->adam, args, ps->workspace);
}
