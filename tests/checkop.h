/* checkop: proves and times every op of a back end. Inner contract of its files.
 *
 * A problem is a string, "conv c=8 o=128 k=3 s=2 h=35 w=30 pad=reflect": a family of ops and its sizes. A task is one
 * op of the family with the list of its args. A run is a task on a back end. */
#ifndef CHECKOP_H
#define CHECKOP_H

#include "backend/backend.h"

enum { MAX_ARGS = 8, MAX_KINDS = 3, MAX_KEYS = 16 };

/* ---- checkop_problem.c ---- */

typedef struct problem {
    char text[192];
    char family[16];
    char key[MAX_KEYS][12], value[MAX_KEYS][24];
    int keys;
} problem;

typedef enum role {
    ARG_IN,    /* an input */
    ARG_OUT,   /* overwritten */
    ARG_INOUT, /* changed in place */
    ARG_OWN,   /* an input that the forward op makes on the same back end: stats, index, y */
    ARG_HOST,  /* not a tensor: Adam's step, the draw, a loss's weight */
} role;

typedef struct arg {
    const char *name; /* the same name has the same values in every op of a problem */
    role role;
    dp_shape shape;
    int in_place; /* index of the input whose memory this output takes, or -1 */
    bool null;    /* passed as NULL */
} arg;

typedef struct task {
    const problem *problem;
    dp_op op;
    arg arg[MAX_ARGS];
    int args;
    dp_op_kind forward; /* of a backward op; else its own kind */
    int lead;           /* blocks of channels that lie before each feature tensor in the same memory */
    dp_adam_step step;
    uint64_t draw;
    float weight;
    int unbounded; /* which element of x is infinite; -1: none */
    double bound;  /* of the error against ref64, relative to the largest value */
} task;

/* False with a message in text (of 256) if the string is wrong. */
bool problem_parse(const char *string, problem *p, char *text);
int problem_kinds(const problem *p, dp_op_kind kinds[MAX_KINDS]);
bool problem_task(const problem *p, dp_op_kind kind, task *t, char *text);

int task_find(const task *t, const char *name);         /* index of an arg; -1: none */
double task_bound(const task *t, const dp_backend *be); /* what is allowed where the back end rounds more than floats */
double task_flops(const task *t);
double task_bytes(const task *t); /* read and written, in float */

/* For "dx" of the op, forward arg "x". The adjoint in the first (a) or second (b) factor of a matmul, or of a copy, is
 * another task of the same kind; its args are named da or db, and dy. */
void task_matmul_adjoint(const task *t, bool of_b, task *out);
void task_copy_adjoint(const task *t, task *out);

/* ---- checkop_cases.c: NULL at the end ---- */

extern const char *const check_cases[], *const bench_cases[];

typedef struct refusal {
    const char *problem, *reason; /* reason: part of the text */
} refusal;

extern const refusal refused_cases[];

/* ---- checkop_run.c ---- */

typedef struct values { /* host contents of the args, planar; NULL for outputs and host args */
    float *of[MAX_ARGS];
} values;

void values_make(const task *t, values *v);
void values_free(values *v);

typedef struct run {
    dp_backend *be;
    const task *task;
    dp_plan *plan;
    void *ws, *memory[MAX_ARGS], *args[MAX_ARGS];
    size_t elements[MAX_ARGS], before[MAX_ARGS]; /* of memory; in front of the tensor */
} run;

/* Memory, uploads, plan; makes the ARG_OWN inputs by running the forward op. */
dipper_status run_open(run *r, dp_backend *be, const task *t, const values *v, dp_diag *diag);
void run_go(run *r);
void run_close(run *r);
double *run_get(const run *r, int i); /* contents of arg i, planar; the caller frees */
/* False with a message if something outside of the outputs was touched, or padding channels are not zero. */
bool run_clean(const run *r, const values *v, char *text);

/* ---- checkop_modes.c ---- */

typedef struct verdict {
    bool ok;
    double error; /* the worst */
    char text[256];
} verdict;

verdict mode_check(dp_backend *be, dp_backend *ref64, const task *t);
verdict mode_grad(dp_backend *be, dp_backend *ref64, const task *t);
verdict mode_adjoint(dp_backend *be, const task *t);
verdict mode_bitwise(dp_backend *be, const task *t);
verdict mode_bench(dp_backend *be, const task *t);
bool has_gradient(dp_op_kind kind);
bool has_adjoint(dp_op_kind kind); /* asked for the forward op */

void *need(size_t count, size_t size); /* zeroed memory or exit */

#endif
