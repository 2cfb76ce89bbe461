/* Runs and their ids. SPDX-License-Identifier: Apache-2.0 */
#include "study/plan.h"

#include "study/id.h"

#include <stdlib.h>
#include <string.h>

typedef struct file_ids {
    char blurred[STUDY_ID_SIZE], truth[STUDY_ID_SIZE], psf[STUDY_ID_SIZE], oracle[STUDY_ID_SIZE];
} file_ids;

static dipper_status id_files(const study_case *c, file_ids *ids, io_error *error) {
    IO_TRY(study_id_file(c->blurred_file, ids->blurred, error));
    IO_TRY(study_id_file(c->truth_file, ids->truth, error));
    return c->true_psf_file[0] ? study_id_file(c->true_psf_file, ids->psf, error) : DIPPER_OK;
}

/* method NULL: the oracle, which knows the PSF and draws no random numbers. */
static dipper_status add_run(const study_plan_options *o, const study_case *c, const file_ids *ids,
                             const study_method *method, uint64_t seed, study_run *run, io_error *error) {
    const study_run_key key = {.suite = o->setup->suite,
                               .name = c->name,
                               .blurred = ids->blurred,
                               .truth = ids->truth,
                               .true_psf = ids->psf,
                               .true_psf_rotated = c->true_psf_rotated,
                               .protocol = o->setup->protocol,
                               .method = method ? method->name : "oracle",
                               .psf_told = method ? o->setup->psf_told : "own",
                               .recipe = method ? method->recipe : NULL,
                               .seed = seed};
    *run = (study_run){.c = c, .method = key.method, .recipe = key.recipe, .seed = seed};
    memcpy(run->oracle_id, ids->oracle, sizeof run->oracle_id);
    return study_id_run(&key, run->id, error);
}

static dipper_status add_oracles(const study_plan_options *o, file_ids *ids, study_run *runs, int *count,
                                 io_error *error) {
    for (int i = 0; i < o->cases->count; i++) {
        const study_case *c = &o->cases->items[i];
        if (!o->oracle || !c->true_psf_file[0]) continue;
        study_run *run = &runs[(*count)++];
        IO_TRY(add_run(o, c, &ids[i], NULL, 0, run, error));
        memcpy(ids[i].oracle, run->id, sizeof run->id);
    }
    return DIPPER_OK;
}

static dipper_status add_all(const study_plan_options *o, file_ids *ids, study_run *runs, int *count, io_error *error) {
    for (int i = 0; i < o->cases->count; i++) {
        const study_case *c = &o->cases->items[i];
        IO_TRY(id_files(c, &ids[i], error));
    }
    IO_TRY(add_oracles(o, ids, runs, count, error));
    for (int seed = 0; seed < o->seeds; seed++)
        for (int m = 0; m < o->method_count; m++)
            for (int i = 0; i < o->cases->count; i++)
                IO_TRY(
                    add_run(o, &o->cases->items[i], &ids[i], &o->methods[m], (uint64_t)seed, &runs[(*count)++], error));
    return DIPPER_OK;
}

dipper_status study_plan_make(const study_plan_options *options, study_run **out, int *count, io_error *error) {
    const size_t cases = (size_t)options->cases->count;
    const size_t most = cases * (1 + (size_t)options->seeds * (size_t)options->method_count);
    file_ids *ids = calloc(cases + 1, sizeof *ids);
    *count = 0;
    *out = calloc(most + 1, sizeof **out);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (ids && *out)
        status = add_all(options, ids, *out, count, error);
    else
        io_fail(error, status, "no memory for so many runs");
    free(ids);
    return status;
}
