/* Runs in child processes. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "study/crew.h"

#include "study/claim.h"
#include "study/made.h"
#include "study/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { POLL_MS = 200 };

/* ---- Children ---- */

typedef struct report { /* from child to parent, in one write: less than PIPE_BUF */
    int ended;
    double memory_bytes; /* of the solver, when its first step is done */
    dipper_status status;
    char text[sizeof((io_error *)0)->text];
} report;

typedef struct child {
    pid_t pid; /* 0: none */
    int pipe;
    int run;   /* index */
    int heard; /* its memory is in use and counted by the system, or it never reports */
    report last;
    study_claim claim;
} child;

typedef enum run_state { RUN_PENDING, RUN_BUSY, RUN_ENDED, RUN_OF_OTHERS } run_state;

struct study_crew {
    const study_crew_options *options;
    const study_run *runs;
    int count;
    run_state *states;
    child *children; /* jobs */
    int busy;
    double largest; /* memory of a solver so far, bytes; 0: not known */
    int said_memory, said_elsewhere;
    int all_given;       /* next has no more */
    double stop_at;      /* told to stop: when their time is over; 0: not told */
    dipper_status fatal; /* what every further run would meet */
    study_tally *tally;
    io_error *error;
};

static volatile sig_atomic_t told; /* in the child: to stop */

static void on_told(int number) {
    (void)number;
    told = 1;
}

/* In the child: a parent that dies takes its children along; other signals are the parent's business, which then sends
 * SIGTERM. That may come more than once, from a cluster too, and the child still keeps its state before it ends. */
static void become_child(pid_t parent) {
    const struct sigaction action = {.sa_handler = on_told, .sa_flags = SA_RESTART};
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (getppid() != parent) _exit(DIPPER_ERROR_CANCELLED);
}

static int must_stop(const study_crew_options *o) { /* in the child */
    return told || o->stop(o->user);
}

static int stop_waiting(void *user) {
    return must_stop(user);
}

/* Returns the pid, 0 in the child, -1 with errno; *fd is the end of the pipe that each side uses. */
static pid_t split(int *fd) {
    int ends[2];
    pid_t parent = getpid();
    if (pipe(ends)) return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        int code = errno;
        close(ends[0]);
        close(ends[1]);
        errno = code;
        return -1;
    }
    close(ends[pid ? 1 : 0]);
    *fd = ends[pid ? 0 : 1];
    if (!pid) become_child(parent);
    return pid;
}

static void send_report(int fd, const report *r) {
    while (write(fd, r, sizeof *r) < 0 && errno == EINTR) {}
}

static _Noreturn void end_child(int fd, dipper_status status, const char *text) {
    report last = {.ended = 1, .status = status};
    snprintf(last.text, sizeof last.text, "%s", text);
    send_report(fd, &last);
    fflush(stderr);
    _exit((int)status);
}

/* 0 when the child has closed its end. */
static int receive(child *c) {
    report r;
    ssize_t got = read(c->pipe, &r, sizeof r);
    if (got < 0) return errno == EINTR;
    if (got < (ssize_t)sizeof r) return 0;
    c->heard = 1;
    double memory = c->last.memory_bytes;
    c->last = r;
    if (r.ended) c->last.memory_bytes = memory;
    return 1;
}

/* What became of a child that has closed its pipe. */
static report bury(child *c) {
    int how = 0;
    report r = c->last;
    while (waitpid(c->pid, &how, 0) < 0 && errno == EINTR) {}
    close(c->pipe);
    if (!r.ended) {
        r.status = DIPPER_ERROR_INTERNAL;
        if (WIFSIGNALED(how))
            snprintf(r.text, sizeof r.text, "its process was ended by signal %d (%s)%s", WTERMSIG(how),
                     strsignal(WTERMSIG(how)), WTERMSIG(how) == SIGKILL ? ": was there too little memory?" : "");
        else
            snprintf(r.text, sizeof r.text, "its process ended without a word");
    }
    c->pid = 0;
    return r;
}

static dipper_status open_context(const study_crew_options *o, dipper_context **context, io_error *error) {
    dipper_context_options options;
    char why[256] = "";
    dipper_context_options_init(&options);
    options.why = why;
    options.why_size = sizeof why;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = o->threads ? o->threads : cores > 0 ? (int)cores : 1;
    options.device = o->device;
    options.threads = o->jobs > 1 ? (threads > o->jobs ? threads / o->jobs : 1) : o->threads;
    dipper_status status = dipper_context_create(&options, context);
    if (status) return io_fail(error, status, "device '%s': %s", o->device, why[0] ? why : dipper_status_text(status));
    return DIPPER_OK;
}

/* ---- A run, in the child ---- */

typedef struct listener {
    const study_crew_options *options;
    const study_run *run;
    study_watch watch;
    int fd, sent;
} listener;

static int on_progress(const dipper_progress *progress, void *user) {
    listener *l = user;
    if (!l->sent && progress->iteration > 0) {
        report r = {.memory_bytes = l->watch.memory_bytes};
        send_report(l->fd, &r);
        l->sent = 1;
    }
    return l->options->progress(l->run, progress, l->options->user) || must_stop(l->options);
}

static _Noreturn void child_run(const study_crew_options *o, const study_run *run, int fd) {
    io_error error = {""};
    dipper_context *context = NULL;
    listener l = {.options = o, .run = run, .fd = fd};
    l.watch.progress = on_progress;
    l.watch.user = &l;
    dipper_status status = open_context(o, &context, &error);
    if (!status) status = study_run_do(context, o->folder, run, &l.watch, &error);
    dipper_context_destroy(&context);
    end_child(fd, status, error.text);
}

/* ---- The parent ---- */

static int result_exists(const study_crew *w, const study_run *run) {
    char path[IO_PATH_MAX];
    io_error ignored = {""};
    return !path_print(path, &ignored, "%s/runs/%s.json", w->options->folder, run->id) && path_exists(path);
}

static void end_run(study_crew *w, int i, int *counter) {
    w->states[i] = RUN_ENDED;
    ++*counter;
}

/* Another process needs what the largest so far did, and a tenth of all memory stays with the rest of the machine. */
static int memory_allows(study_crew *w) {
    for (int k = 0; k < w->options->jobs; k++)
        if (w->children[k].pid && !w->children[k].heard) return 0;
    study_memory m = study_memory_now();
    if (m.total == 0 || m.available >= w->largest + m.total / 10) return 1;
    if (!w->said_memory++) {
        char text[160];
        snprintf(text, sizeof text, "memory allows %d at once only: %.0f MB are free, a run needs %.0f", w->busy,
                 m.available / 1e6, w->largest / 1e6);
        w->options->note(text, w->options->user);
    }
    return 0;
}

static dipper_status start(study_crew *w, int i, child *c) {
    study_claim claim = c->claim;
    *c = (child){.run = i, .claim = claim, .heard = w->runs[i].method == NULL};
    pid_t pid = split(&c->pipe);
    if (pid == 0) {
        for (int k = 0; k < w->options->jobs; k++) { /* what belongs to its siblings */
            if (!w->children[k].pid) continue;
            close(w->children[k].claim.fd);
            close(w->children[k].pipe);
        }
        child_run(w->options, &w->runs[i], c->pipe);
    }
    if (pid < 0) {
        int code = errno;
        study_claim_release(&c->claim);
        return io_fail(w->error, DIPPER_ERROR_MEMORY, "no process can be started: %s", strerror(code));
    }
    c->pid = pid;
    w->states[i] = RUN_BUSY;
    w->busy++;
    return DIPPER_OK;
}

/* Starts the run in the free place unless its result is there or another process is at it. */
static dipper_status try_run(study_crew *w, int i, child *c) {
    if (!w->options->again && result_exists(w, &w->runs[i])) {
        IO_TRY(study_claim_tidy(w->options->folder, w->runs[i].id, w->error)); /* killed when it was nearly done */
        end_run(w, i, &w->tally->skipped);
        return DIPPER_OK;
    }
    IO_TRY(study_claim_take(&c->claim, w->options->folder, w->runs[i].id, w->error));
    if (!c->claim.held) {
        if (!w->said_elsewhere++)
            w->options->note("other processes work in this folder; their runs are waited for", w->options->user);
        return DIPPER_OK;
    }
    if (w->options->again || !result_exists(w, &w->runs[i])) return start(w, i, c);
    study_claim_release(&c->claim); /* done elsewhere in the meantime */
    end_run(w, i, &w->tally->skipped);
    return DIPPER_OK;
}

static child *free_place(study_crew *w) {
    for (int k = 0; k < w->options->jobs; k++)
        if (!w->children[k].pid) return &w->children[k];
    return NULL;
}

static dipper_status fill_places(study_crew *w) {
    for (int i = 0; i < w->count; i++) {
        if (w->states[i] != RUN_PENDING) continue;
        child *place = free_place(w);
        if (!place || (w->busy && !memory_allows(w))) return DIPPER_OK;
        IO_TRY(try_run(w, i, place));
    }
    while (!w->all_given) {
        child *place = free_place(w);
        if (!place || (w->busy && !memory_allows(w))) break;
        const int i = w->options->next(w->options->user);
        w->all_given = i < 0;
        if (i < 0) break;
        w->states[i] = RUN_PENDING;
        IO_TRY(try_run(w, i, place));
    }
    return DIPPER_OK;
}

static void end_of_child(study_crew *w, child *c) {
    const report r = bury(c);
    const study_run *run = &w->runs[c->run];
    study_claim_release(&c->claim);
    w->busy--;
    if (r.status == DIPPER_ERROR_CANCELLED || (w->stop_at > 0 && !r.ended)) {
        w->states[c->run] = RUN_PENDING;
        return;
    }
    end_run(w, c->run, &w->tally->done);
    w->tally->failed += r.status != DIPPER_OK;
    w->options->done(run, r.status, r.text, w->options->user);
    if (r.status == DIPPER_ERROR_OUTPUT) w->fatal = io_fail(w->error, r.status, "%s", r.text);
}

/* Waits a little for news of the children. */
static dipper_status listen(study_crew *w) {
    struct pollfd *polls = calloc((size_t)w->options->jobs, sizeof *polls);
    if (!polls) return io_fail(w->error, DIPPER_ERROR_MEMORY, "no memory to wait for runs");
    for (int k = 0; k < w->options->jobs; k++)
        polls[k] = (struct pollfd){.fd = w->children[k].pid ? w->children[k].pipe : -1, .events = POLLIN};
    if (poll(polls, (nfds_t)w->options->jobs, POLL_MS) > 0)
        for (int k = 0; k < w->options->jobs; k++) {
            child *c = &w->children[k];
            if (!polls[k].revents) continue;
            if (!receive(c)) end_of_child(w, c);
            if (c->last.memory_bytes > w->largest) w->largest = c->last.memory_bytes;
        }
    free(polls);
    return DIPPER_OK;
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A run looks up once an iteration; a long step, or one that hangs, may not keep us. Nothing it wrote counts before its
 * result is there; a run that can saves its state between the two signals. */
static void tell_to_stop(study_crew *w) {
    const int first = w->stop_at == 0;
    if (!first && seconds_now() < w->stop_at) return;
    if (first) w->stop_at = seconds_now() + STUDY_STOP_SECONDS;
    for (int k = 0; k < w->options->jobs; k++)
        if (w->children[k].pid) kill(w->children[k].pid, first ? SIGTERM : SIGKILL);
}

static int pending(const study_crew *w) {
    for (int i = 0; i < w->count; i++)
        if (w->states[i] == RUN_PENDING) return 1;
    return 0;
}

static dipper_status work(study_crew *w) {
    dipper_status status = DIPPER_OK;
    for (;;) {
        if (!status) status = w->fatal;
        if (!status && w->options->stop(w->options->user)) status = DIPPER_ERROR_CANCELLED;
        if (!status) status = fill_places(w);
        if (status) tell_to_stop(w);
        if (!w->busy && (status || (w->all_given && !pending(w)))) break;
        dipper_status heard = listen(w);
        if (!status) status = heard;
    }
    return status;
}

dipper_status study_crew_work(const study_crew_options *options, const study_run *runs, int count, study_tally *tally,
                              io_error *error) {
    study_crew w = {.options = options, .runs = runs, .count = count, .tally = tally, .error = error};
    w.states = calloc((size_t)count + 1, sizeof *w.states);
    w.children = calloc((size_t)options->jobs, sizeof *w.children);
    dipper_status status = DIPPER_ERROR_MEMORY;
    w.all_given = !options->next;
    for (int i = 0; w.states && options->next && i < count; i++) w.states[i] = RUN_OF_OTHERS;
    if (w.states && w.children)
        status = work(&w);
    else
        io_fail(error, status, "no memory for %d runs", count);
    free(w.states);
    free(w.children);
    return status;
}

/* ---- Pictures that are made here ---- */

static dipper_status make_missing(const study_crew_options *o, const study_cases *cases, dipper_context *context,
                                  io_error *error) {
    for (int i = 0; i < cases->count; i++) {
        if (must_stop(o)) return io_fail(error, DIPPER_ERROR_CANCELLED, "stopped");
        if (study_made_missing(&cases->items[i])) IO_TRY(study_made_write(context, &cases->items[i], error));
    }
    return DIPPER_OK;
}

/* One process makes them while the others wait. */
static _Noreturn void child_make(const study_crew_options *o, const study_cases *cases, int fd) {
    io_error error = {""};
    dipper_context *context = NULL;
    study_claim claim = {0};
    dipper_status status = open_context(o, &context, &error);
    if (!status) status = study_claim_wait(&claim, o->folder, "made", stop_waiting, (void *)(uintptr_t)o, &error);
    if (!status) status = make_missing(o, cases, context, &error);
    study_claim_release(&claim);
    dipper_context_destroy(&context);
    end_child(fd, status, error.text);
}

dipper_status study_crew_make(const study_crew_options *options, const study_cases *cases, io_error *error) {
    child c = {0};
    int missing = 0, stopped = 0;
    char text[80];
    for (int i = 0; i < cases->count; i++) missing += study_made_missing(&cases->items[i]);
    if (!missing) return DIPPER_OK;
    snprintf(text, sizeof text, "making %d blurred pictures", missing);
    options->note(text, options->user);
    c.pid = split(&c.pipe);
    if (c.pid == 0) child_make(options, cases, c.pipe);
    if (c.pid < 0) return io_fail(error, DIPPER_ERROR_MEMORY, "no process can be started: %s", strerror(errno));
    for (;;) {
        struct pollfd p = {.fd = c.pipe, .events = POLLIN};
        if (options->stop(options->user) && !stopped++) kill(c.pid, SIGTERM);
        if (poll(&p, 1, POLL_MS) > 0 && !receive(&c)) break;
    }
    const report r = bury(&c);
    return r.status ? io_fail(error, r.status, "%s", r.text) : DIPPER_OK;
}
