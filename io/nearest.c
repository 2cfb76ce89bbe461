/* Which name was meant? SPDX-License-Identifier: Apache-2.0 */
#include "io/nearest.h"

#include <string.h>

enum { WORD_MAX = 40 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Levenshtein distance; words are cut to WORD_MAX characters. */
static int distance(const char *a, const char *b) {
    int row[WORD_MAX + 1], la = least((int)strlen(a), WORD_MAX), lb = least((int)strlen(b), WORD_MAX);
    for (int j = 0; j <= lb; j++) row[j] = j;
    for (int i = 1; i <= la; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= lb; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[lb];
}

const char *nearest_name(const char *word, const char *const *names, int count) {
    const char *best = NULL;
    int nearest = 3; /* two slips at most, and fewer than half of the letters */
    for (int i = 0; i < count; i++) {
        int d = strlen(word) >= 3 && strncmp(names[i], word, strlen(word)) == 0 ? 1 : distance(word, names[i]);
        if (d >= nearest || 2 * d > (int)strlen(names[i])) continue;
        nearest = d;
        best = names[i];
    }
    return best;
}
