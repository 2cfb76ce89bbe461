/* Errors, notes, progress. SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "cli/console.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double wall_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void console_open(console *c, const char *mode, int quiet, int verbose) {
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    int terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    *c = (console){.quiet = quiet, .verbose = verbose};
    c->colour = terminal && !(no_colour && no_colour[0]);
    c->mode = CONSOLE_NONE;
    if (!strcmp(mode, "plain")) c->mode = CONSOLE_PLAIN;
    if (!strcmp(mode, "json")) c->mode = CONSOLE_JSON;
    if (!strcmp(mode, "auto") && !quiet) c->mode = terminal ? CONSOLE_BAR : CONSOLE_PLAIN;
}

/* ---- Lines ---- */

static void clear_line(console *c) {
    if (c->line_open) fputs("\r\033[K", stderr);
    c->line_open = 0;
}

static void line(console *c, const char *before, const char *format, va_list args) {
    clear_line(c);
    fputs(before, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void console_error(console *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    line(c, "dipper: ", format, args);
    va_end(args);
}

void console_note(console *c, const char *format, ...) {
    if (c->quiet) return;
    va_list args;
    va_start(args, format);
    line(c, "dipper: note: ", format, args);
    va_end(args);
}

void console_detail(console *c, const char *format, ...) {
    if (!c->verbose) return;
    va_list args;
    va_start(args, format);
    line(c, "dipper: ", format, args);
    va_end(args);
}

/* ---- Progress ---- */

void console_begin(console *c, const char *name) {
    c->name = name;
    c->last = -1e9;
    c->stage = NULL;
    c->complete = 0;
}

void console_end(console *c) {
    if (c->line_open) fputc('\n', stderr);
    c->line_open = 0;
}

static const char *duration(double seconds, char *out, size_t size) {
    if (!(seconds >= 0 && seconds < 3.6e6)) {
        snprintf(out, size, "?");
        return out;
    }
    long s = lround(seconds);
    if (s < 3600)
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return out;
}

static double share(const dipper_progress *p) {
    return p->iterations > 0 ? fmin(1, (double)p->iteration / (double)p->iterations) : 0;
}

static int terminal_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
    return 80;
}

/* name  stage [####....]  50 %  loss 0.01234  1:23 left; the bar takes what the line has left. */
static void show_bar(console *c, const dipper_progress *p) {
    enum { CELLS = 30 };
    char before[160], after[120], left[24], loss[32] = "", cells[CELLS + 1] = "";
    if (p->loss != 0) snprintf(loss, sizeof loss, "  loss %.5f", p->loss);
    int width = terminal_width() - 1;
    int used = snprintf(before, sizeof before, "%.30s  %-13.30s [", c->name, p->stage);
    used += snprintf(after, sizeof after, "] %3.0f %%%s  %s left", 100 * share(p), loss,
                     duration(p->seconds_left, left, sizeof left));
    int count = width - used < 1 ? 1 : width - used > CELLS ? CELLS : width - used;
    for (int i = 0; i < count; i++) cells[i] = i < (int)(share(p) * count) ? '#' : '.';
    char text[sizeof before + sizeof after + sizeof cells];
    snprintf(text, sizeof text, "%s%s%s", before, cells, after);
    fprintf(stderr, "\r%s%.*s%s\033[K", c->colour ? "\033[36m" : "", width, text, c->colour ? "\033[0m" : "");
    c->line_open = 1;
    fflush(stderr);
}

static void show_plain(console *c, const dipper_progress *p) {
    char spent[24], left[24], loss[32] = "";
    if (p->loss != 0) snprintf(loss, sizeof loss, ", loss %.6f", p->loss);
    fprintf(stderr, "%s: %s, iteration %ld of %ld%s, %s, %s left\n", c->name, p->stage, p->iteration, p->iterations,
            loss, duration(p->seconds, spent, sizeof spent), duration(p->seconds_left, left, sizeof left));
}

static void json_text(const char *text) {
    fputc('"', stderr);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(stderr, "\\%c", *c);
        else if (*c < ' ')
            fprintf(stderr, "\\u%04x", *c);
        else
            fputc(*c, stderr);
    }
    fputc('"', stderr);
}

static void json_number(const char *name, double value) {
    if (isfinite(value))
        fprintf(stderr, ",\"%s\":%.9g", name, value);
    else
        fprintf(stderr, ",\"%s\":null", name);
}

static void show_json(console *c, const dipper_progress *p) {
    fputs("{\"file\":", stderr);
    json_text(c->name);
    fputs(",\"stage\":", stderr);
    json_text(p->stage);
    fprintf(stderr, ",\"iteration\":%ld,\"iterations\":%ld", p->iteration, p->iterations);
    json_number("loss", p->loss);
    json_number("seconds", p->seconds);
    json_number("seconds_left", p->seconds_left);
    fputs("}\n", stderr);
}

void console_progress(console *c, const dipper_progress *progress) {
    static const double every[] = {0.1, 2.0, 0.25};
    if (c->mode == CONSOLE_NONE) return;
    double now = wall_seconds();
    int new_stage = !c->stage || strcmp(c->stage, progress->stage) != 0;
    int complete = !c->complete && progress->iteration >= progress->iterations;
    if (!new_stage && !complete && now - c->last < every[c->mode]) return;
    c->last = now;
    c->complete |= complete;
    c->stage = progress->stage;
    if (c->mode == CONSOLE_BAR) show_bar(c, progress);
    if (c->mode == CONSOLE_PLAIN) show_plain(c, progress);
    if (c->mode == CONSOLE_JSON) show_json(c, progress);
}
