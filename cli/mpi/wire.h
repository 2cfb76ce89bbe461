/* Between the two processes of a rank. The front speaks MPI and nothing else; the worker, made before MPI begins, does
 * the runs in children of its own, which a process with MPI in it should not have. SPDX-License-Identifier: Apache-2.0
 */
#ifndef DIPPER_CLI_MPI_WIRE_H
#define DIPPER_CLI_MPI_WIRE_H

#include "cli/sweep.h"

/* Worker to front, and front to rank 0: */
enum {
    WIRE_BEGIN = 1, /* a = phase, b = count; b ints follow: the open runs. Of the worker of rank 0 only */
    WIRE_NEXT,      /* a = phase: a run, please */
    WIRE_END,       /* a = status, b = runs done, c = failed */
    /* Rank 0 to front, and front to worker: */
    WIRE_START, /* a = rank, b = threads */
    WIRE_GIVE,  /* a = index, -1: no more */
    WIRE_TOTAL, /* as WIRE_END, of all ranks; to the worker of rank 0 only */
    WIRE_QUIT   /* front: all have ended, or there is nothing to do */
};

typedef struct wire_message {
    int kind, a, b, c;
} wire_message;
enum { WIRE_INTS = sizeof(wire_message) / sizeof(int) };

/* 0: the other end is closed. Signals do not matter. */
int wire_send(int fd, const void *bytes, size_t size);
int wire_receive(int fd, void *bytes, size_t size);

/* Waits for WIRE_START, does the sweep with this team, and returns its exit code. */
int wire_work(int fd, const command_line *line);

#endif
