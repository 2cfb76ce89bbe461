/* The complete state of a solver as bytes: what the next iteration depends on, and nothing that creating the solver
 * makes anew. Behind a header that says what it belongs to, before a checksum. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/archive.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bid/solver_inner.h"

/* FORMAT: one more with each change of what follows the header, or of what an iteration does with it. */
enum { FORMAT = 2, VERSION_ROOM = 16, FAR_ROLL = 1000000 };
static const char magic[8] = "DIPPERCP";
static const uint32_t byte_order = 0x01020304;

typedef struct header { /* without padding */
    char magic[8];
    uint32_t byte_order, format;
    char version[VERSION_ROOM]; /* of Dipper */
    uint64_t bytes;             /* of all, checksum included */
    uint64_t picture, recipe, options;
} header;

/* ---- What a checkpoint belongs to ---- */

static uint64_t hash_image(uint64_t hash, const dp_image *p) {
    const int sizes[3] = {p->width, p->height, p->channels};
    hash = dp_hash(hash, sizes, sizeof sizes);
    if (p->data == NULL) return hash;
    return dp_hash(hash, p->data, dp_image_plane_count(p) * (size_t)p->channels * sizeof *p->data);
}

static uint64_t hash_stages(uint64_t hash, const dp_stages *s) {
    hash = dp_hash(hash, &s->count, sizeof s->count);
    for (int i = 0; i < s->count; i++) {
        hash = dp_hash(hash, &s->what[i], sizeof s->what[i]);
        if (i < s->count - 1) hash = dp_hash(hash, &s->until[i], sizeof s->until[i]);
    }
    return hash;
}

static uint64_t hash_list(uint64_t hash, const dp_list *l) {
    hash = dp_hash(hash, &l->count, sizeof l->count);
    return dp_hash(hash, l->value, (size_t)l->count * sizeof *l->value);
}

static uint64_t hash_recipe(const dp_recipe *r) {
    uint64_t hash = DP_HASH_BEGIN;
#define PLAIN(name) hash = dp_hash(hash, &r->name, sizeof r->name);
#define INT(name, ...) PLAIN(name)
#define REAL(name, ...) PLAIN(name)
#define BOOL(name, ...) PLAIN(name)
#define CHOICE(name, ...) PLAIN(name)
#define LIST(name, ...) hash = hash_list(hash, &r->name);
#define STAGES(name, ...) hash = hash_stages(hash, &r->name);
#include "bid/recipe.def"
#undef PLAIN
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
#undef STAGES
    return hash;
}

static uint64_t hash_options(const dp_solver *s) {
    const dp_problem *p = &s->problem;
    const int numbers[] = {(int)p->task, p->factor, p->kh, p->kw, p->psf_known, s->rescue.enabled};
    const uint64_t seeds[] = {s->seeds.run, s->seeds.weights, s->seeds.input};
    uint64_t hash = dp_hash(DP_HASH_BEGIN, numbers, sizeof numbers);
    hash = dp_hash(hash, seeds, sizeof seeds);
    hash = dp_hash(hash, &s->noise_sigma, sizeof s->noise_sigma);
    if (p->psf != NULL) hash = dp_hash(hash, p->psf, (size_t)p->kh * (size_t)p->kw * sizeof *p->psf);
    if (p->known != NULL) hash = dp_hash(hash, p->known, dp_image_plane_count(&p->given) * sizeof *p->known);
    return hash_image(hash, &p->truth);
}

static header make_header(const dp_solver *s, size_t bytes) {
    header h = {.byte_order = byte_order, .format = FORMAT, .version = DIPPER_VERSION_STRING, .bytes = bytes};
    memcpy(h.magic, magic, sizeof magic);
    h.picture = hash_image(DP_HASH_BEGIN, &s->picture);
    h.recipe = hash_recipe(&s->recipe);
    h.options = hash_options(s);
    return h;
}

static dipper_status refuse(dp_diag *diag, const char *why) {
    return dp_fail(diag, DIPPER_ERROR_INPUT, "checkpoint: %s", why);
}

static dipper_status check_header(const dp_solver *s, const unsigned char *bytes, size_t size, dp_diag *diag) {
    const header own = make_header(s, size);
    header h;
    uint64_t sum;
    if (size < sizeof h + sizeof sum) return refuse(diag, "is cut off, or none");
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.magic, magic, sizeof magic) != 0) return refuse(diag, "these bytes are none");
    if (h.byte_order != byte_order) return refuse(diag, "was made on a machine with another order of bytes");
    if (h.format != own.format || memcmp(h.version, own.version, VERSION_ROOM) != 0)
        return dp_fail(diag, DIPPER_ERROR_INPUT,
                       "checkpoint: was made by Dipper %.15s (format %u), and this is %s (format %u): use that one, or "
                       "begin anew",
                       h.version, (unsigned)h.format, DIPPER_VERSION_STRING, (unsigned)FORMAT);
    if (h.bytes != size) return refuse(diag, "is cut off or too long");
    memcpy(&sum, bytes + size - sizeof sum, sizeof sum);
    if (dp_hash(DP_HASH_BEGIN, bytes, size - sizeof sum) != sum) return refuse(diag, "is damaged (wrong checksum)");
    if (h.picture != own.picture) return refuse(diag, "belongs to another picture");
    if (h.recipe != own.recipe) return refuse(diag, "belongs to a run with another recipe or other fields");
    if (h.options != own.options)
        return refuse(diag, "belongs to a run with another seed, PSF, PSF size, noise, mask, factor or ground truth");
    return DIPPER_OK;
}

/* ---- The state ---- */

static long longest(const dp_solver *s) {
    long most = 0;
    for (int i = 0; i < s->stages; i++) most = s->stage[i].iterations > most ? s->stage[i].iterations : most;
    return most;
}

/* Steps that are still to come from where the run is. */
static long remaining(const dp_solver *s) {
    long steps = s->finish != NULL;
    for (int i = s->current; i < s->stages; i++) {
        const dp_stage *stage = &s->stage[i];
        const long all = stage->iterations + stage->pretrain, again = i == 0 ? s->recipe.restarts - 1 - s->attempt : 0;
        steps += again * all + (i == s->current && s->begun ? stage->iterations - s->turn.t : all);
    }
    return steps;
}

static bool is_possible(const dp_solver *s) {
    if (s->current == s->stages) return !s->begun;
    if (s->current == 0 && s->attempt >= s->recipe.restarts) return false;
    return !(s->begun && s->turn.t > s->stage[s->current].iterations) && s->iteration + remaining(s) <= s->iterations;
}

/* Where the run is: all sizes of what follows depend on it. */
static void walk_place(dp_solver *s, dp_archive *a) {
    int stopped = (int)s->stopped;
    dp_archive_int(a, &s->current, 0, s->stages);
    dp_archive_int(a, &s->attempt, 0, s->recipe.restarts);
    dp_archive_int(a, &s->stage[0].attempt, 0, s->recipe.restarts);
    dp_archive_bool(a, &s->begun);
    dp_archive_int(a, &s->psf_stage, -1, s->stages - 1);
    dp_archive_int(a, &stopped, DP_STOP_NOT, DP_STOP_VARIANCE);
    s->stopped = (dp_stop)stopped;
    dp_archive_long(a, &s->turn.t, -s->stage[0].pretrain, longest(s));
    dp_archive_long(a, &s->turn.image_t, 0, LONG_MAX / 2);
    dp_archive_long(a, &s->turn.psf_t, 0, LONG_MAX / 2);
    dp_archive_double(a, &s->turn.rate);
    dp_archive_long(a, &s->draws, 0, LONG_MAX / 2);
    dp_archive_long(a, &s->iteration, 0, s->iterations);
    dp_archive_double(a, &s->attempt_loss);
    dp_archive_double(a, &s->best_loss);
    dp_archive_double(a, &s->loss);
    dp_archive_double(a, &s->seconds);
    dp_archive_double(a, &s->work_done);
    dp_archive_double(a, &s->first_seconds);
    dp_archive_double(a, &s->first_work);
    for (int i = 0; i < s->stages; i++) {
        dp_archive_int(a, &s->stage[i].psf.roll_y, -FAR_ROLL, FAR_ROLL);
        dp_archive_int(a, &s->stage[i].psf.roll_x, -FAR_ROLL, FAR_ROLL);
    }
    if (!is_possible(s)) a->broken = true;
}

static const dp_stage *stage_at_work(const dp_solver *s) {
    return s->begun ? &s->stage[s->current] : NULL;
}

static void floats(dp_archive *a, float *values, size_t count) {
    dp_archive_bytes(a, values, count * sizeof *values);
}

static void walk_arrays(dp_solver *s, dp_archive *a) {
    const dp_stage *fitted = &s->stage[s->current < s->stages ? s->current : s->stages - 1];
    dp_params_archive(s->image_params, a);
    for (int i = 0; i < DP_STAGE_PARAMS; i++)
        if (dp_stage_params(fitted, i) != NULL) dp_params_archive(dp_stage_params(fitted, i), a);
    dp_rescue_archive(&s->rescue, stage_at_work(s), s->image_params, a);
    dp_stopping_archive(s->stopping, a);
    if (s->recipe.restarts > 1) floats(a, s->best, dp_params_total(s->image_params) + dp_stage_psf_count(&s->stage[0]));
    if (s->psf_stage >= 0) {
        floats(a, s->latent, dp_stage_latent_count(&s->stage[s->psf_stage]));
        floats(a, s->psf, dp_stage_psf_count(&s->stage[s->psf_stage]));
    }
    if (s->std != NULL) floats(a, s->std, dp_stage_latent_count(dp_solver_last_stage(s)));
    dp_archive_bytes(a, s->losses, (size_t)s->iteration * sizeof *s->losses);
}

/* Binds the stage at work to the arena and writes its inputs, as when it began; the parameters that this draws, from
 * any PSF, are overwritten by those that were saved. */
static dipper_status bind_stage(dp_solver *s, dp_diag *diag) {
    dp_stage *stage = &s->stage[s->current];
    const dp_stage *before = s->current > 0 ? &s->stage[s->current - 1] : NULL;
    const size_t n = before != NULL ? dp_stage_psf_count(before) : 0;
    const int roll_y = stage->psf.roll_y, roll_x = stage->psf.roll_x;
    for (size_t i = 0; i < n; i++) s->scratch[i] = 1.0f / (float)n;
    DP_TRY(dp_stage_begin(stage, &s->recipe, s->arena, before, s->scratch, diag));
    DP_TRY(dp_psf_net_roll_to(&stage->psf, roll_y, roll_x, diag));
    dp_graph_set_counter(stage->graph, ((uint64_t)stage->number << 32) + (uint64_t)s->draws);
    return DIPPER_OK;
}

/* ---- Saving and loading ---- */

size_t dp_solver_save_size(dp_solver *s) {
    dp_archive a = {.mode = DP_ARCHIVE_COUNT};
    walk_place(s, &a);
    walk_arrays(s, &a);
    return sizeof(header) + a.at + sizeof(uint64_t);
}

dipper_status dp_solver_save(dp_solver *s, void *buffer, size_t size, dp_diag *diag) {
    unsigned char *bytes = buffer;
    if (s->finished) return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "the run has ended: there is no state to go on from");
    if (s->be->element_size != sizeof(float))
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "device %s computes with more than the 32 bits that are saved",
                       s->be->vt->name);
    const size_t wanted = dp_solver_save_size(s);
    if (size != wanted)
        return dp_fail(diag, DIPPER_ERROR_ARGUMENT, "a buffer of %zu bytes, and the state has %zu", size, wanted);
    const header h = make_header(s, size);
    memcpy(bytes, &h, sizeof h);
    dp_archive a = {.mode = DP_ARCHIVE_SAVE, .to = bytes + sizeof h, .size = size - sizeof h - sizeof(uint64_t)};
    walk_place(s, &a);
    walk_arrays(s, &a);
    if (a.broken || a.at != a.size) return dp_fail(diag, DIPPER_ERROR_INTERNAL, "checkpoint: a number out of range");
    const uint64_t sum = dp_hash(DP_HASH_BEGIN, bytes, size - sizeof sum);
    memcpy(bytes + size - sizeof sum, &sum, sizeof sum);
    return DIPPER_OK;
}

dipper_status dp_solver_load(dp_solver *s, const void *buffer, size_t size, dp_diag *diag) {
    DP_TRY(check_header(s, buffer, size, diag));
    dp_archive a = {.mode = DP_ARCHIVE_LOAD,
                    .from = (const unsigned char *)buffer + sizeof(header),
                    .size = size - sizeof(header) - sizeof(uint64_t)};
    walk_place(s, &a);
    if (!a.broken && s->begun) DP_TRY(bind_stage(s, diag));
    if (!a.broken) walk_arrays(s, &a);
    if (a.broken || a.at != a.size) return refuse(diag, "holds what no run can have");
    return DIPPER_OK;
}
