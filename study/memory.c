/* How much memory the machine has left. SPDX-License-Identifier: Apache-2.0 */
#include "study/memory.h"

#include <stdio.h>

study_memory study_memory_now(void) {
    study_memory memory = {0, 0};
    char line[160];
    double kilobytes;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "MemTotal: %lf kB", &kilobytes) == 1) memory.total = 1024 * kilobytes;
        if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) == 1) memory.available = 1024 * kilobytes;
    }
    if (file) fclose(file);
    return memory;
}
