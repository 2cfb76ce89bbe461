/* Ids of files and runs. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "study/id.h"

#ifdef DIPPER_WITH_XXHASH

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

int study_have_ids(void) {
    return 1;
}

static dipper_status no_memory(io_error *error) {
    return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for a hash");
}

/* Frees the state. */
static void finish(XXH64_state_t *state, char out[STUDY_ID_SIZE]) {
    snprintf(out, STUDY_ID_SIZE, "%016llx", (unsigned long long)XXH64_digest(state));
    XXH64_freeState(state);
}

static XXH64_state_t *begin(void) {
    XXH64_state_t *state = XXH64_createState();
    if (state) XXH64_reset(state, 0);
    return state;
}

dipper_status study_id_file(const char *path, char out[STUDY_ID_SIZE], io_error *error) {
    char block[1 << 14];
    size_t count;
    XXH64_state_t *state = begin();
    if (!state) return no_memory(error);
    errno = 0;
    FILE *file = fopen(path, "rb");
    while (file && (count = fread(block, 1, sizeof block, file)) > 0) XXH64_update(state, block, count);
    int good = file && !ferror(file), code = errno;
    if (file) fclose(file);
    finish(state, out);
    return good ? DIPPER_OK : io_fail(error, DIPPER_ERROR_INPUT, "%s: cannot be read: %s", path, strerror(code));
}

dipper_status study_id_text(const char *text, uint64_t *out, io_error *error) {
    (void)error; /* a build without xxHash has something to say */
    *out = XXH64(text, strlen(text), 0);
    return DIPPER_OK;
}

/* With its end, so that "ab" "c" is not "a" "bc". */
static void add(XXH64_state_t *state, const char *text) {
    XXH64_update(state, text, strlen(text) + 1);
}

dipper_status study_id_run(const study_run_key *key, char out[STUDY_ID_SIZE], io_error *error) {
    char number[32];
    dipper_field field;
    const char *texts[] = {DIPPER_VERSION_STRING, key->suite,    key->name,   key->blurred, key->truth,
                           key->true_psf,         key->protocol, key->method, key->psf_told};
    XXH64_state_t *state = begin();
    if (!state) return no_memory(error);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) add(state, texts[i]);
    snprintf(number, sizeof number, "%d %llu", key->true_psf_rotated, (unsigned long long)key->seed);
    add(state, number);
    for (int i = 0; key->recipe && i < dipper_recipe_field_count(); i++) {
        if (dipper_recipe_field(key->recipe, i, &field)) continue;
        add(state, field.name);
        add(state, field.value);
    }
    for (int i = 0; i < key->value_count; i++) {
        snprintf(number, sizeof number, "%.17g", key->values[i]);
        add(state, number);
    }
    if (key->nonblind && key->nonblind[0]) add(state, key->nonblind);
    finish(state, out);
    return DIPPER_OK;
}

#else

int study_have_ids(void) {
    return 0;
}
static dipper_status no_xxhash(char out[STUDY_ID_SIZE], io_error *error) {
    out[0] = '\0';
    return io_fail(error, DIPPER_ERROR_ARGUMENT, "this build has no xxHash and runs no benchmarks");
}
dipper_status study_id_file(const char *path, char out[STUDY_ID_SIZE], io_error *error) {
    (void)path;
    return no_xxhash(out, error);
}
dipper_status study_id_text(const char *text, uint64_t *out, io_error *error) {
    char id[STUDY_ID_SIZE];
    (void)text;
    *out = 0;
    return no_xxhash(id, error);
}
dipper_status study_id_run(const study_run_key *key, char out[STUDY_ID_SIZE], io_error *error) {
    (void)key;
    return no_xxhash(out, error);
}

#endif
