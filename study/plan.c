/* Runs and their ids. SPDX-License-Identifier: Apache-2.0 */
#include "study/plan.h"

#include "study/id.h"
#include "study/made.h"

#include <stdlib.h>
#include <string.h>

/* ---- Parts ---- */

/* items[count] of `size` bytes each get one more, zeroed. */
static void *grow(void **items, int *count, size_t size) {
    char *more = realloc(*items, ((size_t)*count + 1) * size);
    if (!more) return NULL;
    *items = more;
    return memset(more + (size_t)(*count)++ * size, 0, size);
}

study_set *study_plan_add_set(study_plan *plan) {
    void *items = plan->sets;
    study_set *added = grow(&items, &plan->set_count, sizeof *plan->sets);
    plan->sets = items;
    return added;
}

study_method *study_plan_add_method(study_plan *plan) {
    void *items = plan->methods;
    study_method *added = grow(&items, &plan->method_count, sizeof *plan->methods);
    plan->methods = items;
    return added;
}

dipper_status study_plan_count_seeds(study_plan *plan, int count, io_error *error) {
    plan->seeds = malloc(((size_t)count + 1) * sizeof *plan->seeds);
    if (!plan->seeds) return io_fail(error, DIPPER_ERROR_MEMORY, "no memory for %d seeds", count);
    for (int i = 0; i < count; i++) plan->seeds[i] = (uint64_t)i;
    plan->seed_count = count;
    return DIPPER_OK;
}

void study_plan_free(study_plan *plan) {
    for (int i = 0; i < plan->set_count; i++) {
        study_cases_free(&plan->sets[i].cases);
        free(plan->sets[i].blurs);
    }
    for (int i = 0; i < plan->method_count; i++) dipper_recipe_destroy(&plan->methods[i].recipe);
    free(plan->sets);
    free(plan->methods);
    free(plan->seeds);
    free(plan->runs);
    *plan = (study_plan){0};
}

/* ---- Runs ---- */

typedef struct case_ids { /* of a case's files, and of its oracle's run */
    char blurred[STUDY_ID_SIZE], truth[STUDY_ID_SIZE], psf[STUDY_ID_SIZE], oracle[STUDY_ID_SIZE];
} case_ids;

static dipper_status id_files(const study_case *c, case_ids *ids, io_error *error) {
    if (study_made_missing(c)) return DIPPER_OK;
    IO_TRY(study_id_file(c->blurred_file, ids->blurred, error));
    IO_TRY(study_id_file(c->truth_file, ids->truth, error));
    return c->true_psf_file[0] ? study_id_file(c->true_psf_file, ids->psf, error) : DIPPER_OK;
}

/* method NULL: the oracle, which knows the PSF and draws no random numbers. */
static dipper_status add_run(study_plan *plan, const study_set *set, const study_case *c, const case_ids *ids,
                             const study_method *method, uint64_t seed, io_error *error) {
    const study_run_key key = {.suite = set->name,
                               .name = c->name,
                               .blurred = ids->blurred,
                               .truth = ids->truth,
                               .true_psf = ids->psf,
                               .true_psf_rotated = c->true_psf_rotated,
                               .protocol = set->protocol,
                               .method = method ? method->name : "oracle",
                               .psf_told = study_psf_told(set, method),
                               .recipe = method ? method->recipe : NULL,
                               .values = method ? method->values : NULL,
                               .value_count = method && !method->recipe ? DIPPER_ESTIMATE_SETTINGS_MAX : 0,
                               .nonblind = method ? method->nonblind : "",
                               .seed = seed};
    study_run *run = &plan->runs[plan->run_count++];
    *run = (study_run){.set = set, .c = c, .method = method, .seed = seed};
    memcpy(run->oracle_id, ids->oracle, sizeof run->oracle_id);
    if (!ids->blurred[0]) return DIPPER_OK;
    return study_id_run(&key, run->id, error);
}

static dipper_status add_oracles(study_plan *plan, case_ids *ids, io_error *error) {
    for (int s = 0; s < plan->set_count; s++)
        for (int i = 0; i < plan->sets[s].cases.count; i++, ids++) {
            const study_case *c = &plan->sets[s].cases.items[i];
            IO_TRY(id_files(c, ids, error));
            if (!plan->oracle || !c->true_psf_file[0]) continue;
            IO_TRY(add_run(plan, &plan->sets[s], c, ids, NULL, 0, error));
            memcpy(ids->oracle, plan->runs[plan->run_count - 1].id, sizeof ids->oracle);
        }
    plan->oracle_count = plan->run_count;
    return DIPPER_OK;
}

static dipper_status add_cases(study_plan *plan, const case_ids *ids, const study_method *method, uint64_t seed,
                               io_error *error) {
    for (int s = 0; s < plan->set_count; s++)
        for (int i = 0; i < plan->sets[s].cases.count; i++)
            IO_TRY(add_run(plan, &plan->sets[s], &plan->sets[s].cases.items[i], ids++, method, seed, error));
    return DIPPER_OK;
}

static dipper_status add_all(study_plan *plan, case_ids *ids, io_error *error) {
    IO_TRY(add_oracles(plan, ids, error));
    for (int seed = 0; seed < plan->seed_count; seed++)
        for (int m = 0; m < plan->method_count; m++)
            IO_TRY(add_cases(plan, ids, &plan->methods[m], plan->seeds[seed], error));
    return DIPPER_OK;
}

/* ---- Each one once: a plan may say the same in two ways ---- */

static int by_id(const void *left, const void *right) {
    const study_run *a = *(const study_run *const *)left, *b = *(const study_run *const *)right;
    int order = strcmp(a->id, b->id);
    return order ? order : (a > b) - (a < b);
}

/* Those without a set. */
static void drop_marked(study_plan *plan) {
    int kept = 0, oracles = 0;
    for (int i = 0; i < plan->run_count; i++) {
        if (!plan->runs[i].set) continue;
        oracles += i < plan->oracle_count;
        plan->runs[kept++] = plan->runs[i];
    }
    plan->run_count = kept;
    plan->oracle_count = oracles;
}

static void drop_repeated(study_plan *plan, study_run **sorted) {
    for (int i = 0; i < plan->run_count; i++) sorted[i] = &plan->runs[i];
    qsort(sorted, (size_t)plan->run_count, sizeof *sorted, by_id);
    for (int i = plan->run_count - 1; i > 0; i--)
        if (sorted[i]->id[0] && !strcmp(sorted[i]->id, sorted[i - 1]->id)) sorted[i]->set = NULL;
    drop_marked(plan);
}

static int is_needed(const study_plan *plan, const study_run *oracle) {
    for (int i = plan->oracle_count; i < plan->run_count; i++)
        if (plan->runs[i].set && !strcmp(plan->runs[i].oracle_id, oracle->id)) return 1;
    return 0;
}

void study_plan_shard(study_plan *plan, int index, int count) {
    for (int i = plan->oracle_count; i < plan->run_count; i++)
        if ((i - plan->oracle_count) % count != index) plan->runs[i].set = NULL;
    for (int i = 0; i < plan->oracle_count; i++)
        if (!is_needed(plan, &plan->runs[i])) plan->runs[i].set = NULL;
    drop_marked(plan);
}

static int has_run(const study_plan *plan, const char *id) {
    for (int i = 0; i < plan->run_count; i++)
        if (!strcmp(plan->runs[i].id, id)) return 1;
    return 0;
}

void study_plan_keep(const study_plan *plan, study_results *results) {
    int kept = 0;
    for (int i = 0; i < results->count; i++)
        if (has_run(plan, results->items[i].id)) results->items[kept++] = results->items[i];
    results->count = kept;
}

dipper_status study_plan_make(study_plan *plan, io_error *error) {
    size_t cases = 0;
    for (int s = 0; s < plan->set_count; s++) cases += (size_t)plan->sets[s].cases.count;
    const double most = (double)cases * (1 + (double)plan->seed_count * plan->method_count);
    if (most > STUDY_RUNS_MAX)
        return io_fail(error, DIPPER_ERROR_ARGUMENT, "%.0f runs are too many for one plan (%d at most)", most,
                       STUDY_RUNS_MAX);
    case_ids *ids = calloc(cases + 1, sizeof *ids);
    study_run **sorted = calloc((size_t)most + 1, sizeof *sorted);
    plan->runs = calloc((size_t)most + 1, sizeof *plan->runs);
    dipper_status status = DIPPER_ERROR_MEMORY;
    if (ids && sorted && plan->runs)
        status = add_all(plan, ids, error);
    else
        io_fail(error, status, "no memory for %.0f runs", most);
    if (!status) drop_repeated(plan, sorted);
    free(sorted);
    free(ids);
    return status;
}
