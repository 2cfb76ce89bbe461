/* Non-blind deconvolution: the methods as one table, and what they are told. docs/methods/nonblind.md has formulas. */
#ifndef DP_DECONV_NONBLIND_H
#define DP_DECONV_NONBLIND_H

#include "backend/backend.h"
#include "image/image.h"

typedef enum dp_edges {                  /* what lies beyond the picture's border */
                        DP_EDGES_LATENT, /* nothing is assumed: the latent picture is larger, the data term ends at the
                                            border */
                        DP_EDGES_TAPER,  /* opposite borders are joined by a blurred ramp, then the picture is periodic
                                          */
                        DP_EDGES_WRAP,   /* the picture is periodic as it is */
                        DP_EDGES_COUNT
} dp_edges;

typedef struct dp_method dp_method;

typedef struct dp_nonblind { /* one run; the same for all channels */
    const dp_method *method;
    dp_backend *be;   /* of floats */
    const float *psf; /* (kh, kw), sum 1 */
    int kh, kw;
    double weight;             /* of the prior; < 0: from the noise; afterwards what was used (channel 0) */
    double error;              /* wiener's, found with the weight: see wiener_fft.c; 0 with one that is given */
    double exponent;           /* the method's own meaning, see dp_method */
    double noise_sigma;        /* >= 0 */
    float saturation;          /* data from here on are lower bounds only; <= 0: there are none */
    bool box;                  /* box constraint: the sharp picture lies in 0 to 1; only for methods that take it */
    const unsigned char *mask; /* (h, w): pixels with 0 are left out of the data term; NULL: none are */
    int iterations; /* 0: the method's own, which may end early; afterwards what was done (sum of the channels) */
    int inner;      /* 0: the method's own */
    dp_edges edges;
    int channel, channels;                         /* for the progress */
    int (*progress)(int done, int of, void *user); /* after each iteration; non-zero stops. May be NULL */
    void *user;
} dp_nonblind;

struct dp_method {
    const char *name, *summary;
    const char *exponent_help; /* "" if it has none */
    double exponent;           /* default */
    int iterations;            /* default; 0: it has none */
    unsigned edges;            /* what it can do: bits 1 << dp_edges */
    dp_edges default_edges;
    bool bounds;                    /* takes saturated pixels as lower bounds, and leaves out what the mask says */
    bool box;                       /* takes the box constraint */
    bool ends_early;                /* chooses the number of iterations by itself unless it is given */
    bool weighted;                  /* has a prior with a weight */
    double (*weight)(double sigma); /* that suits the noise; NULL: the method asks the picture */
    int planes, box_planes;         /* of the periodic grid, held at once, for the memory needed; more with the box */
    /* Restores picture in place. DIPPER_ERROR_CANCELLED: it holds what there is. NULL: this build has no FFTW. */
    dipper_status (*run)(dp_nonblind *job, dp_image *picture, dp_diag *diag);
};

int dp_method_count(void);
const dp_method *dp_method_at(int index);          /* NULL out of range */
const dp_method *dp_method_find(const char *name); /* NULL: unknown */

/* A run on one grey plane with the method's own exponent, edges and, if it has one, weight for that noise; the caller
 * fills in the PSF. */
dp_nonblind dp_nonblind_defaults(const dp_method *method, dp_backend *be, double noise_sigma);

/* Side, with room for the PSF, of the grid that methods with transforms work on, for a picture of `size` pixels and a
 * PSF of k. */
int dp_nonblind_grid(const dp_nonblind *job, int size, int k);

/* Bytes that the job's method holds for a picture of that size, without the picture itself. */
size_t dp_nonblind_bytes(const dp_nonblind *job, int width, int height);

/* For methods: `done` iterations of `of` of this channel. DIPPER_ERROR_CANCELLED when asked to stop. */
dipper_status dp_nonblind_report(const dp_nonblind *job, int done, int of, dp_diag *diag);

/* The methods that need FFTW. */
dipper_status dp_wiener_run(dp_nonblind *job, dp_image *picture, dp_diag *diag);
dipper_status dp_lucy_run(dp_nonblind *job, dp_image *picture, dp_diag *diag);    /* Richardson-Lucy */
dipper_status dp_lucy_tv_run(dp_nonblind *job, dp_image *picture, dp_diag *diag); /* with total variation */
dipper_status dp_split_tv_run(dp_nonblind *job, dp_image *picture, dp_diag *diag);
dipper_status dp_split_power_run(dp_nonblind *job, dp_image *picture, dp_diag *diag); /* |gradient|^exponent */

#endif
