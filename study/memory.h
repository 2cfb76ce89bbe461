/* How much memory the machine has left. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_MEMORY_H
#define DIPPER_STUDY_MEMORY_H

typedef struct study_memory { /* bytes; 0: not known */
    double total, available;
} study_memory;

study_memory study_memory_now(void); /* Linux: /proc/meminfo */

#endif
