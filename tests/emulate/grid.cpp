/* Runs a kernel's grid: blocks one after another, the threads of a block as fibers that switch at barriers and
 * shuffles. A thread runs until it waits; so orders "forward" and "reverse" show most races by a difference. */
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cuda_runtime.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
unsigned char *emulate_shared;

void emulate_stop(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fputs("emulator: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

/* ---- The block that runs ---- */

enum { WARP = 32, MOST_THREADS = 1024, MOST_SHARED = 48 << 10, GUARD = 256 };

typedef enum standing { READY, AT_BARRIER, AT_SHUFFLE, DONE } standing;

typedef struct thread {
    standing at;
    int line;        /* of the barrier or shuffle */
    unsigned parity; /* which of the warp's two rooms its next shuffle uses: who is one ahead spoils nothing */
    unsigned mask;
    fiber *on;
} thread;

static thread threads[MOST_THREADS];
static unsigned current; /* of threads */
static struct {
    const char *name;
    const std::function<void()> *body;
    unsigned threads, at_barrier, done;
    unsigned at_shuffle[MOST_THREADS / WARP];
} block;
static unsigned char room[MOST_THREADS / WARP][2][WARP][EMULATE_WORD];
static std::vector<fiber *> &idle = *new std::vector<fiber *>; /* never destroyed: a leak checker looks at exit */
static bool reversed;

static void *const dynamic_shared = malloc(MOST_SHARED + GUARD); /* freed with the process */

static void fiber_body(fiber *self) {
    for (;;) {
        (*block.body)();
        threads[current].at = DONE;
        block.done++;
        fiber_leave(self);
    }
}

static void place_current() { /* block index is set */
    threadIdx.x = current % blockDim.x;
    threadIdx.y = current / blockDim.x % blockDim.y;
    threadIdx.z = current / blockDim.x / blockDim.y;
}

static void advance(unsigned t) {
    thread *th = &threads[t];
    if (th->on == nullptr) {
        if (idle.empty()) idle.push_back(fiber_new(fiber_body));
        th->on = idle.back();
        idle.pop_back();
    }
    current = t;
    place_current();
    fiber_enter(th->on);
    if (th->at == DONE) {
        idle.push_back(th->on);
        th->on = nullptr;
    }
}

static void wait_at(standing at, int line) {
    thread *th = &threads[current];
    th->at = at;
    th->line = line;
    fiber_leave(th->on);
}

/* Two threads that should have met and cannot. */
static void describe(unsigned t, char text[64]) {
    if (threads[t].at == DONE)
        snprintf(text, 64, "thread %u has returned", t);
    else
        snprintf(text, 64, "thread %u waits %s (line %d)", t,
                 threads[t].at == AT_BARRIER ? "at __syncthreads" : "in a shuffle", threads[t].line);
}

static void stop_divergence(const char *what, unsigned a, unsigned b) {
    char of_a[64], of_b[64];
    describe(a, of_a);
    describe(b, of_b);
    emulate_stop("%s: %s in block (%u, %u, %u): %s, %s", block.name, what, blockIdx.x, blockIdx.y, blockIdx.z, of_a,
                 of_b);
}

/* Lanes of a warp go on together from a shuffle. */
static bool release_warp(unsigned first) {
    if (block.at_shuffle[first / WARP] != WARP) return false;
    block.at_shuffle[first / WARP] = 0;
    for (unsigned t = first; t < first + WARP; t++) {
        if (threads[t].line != threads[first].line) stop_divergence("divergent shuffles", first, t);
        threads[t].at = READY;
    }
    return true;
}

static void run_warp(unsigned first) {
    do {
        for (unsigned i = 0; i < WARP; i++) {
            const unsigned t = first + (reversed ? WARP - 1 - i : i);
            if (threads[t].at == READY) advance(t);
        }
    } while (release_warp(first));
    if (block.at_shuffle[first / WARP] == 0) return;
    unsigned in = first, out = first;
    for (unsigned t = first; t < first + WARP; t++) *(threads[t].at == AT_SHUFFLE ? &in : &out) = t;
    stop_divergence("a shuffle without all lanes", in, out);
}

static void release_block() {
    unsigned waiting = 0, other = 0;
    for (unsigned t = 0; t < block.threads; t++) *(threads[t].at == AT_BARRIER ? &waiting : &other) = t;
    if (block.at_barrier != block.threads) stop_divergence("divergent barrier", waiting, other);
    for (unsigned t = 0; t < block.threads; t++) {
        if (threads[t].line != threads[0].line) stop_divergence("different barriers", 0, t);
        threads[t].at = READY;
    }
    block.at_barrier = 0;
}

static void run_block() {
    block.at_barrier = block.done = 0;
    for (unsigned t = 0; t < block.threads; t++) threads[t].at = READY;
    for (;;) {
        for (unsigned i = 0; i < block.threads; i += WARP) run_warp(reversed ? block.threads - WARP - i : i);
        if (block.done == block.threads) return;
        release_block();
    }
}

static void check_launch(dim3 grid, dim3 size, size_t shared) {
    const size_t n = (size_t)size.x * size.y * size.z;
    if (n == 0 || n > MOST_THREADS || n % WARP != 0)
        emulate_stop("%s: blocks of %u x %u x %u threads", block.name, size.x, size.y, size.z);
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535)
        emulate_stop("%s: a grid of %u x %u x %u blocks", block.name, grid.x, grid.y, grid.z);
    if (shared > MOST_SHARED) emulate_stop("%s: %zu bytes of shared memory", block.name, shared);
}

/* The static shared memory of all kernels, where the compiler can put it together. */
extern "C" char __start_emulate_static[] __attribute__((weak)), __stop_emulate_static[] __attribute__((weak));

/* Shared memory begins as NaN in every block, and a guard follows it. */
static void prepare_shared(size_t bytes) {
    memset(dynamic_shared, 0xff, bytes + GUARD);
    if (__start_emulate_static != nullptr)
        memset(__start_emulate_static, 0xff, (size_t)(__stop_emulate_static - __start_emulate_static));
    emulate_shared = (unsigned char *)dynamic_shared;
}

static void check_shared(size_t bytes) {
    for (size_t i = 0; i < GUARD; i++)
        if (emulate_shared[bytes + i] != 0xff)
            emulate_stop("%s: wrote behind its %zu bytes of shared memory (byte %zu)", block.name, bytes, bytes + i);
}

void emulate_grid(const char *name, dim3 grid, dim3 size, size_t shared, const std::function<void()> &body) {
    const char *order = getenv("EMULATE_ORDER");
    reversed = order != nullptr && strcmp(order, "reverse") == 0;
    block.name = name;
    check_launch(grid, size, shared);
    block.body = &body;
    block.threads = size.x * size.y * size.z;
    gridDim = grid;
    blockDim = size;
    const size_t blocks = (size_t)grid.x * grid.y * grid.z;
    for (size_t i = 0; i < blocks; i++) {
        const size_t at = reversed ? blocks - 1 - i : i;
        blockIdx.x = (unsigned)(at % grid.x);
        blockIdx.y = (unsigned)(at / grid.x % grid.y);
        blockIdx.z = (unsigned)(at / grid.x / grid.y);
        prepare_shared(shared);
        run_block();
        check_shared(shared);
    }
}

/* ---- What a thread calls ---- */

void emulate_sync(int line) {
    block.at_barrier++;
    wait_at(AT_BARRIER, line);
}

unsigned emulate_lane() {
    return current % WARP;
}

/* Leaves the value in the warp's room and waits for the others. */
static unsigned char (*meet(unsigned mask, const void *give, size_t bytes, int line))[EMULATE_WORD] {
    if (mask != 0xffffffffu) emulate_stop("%s: a shuffle with mask %08x (line %d)", block.name, mask, line);
    unsigned char(*values)[EMULATE_WORD] = room[current / WARP][threads[current].parity ^= 1];
    memcpy(values[current % WARP], give, bytes);
    block.at_shuffle[current / WARP]++;
    wait_at(AT_SHUFFLE, line);
    return values;
}

void emulate_exchange(unsigned mask, const void *give, size_t bytes, unsigned from, void *take, int line) {
    unsigned char(*values)[EMULATE_WORD] = meet(mask, give, bytes, line);
    memcpy(take, values[from % WARP], bytes);
}

unsigned emulate_ballot(unsigned mask, bool value, int line) {
    const unsigned char mine = value;
    unsigned char(*values)[EMULATE_WORD] = meet(mask, &mine, 1, line);
    unsigned votes = 0;
    for (unsigned i = 0; i < WARP; i++) votes |= (unsigned)values[i][0] << i;
    return votes;
}
