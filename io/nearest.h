/* Which name was meant? SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_IO_NEAREST_H
#define DIPPER_IO_NEAREST_H

/* The entry of names[count] that is nearest to `word`, NULL if none is near. */
const char *nearest_name(const char *word, const char *const *names, int count);

#endif
