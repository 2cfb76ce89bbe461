/* The emulator's own interface, beside CUDA's (README.md). */
#ifndef DP_EMULATE_EMULATE_H
#define DP_EMULATE_EMULATE_H

#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

#include "cuda_runtime_api.h"

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

/* ---- For who enqueues: DP_LAUNCH, and libraries that are played by plain functions ---- */

/* Runs the work in the order of the stream, or records it in the graph that the stream captures. */
void emulate_enqueue(cudaStream_t stream, std::function<void()> work);

/* Runs all blocks now. Stops the program, naming the kernel, at what CUDA forbids or leaves undefined. */
void emulate_grid(const char *name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &thread);

template <typename... P, typename... A>
void emulate_launch(cudaStream_t stream, const char *name, dim3 grid, dim3 block, size_t shared, void (*kernel)(P...),
                    A... args) {
    const std::tuple<std::decay_t<P>...> kept(args...); /* as the parameters' types, as CUDA keeps them */
    emulate_enqueue(stream, [=] { emulate_grid(name, grid, block, shared, [&] { std::apply(kernel, kept); }); });
}

/* ---- For who is a thread of a kernel ---- */

extern unsigned char *emulate_shared; /* the block's dynamic shared memory */

void emulate_sync(int line);
enum { EMULATE_WORD = 16 }; /* the largest value that a shuffle carries */
/* Gives the value to the warp and takes that of lane `from`. */
void emulate_exchange(unsigned mask, const void *give, size_t bytes, unsigned from, void *take, int line);
unsigned emulate_ballot(unsigned mask, bool value, int line);
unsigned emulate_lane();

[[noreturn]] void emulate_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Fibers (fiber.cpp) ---- */

typedef struct fiber fiber;
fiber *fiber_new(void (*body)(fiber *self)); /* body never returns */
void fiber_enter(fiber *f);                  /* from outside; comes back when f leaves */
void fiber_leave(fiber *f);                  /* from inside */

#endif
