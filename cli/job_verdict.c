/* The verdict on one picture's result: asked for, said, put into the record. SPDX-License-Identifier: Apache-2.0 */
#include "cli/job_inner.h"
#include "cli/stop.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TOLD = 3 }; /* reasons at most, the gravest */

static int on_progress(const dipper_progress *progress, void *user) {
    job *j = user;
    console_progress(j->settings->console, progress);
    return stop_requested();
}

/* What --max-time leaves; 0 is no limit. */
static double time_left(const job *j) {
    static const double LEAST = 0.01;
    const double most = j->settings->max_seconds;
    return most > 0 ? fmax(LEAST, most - (wall_seconds() - j->started)) : 0;
}

void job_judge(job *j) {
    dipper_verdict_options options;
    const dipper_image blurred = picture_view(j->picture);
    const dipper_image result = dipper_image_view(j->planes, blurred.width, blurred.height, blurred.channels);
    dipper_verdict_options_init(&options);
    options.noise_sigma = j->settings->noise_sigma;
    options.max_seconds = time_left(j);
    options.progress = on_progress;
    options.user = j;
    j->verdict.struct_size = sizeof j->verdict;
    const dipper_status status = dipper_verdict_judge(j->settings->context, &blurred, &result, j->psf, j->psf_width,
                                                      j->psf_height, &options, &j->verdict);
    console_end(j->settings->console);
    j->judged = !status;
    if (!status) return;
    if (status == DIPPER_ERROR_CANCELLED) j->result->status = status; /* the result is whole, but the user wants out */
    console_note(j->settings->console, "%s: no verdict: %s", j->input, dipper_context_message(j->settings->context));
    dipper_context_clear(j->settings->context);
}

/* ---- Saying it ---- */

static void append(char *text, size_t size, const char *separator, const char *more) {
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? separator : "", more);
}

typedef struct words {
    char reasons[300], advice[300];
} words;

static void put_in_words(const dipper_verdict *v, words *w) {
    dipper_verdict_reason reason;
    int told = 0;
    *w = (words){"", ""};
    for (int i = 0; told < TOLD && dipper_verdict_reason_at(i, &reason) == DIPPER_OK; i++) {
        if (!(v->reasons & reason.bit)) continue;
        append(w->reasons, sizeof w->reasons, "; ", reason.text);
        append(w->advice, sizeof w->advice, "; or ", reason.advice);
        told++;
    }
}

void job_say_verdict(job *j) {
    const dipper_verdict *v = &j->verdict;
    console *c = j->settings->console;
    const double percent = 100 * v->probability;
    words w;
    if (!j->judged || v->level == DIPPER_VERDICT_NONE) return;
    put_in_words(v, &w);
    if (v->level == DIPPER_VERDICT_OK) {
        console_note(c, "%s: verdict: ok (risk of failure %.0f %%)%s", j->input, percent,
                     v->sharp ? "; the picture is sharp already" : "");
    } else if (v->level == DIPPER_VERDICT_DOUBTFUL) {
        console_note(c, "%s: verdict: doubtful (risk of failure %.0f %%)%s%s", j->input, percent,
                     w.reasons[0] ? ": " : "", w.reasons);
        if (w.advice[0]) console_note(c, "%s: try %s", j->input, w.advice);
    } else if (j->result->status == DIPPER_OK) {
        j->result->status = DIPPER_ERROR_DIVERGED;
        io_fail(&j->error, DIPPER_ERROR_DIVERGED,
                "%s: verdict: failed (risk of failure %.0f %%)%s%s; the result is written, do not trust it%s%s",
                j->input, percent, w.reasons[0] ? ": " : "", w.reasons, w.advice[0] ? "; try " : "", w.advice);
    }
}
