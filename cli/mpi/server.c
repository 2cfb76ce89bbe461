/* Handing out runs. SPDX-License-Identifier: Apache-2.0 */
#include "cli/mpi/server.h"

#include <stdlib.h>

int server_open(server *s, int size) {
    *s = (server){.size = size, .total = {.kind = WIRE_TOTAL}};
    s->ranks = calloc((size_t)size, sizeof *s->ranks);
    return s->ranks != NULL;
}

void server_close(server *s) {
    free(s->ranks);
    free(s->open);
    *s = (server){0};
}

void server_begin(server *s, int phase, int *open, int count) {
    free(s->open);
    s->phase = phase;
    s->open = open;
    s->count = count;
    s->given = 0;
}

/* An error wins over having been stopped. */
static void add_up(wire_message *total, const wire_message *m) {
    if (m->a && (!total->a || total->a == DIPPER_ERROR_CANCELLED)) total->a = m->a;
    total->b += m->b;
    total->c += m->c;
}

void server_take(server *s, int rank, const wire_message *message) {
    server_rank *r = &s->ranks[rank];
    if (message->kind == WIRE_NEXT) {
        r->phase = message->a;
        r->waiting = 1;
    }
    if (message->kind == WIRE_END && !r->ended) {
        r->ended = 1;
        r->waiting = 0;
        add_up(&s->total, message);
    }
}

/* A phase begins when all have ended the one before: its runs need what the others made. */
static int is_open(const server *s, int phase) {
    for (int i = 0; i < s->size; i++)
        if (!s->ranks[i].ended && s->ranks[i].phase > 0 && s->ranks[i].phase < phase) return 0;
    return s->phase >= phase || s->ranks[0].ended;
}

int server_answer(server *s, wire_message *out) {
    for (int i = 0; i < s->size; i++) {
        server_rank *r = &s->ranks[i];
        if (!r->waiting || !is_open(s, r->phase)) continue;
        const int more = s->phase == r->phase && s->given < s->count;
        *out = (wire_message){.kind = WIRE_GIVE, .a = more ? s->open[s->given++] : -1};
        r->waiting = 0;
        return i;
    }
    return -1;
}

int server_all_ended(const server *s) {
    for (int i = 0; i < s->size; i++)
        if (!s->ranks[i].ended) return 0;
    return 1;
}
