/* Ctrl-C, SIGTERM and SIGUSR1. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "cli/stop.h"

#include "io/output.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t requests;

/* Only async-signal-safe calls. The second signal is raised again with its default action, so that a shell sees what
 * ended the command. */
static void on_signal(int number) {
    if (requests++ == 0) return;
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
    stop_install();
}

int stop_requested(void) {
    return requests > 0;
}
