/* checkop: proves and times every op of a back end.
 *
 *   checkop MODE [BACKEND] [--backend NAME] [--op NAME] [--threads N] [-v] ["problem"...]
 *
 * Modes: check    against ref64: largest error relative to the largest value, bound per op
 *        grad     gradients of the back end against central differences on ref64
 *        adjoint  <Ax, y> = <x, A'y> for the linear ops
 *        bitwise  two runs give the same bits
 *        bench    minimum and median time, GFLOP/s, GB/s (by the median; bytes: args once)
 *        support  which ops the back end has
 * NAME of an op is one kind ("conv_fwd") or a family ("conv"). Without problems: those of checkop_cases.c. Each failure
 * prints the line that repeats it. Exit code 0: all passed, 1: some failed, 2: usage, 77: no such GPU here, skipped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"

typedef struct options {
    const char *mode, *backend, *op;
    int threads;
    bool verbose;
    const char *const *problems;
    bool given; /* problems come from the command line */
} options;

typedef struct tally {
    int passed, failed, skipped;
    int cases[DP_OP_KINDS], absent[DP_OP_KINDS];
    double worst[DP_OP_KINDS];
} tally;

static const char *const modes[] = {"check", "grad", "adjoint", "bitwise", "bench", "support"};
static const double grad_flops = 1e7; /* larger problems take too long by differences, unless asked for */

static int usage(const char *wrong) {
    fprintf(stderr,
            "checkop: %s\nusage: checkop check|grad|adjoint|bitwise|bench|support [--backend NAME] [--op NAME] "
            "[--threads N] [-v] [\"problem\"...]\n",
            wrong);
    return 2;
}

static bool mode_is(const options *o, const char *mode) {
    return strcmp(o->mode, mode) == 0;
}

static bool wanted(const options *o, const problem *p, dp_op_kind kind) {
    if (o->op != NULL && strcmp(o->op, p->family) != 0 && strcmp(o->op, dp_op_name(kind)) != 0) return false;
    if (mode_is(o, "grad")) return has_gradient(kind);
    if (mode_is(o, "adjoint")) return has_adjoint(kind);
    return true;
}

static void report(const options *o, const task *t, const verdict *v, tally *sum) {
    const dp_op_kind kind = t->op.kind;
    sum->cases[kind]++;
    sum->worst[kind] = fmax(sum->worst[kind], v->error);
    if (v->ok) {
        sum->passed++;
        if (o->verbose) printf("ok   %-17s %-60s %.2g\n", dp_op_name(kind), t->problem->text, v->error);
        return;
    }
    sum->failed++;
    printf("FAIL %s: %s\n  repeat: checkop %s --backend %s --threads %d --op %s \"%s\"\n", dp_op_name(kind), v->text,
           o->mode, o->backend, o->threads, dp_op_name(kind), t->problem->text);
    fflush(stdout);
}

static void one_task(const options *o, dp_backend *be, dp_backend *ref64, const task *t, tally *sum) {
    verdict v;
    if (mode_is(o, "support")) {
        sum->cases[t->op.kind]++;
        sum->absent[t->op.kind] += !be->vt->supports(be, &t->op);
        return;
    }
    if (mode_is(o, "grad") && !o->given && task_flops(t) > grad_flops) {
        sum->skipped++;
        return;
    }
    if (mode_is(o, "check"))
        v = mode_check(be, ref64, t);
    else if (mode_is(o, "grad"))
        v = mode_grad(be, ref64, t);
    else if (mode_is(o, "adjoint"))
        v = mode_adjoint(be, t);
    else if (mode_is(o, "bitwise"))
        v = mode_bitwise(be, t);
    else
        v = mode_bench(be, t);
    report(o, t, &v, sum);
}

/* False if the problem cannot be read. */
static bool one_problem(const options *o, dp_backend *be, dp_backend *ref64, const char *string, tally *sum) {
    problem p;
    dp_op_kind kinds[MAX_KINDS];
    task t;
    char text[256];
    if (!problem_parse(string, &p, text)) return usage(text), false;
    const int n = problem_kinds(&p, kinds);
    for (int i = 0; i < n; i++) {
        if (!problem_task(&p, kinds[i], &t, text)) {
            fprintf(stderr, "checkop: problem '%s': %s\n", string, text);
            return false;
        }
        if (wanted(o, &p, kinds[i])) one_task(o, be, ref64, &t, sum);
    }
    return true;
}

/* What dp_op_check must refuse, with a text that names the reason. */
static void check_refusals(const options *o, tally *sum) {
    for (const refusal *r = refused_cases; r->problem != NULL; r++) {
        problem p;
        dp_op_kind kinds[MAX_KINDS];
        task t;
        char text[256] = "";
        bool refused = true;
        if (problem_parse(r->problem, &p, text)) {
            const int n = problem_kinds(&p, kinds);
            for (int i = 0; i < n; i++)
                refused = refused && !problem_task(&p, kinds[i], &t, text) && strstr(text, r->reason) != NULL;
        } else {
            refused = false;
        }
        if (o->verbose) printf("%s '%s': %s\n", refused ? "ok   refused" : "not refused", r->problem, text);
        if (!refused) printf("FAIL '%s' must be refused for '%s', got '%s'\n", r->problem, r->reason, text);
        refused ? sum->passed++ : sum->failed++;
    }
}

static void print_table(const options *o, const tally *sum) {
    for (int k = 0; k < DP_OP_KINDS; k++)
        if (mode_is(o, "support"))
            printf("%-17s %s (%d of %d problems)\n", dp_op_name((dp_op_kind)k),
                   sum->cases[k] == 0               ? "-"
                   : sum->absent[k] == 0            ? "yes"
                   : sum->absent[k] < sum->cases[k] ? "partly"
                                                    : "no",
                   sum->cases[k] - sum->absent[k], sum->cases[k]);
        else if (sum->cases[k] > 0 && !mode_is(o, "bench") && !mode_is(o, "bitwise"))
            printf("%-17s %4d problems, worst error %.2g\n", dp_op_name((dp_op_kind)k), sum->cases[k], sum->worst[k]);
}

static int all_problems(const options *o, dp_backend *be, dp_backend *ref64) {
    tally sum = {0};
    printf("checkop %s: %s, %d threads\n", o->mode, be->detail, be->threads);
    if (mode_is(o, "bench"))
        printf("%-17s %-62s %9s %9s %9s %8s\n", "op", "problem", "min ms", "median ms", "GFLOP/s", "GB/s");
    for (const char *const *p = o->problems; *p != NULL; p++)
        if (!one_problem(o, be, ref64, *p, &sum)) return 2;
    if (mode_is(o, "check") && !o->given && o->op == NULL) check_refusals(o, &sum);
    print_table(o, &sum);
    if (mode_is(o, "support")) return 0;
    if (sum.passed + sum.failed == 0) return usage("no problem fits; op names are as in checkop support");
    if (sum.skipped > 0) printf("%d skipped, too large for differences (name one to run it)\n", sum.skipped);
    printf("%d passed, %d failed\n", sum.passed, sum.failed);
    return sum.failed > 0;
}

/* Returns 0, or the exit code after printing what is wrong. The problems are moved to the front of argv. */
static int read_options(int argc, char **argv, options *o) {
    int problems = 0;
    if (argc < 2) return usage("no mode");
    o->mode = argv[1];
    bool known = false;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) known = known || strcmp(o->mode, modes[i]) == 0;
    if (!known) return usage("unknown mode");
    for (int i = 2; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "-v") == 0)
            o->verbose = true;
        else if (strcmp(argv[i], "--backend") == 0 && more)
            o->backend = argv[++i];
        else if (strcmp(argv[i], "--op") == 0 && more)
            o->op = argv[++i];
        else if (strcmp(argv[i], "--threads") == 0 && more)
            o->threads = atoi(argv[++i]);
        else if (strchr(argv[i], '=') != NULL)
            argv[problems++] = argv[i];
        else if (i == 2 && argv[i][0] != '-')
            o->backend = argv[i];
        else
            return usage(argv[i]);
    }
    argv[problems] = NULL; /* at least the program's name and the mode made room */
    o->given = problems > 0;
    o->problems = o->given ? (const char *const *)argv : mode_is(o, "bench") ? bench_cases : check_cases;
    return 0;
}

int main(int argc, char **argv) {
    options o = {.backend = "cpu", .threads = 2};
    const int wrong = read_options(argc, argv, &o);
    if (wrong != 0) return wrong;
    dp_diag diag = {0};
    dp_backend *be = NULL, *ref64 = NULL;
    int code = 2;
    const bool opened = dp_backend_open(o.backend, o.threads, &diag, &be) == DIPPER_OK &&
                        dp_backend_open("ref64", 1, &diag, &ref64) == DIPPER_OK;
    if (!opened && strncmp(diag.text, "no GPU", 6) == 0) {
        printf("skipped: %s\n", diag.text);
        code = 77;
    } else if (!opened)
        fprintf(stderr, "checkop: %s\n", diag.text);
    else
        code = all_problems(&o, be, ref64);
    dp_backend_close(&be);
    dp_backend_close(&ref64);
    return code;
}
