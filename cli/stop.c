/* Ctrl-C, SIGTERM and SIGUSR1. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "cli/stop.h"

#include "io/output.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

enum { SAME_SECONDS = 1 };
static volatile sig_atomic_t requests, first_second;

/* Only async-signal-safe calls. A cluster, a terminal or timeout(1) signals a process and all of its group, and a
 * script hands on what it got: what comes within a second is one request. The second one is raised again with its
 * default action, so that a shell sees what ended the command. */
static void on_signal(int number) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (requests == 0) first_second = (sig_atomic_t)now.tv_sec;
    if (requests++ == 0 || now.tv_sec - first_second <= SAME_SECONDS) return;
    output_abandon_all();
    signal(number, SIG_DFL);
    raise(number);
}

void stop_install(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue; /* nohup, background jobs */
        sigaction(numbers[i], &action, NULL);
    }
}

void stop_install_at_once(void) {
    requests = 1;
    first_second = -2 * SAME_SECONDS;
    stop_install();
}

int stop_requested(void) {
    return requests > 0;
}
