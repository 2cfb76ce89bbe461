/* Figures of the studies: each by one function or one plan, from a picture to a table, a drawing and a page of text.
 * docs/studies.md SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_STUDY_FIGURE_H
#define DIPPER_STUDY_FIGURE_H

#include "dipper/dipper.h"
#include "io/path.h"
#include "study/chart.h"
#include "study/result.h"

typedef struct figure_job { /* everything borrowed */
    dipper_context *context;
    const char *name;   /* of the figure */
    int *trials;        /* how many of its trials have begun: the next one's number */
    const char *folder; /* of the results, absolute; it is there */
    const char *data;   /* folder of sharp pictures, or with them in gt or sharp; NULL: scenes that are drawn here */
    int again;          /* what was begun does not count */
    int full;           /* the talk's setting; 0: small networks and pictures */
    int seeds;          /* how many */
    int (*stop)(void *user); /* non-zero: end early */
    void *user;
    io_error *error;
} figure_job;

typedef struct figure_output { /* zeroed at birth */
    page csv, text;            /* text: what is seen, Markdown */
    drawing drawing;
} figure_output;

typedef struct figure_runs { /* parts of a sweep's plan, as JSON (docs/sweeps.md) */
    const char *recipes, *psfs, *fields;
} figure_runs;

typedef struct figure_plan { /* runs of one sweep */
    figure_runs small, full;
    const char *field; /* to be drawn along; NULL: runs are only drawn as ISNR over PSNR-NB */
    const char *axis;  /* its name */
    int reversed;      /* the axis shows log10 of 1 - value; 0: log10 of the value */
} figure_plan;

typedef struct figure {
    const char *name, *summary;
    int seeds;                                                        /* usually */
    dipper_status (*make)(const figure_job *job, figure_output *out); /* NULL: by plan */
    const figure_plan *plan;
} figure;

int figure_count(void);
const figure *figure_at(int index);
const figure *figure_find(const char *name); /* NULL: there is none */

/* FOLDER/NAME.csv, .svg, .md, and .png where that can be made. Existing ones are replaced. */
dipper_status figure_write(const figure_job *job, const figure *f, const figure_output *out);
void figure_free(figure_output *out);

/* ---- By a plan (figure_plan.c) ---- */

/* Name of the plan, FOLDER/NAME.plan.json, into path[IO_PATH_MAX]. Its results go to FOLDER/NAME_runs. */
dipper_status figure_plan_path(const figure_job *job, const figure *f, char *path);
/* The plan, and FOLDER/NAME_sharp/PICTURE with the picture. */
dipper_status figure_plan_write(const figure_job *job, const figure *f);
/* After its runs. */
dipper_status figure_plan_draw(const figure_job *job, const figure *f, const study_results *results,
                               figure_output *out);

/* ---- For the functions that make them ---- */

typedef struct figure_picture { /* grey */
    float *data;                /* free() it */
    int width, height;
    char name[64];
} figure_picture;

/* The sharp picture number `index` of the data, or a scene drawn from that seed: luma, its middle cut out to at most
 * width x height px. */
dipper_status figure_sharp(const figure_job *job, int index, int width, int height, figure_picture *out);
/* At most so many px at this scale. */
void figure_size(const figure_job *job, int *width, int *height);

typedef struct figure_case {
    figure_picture sharp;   /* as large as is seen through the PSF */
    figure_picture truth;   /* the part that the blurred one shows */
    figure_picture blurred; /* with noise */
    float *psf;
    int psf_width, psf_height;
} figure_case;

/* A picture, a PSF made so, Gaussian noise. */
dipper_status figure_case_make(const figure_job *job, int index, const dipper_psf_options *psf, double noise,
                               figure_case *out);
void figure_case_free(figure_case *c);
dipper_image figure_view(const figure_picture *p);
dipper_status figure_failed(const figure_job *job, dipper_context *context, dipper_status status);
dipper_status figure_no_memory(const figure_job *job);

/* All points of a chart as lines "TITLE,SERIES,X,Y" of a table. */
void figure_csv_chart(page *csv, const chart *c);
/* A text in quotes, as RFC 4180 has it. */
void figure_csv_text(page *csv, const char *text);
drawing_picture figure_show(const figure_picture *p, const char *name);

#endif
