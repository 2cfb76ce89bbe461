/* Messages, and the worker's side of them. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "cli/mpi/wire.h"

#include <errno.h>
#include <unistd.h>

int wire_send(int fd, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        at += n;
        size -= (size_t)n;
    }
    return 1;
}

int wire_receive(int fd, void *bytes, size_t size) {
    for (char *at = bytes; size > 0;) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        at += n;
        size -= (size_t)n;
    }
    return 1;
}

/* ---- The team, as the worker sees it ---- */

typedef struct worker {
    int fd, number, phase;
} worker;

static void begin(int phase, const int *open, int count, void *user) {
    worker *w = user;
    w->phase = phase;
    if (w->number) return;
    if (wire_send(w->fd, &(wire_message){.kind = WIRE_BEGIN, .a = phase, .b = count}, sizeof(wire_message)))
        wire_send(w->fd, open, (size_t)count * sizeof *open);
}

static int next(void *user) {
    worker *w = user;
    wire_message m = {.kind = WIRE_NEXT, .a = w->phase};
    return wire_send(w->fd, &m, sizeof m) && wire_receive(w->fd, &m, sizeof m) && m.kind == WIRE_GIVE ? m.a : -1;
}

static void end(study_tally *tally, dipper_status *status, void *user) {
    worker *w = user;
    wire_message m = {.kind = WIRE_END, .a = (int)*status, .b = tally->done, .c = tally->failed};
    if (!wire_send(w->fd, &m, sizeof m) || w->number || !wire_receive(w->fd, &m, sizeof m)) return;
    *status = (dipper_status)m.a;
    tally->done = m.b;
    tally->failed = m.c;
}

int wire_work(int fd, const command_line *line) {
    wire_message m;
    worker w = {.fd = fd};
    if (!wire_receive(fd, &m, sizeof m) || m.kind != WIRE_START) return 0; /* not needed */
    w.number = m.a;
    const runs_team team = {.number = m.a, .begin = begin, .next = next, .end = end, .user = &w};
    return sweep_run(line, &team, m.b);
}
