/* The table of figures, and what they are written to. SPDX-License-Identifier: Apache-2.0 */
#include "study/figure.h"

#include "io/drawing_file.h"
#include "study/figure_list.h"

#include <stdlib.h>
#include <string.h>

static const figure figures[] = {
    {"formation", "how a blurred picture comes about: D = X * K + n", 1, figure_formation, NULL},
    {"gradients", "distributions of gradients, sharp and blurred, and the priors that fit them", 1, figure_gradients,
     NULL},
    {"priors", "what sparse and extreme-channel priors see in a sharp, a blurred and a broken picture", 3,
     figure_priors, NULL},
    {"learning-speed", "a network fitted to a sharp, a blurred and a broken picture: loss over iterations", 2,
     figure_learning_speed, NULL},
    {"spectrum", "which frequencies of a picture a network learns when", 2, figure_spectrum, NULL},
    {"start", "PSF constant or random, pre-training on the blurred picture or the truth: the path of a run", 3,
     figure_start, NULL},
    {"stochastic-device", "the same seed on different devices and numbers of threads", 1, figure_stochastic_device,
     NULL},
    {"stochastic-start", "the same picture, other weights or other inputs of the network", 4, figure_stochastic_start,
     NULL},
    {"landscape", "the loss around a solution, and the optimiser's path", 1, figure_landscape, NULL},
    {"psf-rate", "the learning rate of the PSF", 2, NULL, &figure_psf_rate},
    {"beta1", "Adam's beta1 of the picture's network", 3, NULL, &figure_beta1},
    {"tv", "the weight of total variation", 2, NULL, &figure_tv},
    {"ssim-switch", "squared error to the end, or SSIM from some moment on", 3, NULL, &figure_ssim_switch},
    {"pretraining", "with and without pre-training", 3, NULL, &figure_pretraining},
    {"comparison", "SelfDeblur, SimplerSDB, VDIP-Sparse and VDIP-Extreme, several runs each", 3, NULL,
     &figure_comparison},
    {"scatter-kodak", "one picture, several PSFs, all methods", 1, NULL, &figure_scatter_kodak},
};

int figure_count(void) {
    return (int)(sizeof figures / sizeof *figures);
}

const figure *figure_at(int index) {
    return &figures[index];
}

const figure *figure_find(const char *name) {
    for (int i = 0; i < figure_count(); i++)
        if (strcmp(figures[i].name, name) == 0) return &figures[i];
    return NULL;
}

/* ---- Writing ---- */

static dipper_status write_page(const figure_job *job, const figure *f, const page *p, const char *extension) {
    char path[IO_PATH_MAX];
    IO_TRY(path_print(path, job->error, "%s/%s.%s", job->folder, f->name, extension));
    return page_write(p, path, 1, job->error);
}

static dipper_status write_png(const figure_job *job, const figure *f, const page *svg) {
    char path[IO_PATH_MAX];
    if (!drawing_can_png()) return DIPPER_OK;
    IO_TRY(path_print(path, job->error, "%s/%s.png", job->folder, f->name));
    return drawing_write_png(svg->text, svg->length, path, 1, job->error);
}

dipper_status figure_write(const figure_job *job, const figure *f, const figure_output *out) {
    page svg = {0};
    dipper_status status = drawing_finish(&out->drawing, f->summary, &svg, job->error);
    if (!status) status = write_page(job, f, &out->csv, "csv");
    if (!status) status = write_page(job, f, &svg, "svg");
    if (!status) status = write_png(job, f, &svg);
    if (!status) status = write_page(job, f, &out->text, "md");
    page_free(&svg);
    return status;
}

void figure_free(figure_output *out) {
    page_free(&out->csv);
    page_free(&out->text);
    drawing_free(&out->drawing);
}

/* ---- Tables ---- */

void figure_csv_text(page *csv, const char *text) {
    char one[2] = "";
    page_markup(csv, "\"");
    for (; *text; text++) {
        one[0] = *text;
        if (*text == '"') page_markup(csv, "\"");
        page_markup(csv, one);
    }
    page_markup(csv, "\"");
}

void figure_csv_chart(page *csv, const chart *c) {
    if (!csv->length) page_markup(csv, "chart,series,x,y\n");
    for (int k = 0; k < c->count; k++)
        for (int i = 0; i < c->series[k].count; i++) {
            figure_csv_text(csv, c->title);
            page_markup(csv, ",");
            figure_csv_text(csv, c->series[k].name);
            page_add(csv, ",%.9g,%.9g\n", c->series[k].x[i], c->series[k].y[i]);
        }
}
