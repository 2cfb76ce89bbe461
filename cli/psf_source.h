/* Where a PSF comes from: a file, or a few numbers; the options that dipper blur and dipper psf make share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_CLI_PSF_SOURCE_H
#define DIPPER_CLI_PSF_SOURCE_H

#include "cli/console.h"
#include "cli/options.h"

typedef struct psf_source { /* as given; NULL: not */
    const char *file, *motion, *gaussian, *disk, *random_motion, *length, *size;
    int rotate, delta;
} psf_source;

/* Rows of an option table whose struct holds a psf_source at offset `at`. */
#define PSF_SOURCE_ROWS(at)                                                                                            \
    {0,                                                                                                                \
     "motion",                                                                                                         \
     "L[,A[,C]]",                                                                                                      \
     OPTION_TEXT,                                                                                                      \
     (at) + offsetof(psf_source, motion),                                                                              \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL,                                                                                                             \
     "straight motion over L px at A degrees (counter-clockwise), or an arc that turns by C degrees"},                 \
        {0,                                                                                                            \
         "gaussian",                                                                                                   \
         "S",                                                                                                          \
         OPTION_TEXT,                                                                                                  \
         (at) + offsetof(psf_source, gaussian),                                                                        \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "Gaussian of standard deviation S px"},                                                                       \
        {0,                                                                                                            \
         "disk",                                                                                                       \
         "R",                                                                                                          \
         OPTION_TEXT,                                                                                                  \
         (at) + offsetof(psf_source, disk),                                                                            \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "disk of radius R px, as a lens out of focus makes"},                                                         \
        {0,                                                                                                            \
         "random-motion",                                                                                              \
         "SEED",                                                                                                       \
         OPTION_TEXT,                                                                                                  \
         (at) + offsetof(psf_source, random_motion),                                                                   \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "the path of a shaken camera, from a seed; --length or --size (31) say how large"},                           \
        {0,                                                                                                            \
         "length",                                                                                                     \
         "L",                                                                                                          \
         OPTION_TEXT,                                                                                                  \
         (at) + offsetof(psf_source, length),                                                                          \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "random motion: length of the path, px (default: as fills the size)"},                                        \
    {                                                                                                                  \
        0, "size", "N|WxH", OPTION_TEXT, (at) + offsetof(psf_source, size), 0, 0, NULL,                                \
            "size of the PSF, odd (default: the least that holds it)"                                                  \
    }

typedef struct psf_data {
    float *values; /* height x width; free() it */
    int width, height;
} psf_data;

/* Makes or reads the PSF; the exit code, after saying why on stderr if it is not 0. */
int psf_source_get(const char *command, const psf_source *source, dipper_context *context, console *c, psf_data *out);

#endif
