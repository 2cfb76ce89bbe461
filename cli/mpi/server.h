/* Which rank does which run next: the part of rank 0, without MPI. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_MPI_SERVER_H
#define DIPPER_CLI_MPI_SERVER_H

#include "cli/mpi/wire.h"

typedef struct server_rank {
    int phase;   /* the last one it asked for, 0: it has not begun */
    int waiting; /* for an answer */
    int ended;
} server_rank;

typedef struct server { /* zeroed at birth */
    int size;
    server_rank *ranks;
    int phase; /* of the list; 0: none yet */
    int *open; /* runs of this phase, as far as they are not given */
    int count, given;
    wire_message total;
} server;

int server_open(server *s, int size); /* 0: no memory */
void server_close(server *s);
/* The list of a phase, which the server frees. */
void server_begin(server *s, int phase, int *open, int count);
void server_take(server *s, int rank, const wire_message *message);
/* An answer to some rank that can be given now, in *out; -1: there is none. */
int server_answer(server *s, wire_message *out);
int server_all_ended(const server *s);

#endif
