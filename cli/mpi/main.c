/* dipper-sweep-mpi: a sweep whose ranks take runs as they become free. SPDX-License-Identifier: Apache-2.0
 *
 * Waiting in MPI keeps a core busy, and the workers want the cores: whoever waits here tests and sleeps. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "cli/mpi/server.h"
#include "cli/start.h"
#include "io/io.h"

#include <errno.h>
#include <mpi.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAG = 1, NAP_MS = 1 };

typedef struct front {
    int rank, size, threads;
    int fd; /* to the worker */
    pid_t worker;
} front;

static volatile sig_atomic_t stop_wanted;

static void on_signal(int number) {
    (void)number;
    stop_wanted = 1;
}

static void catch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a worker that has ended is told from its socket */
}

static void pass_signal(const front *f) {
    if (stop_wanted == 1) kill(f->worker, SIGTERM);
    if (stop_wanted) stop_wanted = 2;
}

/* Waits for bytes from the worker, or a while; whether there are any. */
static int worker_speaks(const front *f, int milliseconds) {
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    const int got = poll(&p, 1, milliseconds);
    pass_signal(f);
    return got > 0;
}

static void nap(const front *f) {
    const struct timespec moment = {.tv_nsec = NAP_MS * 1000000L};
    nanosleep(&moment, NULL);
    pass_signal(f);
}

/* What the worker says; when it is gone without a word, how it ended stands for it. */
static void hear_worker(const front *f, wire_message *m) {
    if (wire_receive(f->fd, m, sizeof *m)) return;
    *m = (wire_message){.kind = WIRE_END, .a = DIPPER_ERROR_INTERNAL};
}

/* ---- Ranks from 1 on ---- */

static void hear_rank0(const front *f, wire_message *m) {
    MPI_Request request;
    int done = 0;
    MPI_Irecv(m, WIRE_INTS, MPI_INT, 0, TAG, MPI_COMM_WORLD, &request);
    for (;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done) return;
        nap(f);
    }
}

static void follow(const front *f) {
    wire_message m;
    hear_rank0(f, &m);
    if (m.kind == WIRE_QUIT) return;
    wire_send(f->fd, &(wire_message){.kind = WIRE_START, .a = f->rank, .b = f->threads}, sizeof m);
    do {
        while (!worker_speaks(f, 1000)) {}
        hear_worker(f, &m);
        MPI_Send(&m, WIRE_INTS, MPI_INT, 0, TAG, MPI_COMM_WORLD);
        if (m.kind != WIRE_NEXT) break;
        hear_rank0(f, &m);
        wire_send(f->fd, &m, sizeof m);
    } while (1);
    hear_rank0(f, &m); /* WIRE_QUIT */
}

/* ---- Rank 0 ---- */

static void tell_all(const front *f, int kind) {
    const wire_message m = {.kind = kind};
    for (int i = 1; i < f->size; i++) MPI_Send(&m, WIRE_INTS, MPI_INT, i, TAG, MPI_COMM_WORLD);
}

/* 0: the list did not come. */
static int take_list(const front *f, server *s, const wire_message *m) {
    int *open = malloc(((size_t)m->b + 1) * sizeof *open);
    if (!open || !wire_receive(f->fd, open, (size_t)m->b * sizeof *open)) {
        free(open);
        return 0;
    }
    if (!s->phase) tell_all(f, WIRE_START); /* the plan is good, and the folder is there */
    server_begin(s, m->a, open, m->b);
    return 1;
}

/* Nobody else has begun: they never will. */
static void end_early(server *s) {
    for (int i = 1; i < s->size; i++) server_take(s, i, &(wire_message){.kind = WIRE_END});
}

static void hear_own_worker(const front *f, server *s) {
    wire_message m;
    hear_worker(f, &m);
    if (m.kind == WIRE_BEGIN && !take_list(f, s, &m)) m = (wire_message){.kind = WIRE_END, .a = DIPPER_ERROR_MEMORY};
    server_take(s, 0, &m);
    if (m.kind == WIRE_END && !s->phase) end_early(s);
}

static void hear_ranks(server *s) {
    for (;;) {
        wire_message m;
        MPI_Status from;
        int there = 0;
        MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &from);
        if (!there) return;
        MPI_Recv(&m, WIRE_INTS, MPI_INT, from.MPI_SOURCE, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        server_take(s, from.MPI_SOURCE, &m);
    }
}

static void answer(const front *f, server *s) {
    wire_message m;
    for (int rank; (rank = server_answer(s, &m)) >= 0;) {
        if (rank)
            MPI_Send(&m, WIRE_INTS, MPI_INT, rank, TAG, MPI_COMM_WORLD);
        else
            wire_send(f->fd, &m, sizeof m);
    }
}

static void lead(const front *f) {
    server s;
    if (!server_open(&s, f->size)) MPI_Abort(MPI_COMM_WORLD, DIPPER_ERROR_MEMORY);
    wire_send(f->fd, &(wire_message){.kind = WIRE_START, .b = f->threads}, sizeof(wire_message));
    while (!server_all_ended(&s)) {
        if (s.ranks[0].ended)
            nap(f);
        else if (worker_speaks(f, NAP_MS))
            hear_own_worker(f, &s);
        hear_ranks(&s);
        answer(f, &s);
    }
    wire_send(f->fd, &s.total, sizeof s.total);
    tell_all(f, WIRE_QUIT);
    server_close(&s);
}

/* ---- Processes ---- */

/* The node's cores that its ranks may use, shared by them; no more than this rank may use. */
static int share_of_cores(void) {
    MPI_Comm node;
    cpu_set_t ours, all;
    int ranks = 1;
    CPU_ZERO(&ours);
    sched_getaffinity(0, sizeof ours, &ours);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &ranks);
    MPI_Allreduce(&ours, &all, (int)sizeof ours, MPI_BYTE, MPI_BOR, node);
    MPI_Comm_free(&node);
    const int mine = CPU_COUNT(&ours), share = CPU_COUNT(&all) / ranks;
    const int threads = mine < share ? mine : share;
    return threads > 0 ? threads : 1;
}

static int run_worker(int fd, pid_t parent, int argc, char **argv) {
    io_error error = {""};
    const command_line line = {argc - 1, argv + 1, argc, argv};
    setpgid(0, 0); /* mpirun's signals go to the group; one from the front is enough */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return DIPPER_ERROR_CANCELLED;
    signal(SIGPIPE, SIG_IGN);
    int code = (int)io_init(argv[0], &error);
    if (code)
        fprintf(stderr, "dipper: %s\n", error.text);
    else
        code = wire_work(fd, &line);
    io_shutdown();
    if (fflush(stdout) && !code) code = DIPPER_ERROR_OUTPUT;
    return code;
}

/* The exit code of rank 0's worker is everybody's; those of the others it has heard of. */
static int run_front(front *f, int *argc, char ***argv) {
    int how = 0;
    catch_signals();
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &f->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &f->size);
    f->threads = share_of_cores();
    if (f->rank)
        follow(f);
    else
        lead(f);
    if (f->rank) shutdown(f->fd, SHUT_RDWR); /* a worker that was never started goes */
    while (waitpid(f->worker, &how, 0) < 0 && errno == EINTR) pass_signal(f);
    MPI_Finalize();
    if (f->rank) return 0;
    return WIFEXITED(how) ? WEXITSTATUS(how) : DIPPER_ERROR_INTERNAL;
}

int main(int argc, char **argv) {
    int ends[2];
    front f = {0};
    start_program(argv);
    const pid_t self = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) {
        perror("dipper-sweep-mpi");
        return DIPPER_ERROR_INTERNAL;
    }
    f.worker = fork();
    if (f.worker < 0) {
        perror("dipper-sweep-mpi");
        return DIPPER_ERROR_MEMORY;
    }
    close(ends[f.worker ? 1 : 0]);
    f.fd = ends[f.worker ? 0 : 1];
    return f.worker ? run_front(&f, &argc, &argv) : run_worker(f.fd, self, argc, argv);
}
