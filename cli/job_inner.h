/* What job.c shares with the manners of restoring a picture: solve.c (a network), nonblind.c, classical.c and
 * automatic.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_JOB_INNER_H
#define DIPPER_CLI_JOB_INNER_H

#include "cli/job.h"
#include "io/record.h"

typedef enum job_end { END_DONE, END_SIGNAL, END_TIME, END_SNAPSHOT } job_end;

typedef struct job job;

typedef struct job_manner {
    dipper_status (*prepare)(job *j); /* the picture is read; leaves it as large as the result will be */
    dipper_status (*run)(job *j);     /* fills planes (and psf); DIPPER_OK also when it ended early with a result that
                                         can be written: result->status tells */
    void (*explain)(job *j);          /* what is said of a run that ended early, once its result is written */
    void (*describe)(const job *j, run_record *record); /* at any time; the picture may be missing */
} job_manner;

extern const job_manner job_solve, job_nonblind, job_classical, job_automatic;

struct job {
    const job_settings *settings;
    const job_manner *manner;
    const char *input;
    const job_names *names;
    job_result *result;
    io_picture *picture;
    float *planes;         /* the result: channels x height x width of the picture */
    float *psf;            /* found, to be written; NULL: none is */
    io_picture *deviation; /* of each pixel, to be written; NULL: none is */
    int psf_width, psf_height;
    double started; /* wall_seconds */
    char date[32];
    job_end end; /* why the callback stopped the run */
    io_written report;
    io_error error;
    char notes[sizeof((io_picture *)0)->note + sizeof((io_written *)0)->note + 4];
    /* solver */
    dipper_solver *solver;
    int psf_width_told, psf_height_told;
    long last_snapshot;
    long resumed_at;        /* iteration; -1: it began anew */
    double seconds_before;  /* of the solver when it went on */
    double last_checkpoint; /* wall_seconds */
    /* verdict */
    dipper_verdict verdict;
    int judged; /* there is one */
    /* non-blind */
    dipper_deconvolve_info info;
    dipper_auto_info automatic;
    double seconds;      /* of the work so far */
    size_t memory_bytes; /* held at once for it */
};

/* The library does not know names of files. */
dipper_status job_library_failed(job *j, dipper_status status);
dipper_status job_no_memory(job *j);
/* What the user told, or what suits the picture, into psf_*_told; refuses a picture that is smaller. */
dipper_status job_choose_psf_size(job *j);
/* nonblind.c, also of use when the PSF was estimated: fills planes. */
dipper_status job_deconvolve(job *j, const float *psf, int width, int height);
void job_explain_deconvolution(job *j);
void job_describe_deconvolution(const job *j, run_record *r);
/* Of planes and psf, which are written already. */
void job_judge(job *j);
/* On the console; failed: as the error that the run ends with, unless it has one. */
void job_say_verdict(job *j);
/* Shows the progress; non-zero, and j->end says why, if time is up or a signal came. */
int job_watch(job *j, const dipper_progress *progress);

#endif
