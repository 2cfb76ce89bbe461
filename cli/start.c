/* What each of Dipper's programs does first. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "cli/start.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Our parallel loops are short, and GCC's OpenMP spins about a millisecond at the end of each. Where other programs use
 * the cores that makes a run five times slower (measured: 1738 ms an iteration against 291). It reads the setting
 * before main, so the program starts itself once more; a setting of the user's wins. */
static void calm_waiting(char **argv) {
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
    if (setenv("GOMP_SPINCOUNT", "10000", 1) == 0) execv("/proc/self/exe", argv);
}

void start_program(char **argv) {
    calm_waiting(argv);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error to tell, not an end */
}
