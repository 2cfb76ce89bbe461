/* Runs of a benchmark in child processes, some at once; a crash takes its own run with it and nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_CREW_H
#define DIPPER_STUDY_CREW_H

#include "study/run.h"

typedef struct study_crew study_crew;

enum { STUDY_STOP_SECONDS = 6 }; /* a run that has not stopped by itself by then is killed */

/* What the caller lends. The functions get `user`. */
typedef struct study_crew_options {
    const char *folder; /* of the results, absolute */
    const char *device;
    int jobs;                /* at once */
    int threads;             /* of each; 0: one for each core, shared by the jobs */
    int again;               /* also runs whose result is there */
    int (*next)(void *user); /* index of a run that is ours to do, -1: no more; NULL: all are */
    int (*stop)(void *user); /* non-zero: end early */
    int (*progress)(const study_run *run, const dipper_progress *p, void *user); /* in the child; non-zero stops it */
    /* In the parent, after a run ended with this status; text says why it failed, "" if it is in the result's file. */
    void (*done)(const study_run *run, dipper_status status, const char *text, void *user);
    void (*note)(const char *text, void *user); /* something people may want to know */
    void *user;
} study_crew_options;

typedef struct study_tally {
    int done;    /* now */
    int skipped; /* results that were there, or that another process made */
    int failed;  /* of those done now */
} study_tally;

/* Does all runs, in their order as far as possible, and adds to the tally. Runs that another process has claimed are
 * waited for, and done if it gives up. DIPPER_ERROR_CANCELLED when stopped, after at most STUDY_STOP_SECONDS and a
 * little; what was done is kept. */
dipper_status study_crew_work(const study_crew_options *options, const study_run *runs, int count, study_tally *tally,
                              io_error *error);

/* Makes the files of cases that are made here, in a child process: this one stays without threads. */
dipper_status study_crew_make(const study_crew_options *options, const study_cases *cases, io_error *error);

#endif
