/* Fibers: a stack each, entered and left by hand. Switching takes nanoseconds on x86-64 and AArch64; elsewhere
 * ucontext does it. */
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "emulate.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMULATE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EMULATE_ASAN 1
#endif

#if defined(EMULATE_ASAN)
#include <sanitizer/common_interface_defs.h>
static const size_t stack_bytes = 512 << 10;
#else
static const size_t stack_bytes = 128 << 10;
#endif

#if defined(__x86_64__) && defined(__linux__)
#define EMULATE_SWITCH 1
/* Keeps the callee's registers on this stack, whose top goes to *from, and goes on where `to` was left. */
extern "C" void emulate_switch(void **from, void *to);
asm(R"(
    .text
    .globl emulate_switch
    .type emulate_switch, @function
emulate_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulate_switch, .-emulate_switch
)");
static void *first_top(unsigned char *end, void (*entry)()) {
    void **top = (void **)end;
    *--top = nullptr;       /* keeps the stack aligned as after a call */
    *--top = (void *)entry; /* where `ret` goes */
    for (int i = 0; i < 6; i++) *--top = nullptr;
    return top;
}
#elif defined(__aarch64__) && defined(__linux__)
#define EMULATE_SWITCH 1
extern "C" void emulate_switch(void **from, void *to);
asm(R"(
    .text
    .globl emulate_switch
    .type emulate_switch, %function
emulate_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size emulate_switch, .-emulate_switch
)");
static void *first_top(unsigned char *end, void (*entry)()) {
    void **top = (void **)(end - 160);
    memset(top, 0, 160);
    top[11] = (void *)entry; /* x30 */
    return top;
}
#else
#include <ucontext.h>
#endif

struct fiber {
    void (*body)(fiber *);
    unsigned char *stack;
#if defined(EMULATE_SWITCH)
    void *top, *outside;
#else
    ucontext_t inner, outer;
#endif
#if defined(EMULATE_ASAN)
    const void *outside_stack;
    size_t outside_bytes;
    void *fake;
#endif
};

static fiber *entering; /* by a new fiber's first step */

static void first_step() {
    fiber *f = entering;
#if defined(EMULATE_ASAN)
    __sanitizer_finish_switch_fiber(nullptr, &f->outside_stack, &f->outside_bytes);
#endif
    f->body(f);
    emulate_stop("a fiber's body returned");
}

fiber *fiber_new(void (*body)(fiber *)) {
    fiber *f = new fiber();
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p =
        mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) != 0) emulate_stop("out of memory for stacks");
    f->body = body;
    f->stack = (unsigned char *)p + page; /* below it a page that stops an overflow */
#if defined(EMULATE_SWITCH)
    f->top = first_top(f->stack + stack_bytes, first_step);
#else
    getcontext(&f->inner);
    f->inner.uc_stack.ss_sp = f->stack;
    f->inner.uc_stack.ss_size = stack_bytes;
    f->inner.uc_link = nullptr;
    makecontext(&f->inner, first_step, 0);
#endif
    return f;
}

void fiber_enter(fiber *f) {
    entering = f;
#if defined(EMULATE_ASAN)
    void *fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, f->stack, stack_bytes);
#endif
#if defined(EMULATE_SWITCH)
    emulate_switch(&f->outside, f->top);
#else
    swapcontext(&f->outer, &f->inner);
#endif
#if defined(EMULATE_ASAN)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void fiber_leave(fiber *f) {
#if defined(EMULATE_ASAN)
    __sanitizer_start_switch_fiber(&f->fake, f->outside_stack, f->outside_bytes);
#endif
#if defined(EMULATE_SWITCH)
    emulate_switch(&f->top, f->outside);
#else
    swapcontext(&f->inner, &f->outer);
#endif
#if defined(EMULATE_ASAN)
    __sanitizer_finish_switch_fiber(f->fake, &f->outside_stack, &f->outside_bytes);
#endif
}
