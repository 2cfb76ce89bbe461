/* What the command says on stderr: errors, notes, progress. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_CONSOLE_H
#define DIPPER_CLI_CONSOLE_H

#include "dipper/dipper.h"

typedef enum console_mode { CONSOLE_BAR, CONSOLE_PLAIN, CONSOLE_JSON, CONSOLE_NONE } console_mode;

typedef struct console {
    console_mode mode;
    int quiet, verbose;
    int colour;        /* of the bar */
    int line_open;     /* the bar stands on the line */
    double last;       /* wall_seconds of the last report */
    const char *stage; /* of the last report */
    int complete;      /* the last iteration has been reported */
    const char *name;  /* of the picture at work; borrowed */
} console;

/* mode: auto (a bar on a terminal, lines elsewhere, nothing when quiet), plain, json or none. NO_COLOR is honoured. */
void console_open(console *c, const char *mode, int quiet, int verbose);

#if defined(__GNUC__)
#define CONSOLE_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define CONSOLE_PRINTF
#endif
CONSOLE_PRINTF void console_error(console *c, const char *format, ...);  /* always said */
CONSOLE_PRINTF void console_note(console *c, const char *format, ...);   /* not when quiet */
CONSOLE_PRINTF void console_detail(console *c, const char *format, ...); /* when verbose */

void console_begin(console *c, const char *name);
/* Shows how far the run is, as often as the mode asks for; call it as often as you like. */
void console_progress(console *c, const dipper_progress *progress);
/* Ends the bar's line. */
void console_end(console *c);

double wall_seconds(void); /* monotonic */

#endif
