/* Inside the automatic mode: auto.c finds the PSF, auto_picture_fft.c restores the picture. docs/auto.md */
#ifndef DP_API_AUTO_FFT_H
#define DP_API_AUTO_FFT_H

#include "bid/search_fft.h"
#include "dipper/auto.h"
#include "image/image.h"

/* What a preset means. For pictures with more pixels than these numbers the PSF is found in a square region of `region`
 * px; nothing is polished; the faster non-blind method restores them. */
typedef struct dp_auto_preset {
    double whole, polished, sparse;
    int region;
    int first, end;           /* ways of looking at a whole picture: of auto.c's list, end not included */
    int noisy;                /* with more than a little noise: the first so many */
    int in_part;              /* ways of looking at a part of a large picture: the first so many */
    const dp_variant *coarse; /* ways of looking at a large one's halved part */
} dp_auto_preset;

enum { DP_AUTO_WAYS = 6 }; /* of estimating, that there are */

typedef struct dp_auto { /* one run */
    dipper_context *context;
    const dipper_auto_options *options;
    const dp_auto_preset *preset;
    dipper_auto_info *info;
    dp_image picture, luma, part;     /* as given; its luma; where the PSF is looked for, one plane */
    dp_image wide;                    /* of a large picture: where large PSFs are looked for */
    dp_image calm, calm_wide;         /* part and wide with less noise, if there is much */
    dp_candidate found[DP_AUTO_WAYS]; /* each way's best, in the order of their scores */
    int found_count;
    int side;           /* of their PSFs */
    double noise_sigma; /* of part */
    float *psf;         /* the caller's: info->psf_height x psf_width */
    double steepness;   /* of its edges; NaN: not to be looked at */
    double begun;       /* dp_seconds: of the call */
    double first;       /* how long the first one took to try */
    double denoised;    /* the latest BM3D, with the fit of a PSF to it, for each pixel; 0: none yet */
    const char *stage;
    double share_from, share_to; /* of all the work, in the present stage */
    bool cancelled;
} dp_auto;

/* ---- auto.c ---- */

/* Shares of the work, for the progress. */
#define DP_AUTO_SEARCHED 0.4
#define DP_AUTO_CHOSEN 0.5 /* of pictures that were searched in a part */

#define DP_AUTO_NOISY 0.005 /* noise from which on there is less to be told from what is unexplained. docs/auto.md */

double dp_auto_left(const dp_auto *run); /* seconds; infinity if there is no limit */
void dp_auto_enter(dp_auto *run, const char *stage, double from, double to);
bool dp_auto_report(dp_auto *run, double share_of_stage);   /* true: it is to stop */
void dp_auto_take(dp_auto *run, const dp_candidate *found); /* run->info: where the PSF is from */
/* run->psf: the smallest window, centred and odd, of psf (side, side) that holds what is not 0. Its longer side, px. */
int dp_auto_trim(dp_auto *run, const float *psf, int side);

/* ---- auto_picture_fft.c ---- */

/* Seconds that are to be kept for the last step. */
double dp_auto_reserve(const dp_auto *run);
/* out: of blurred's shape. */
dipper_status dp_auto_restore(dp_auto *run, const dipper_image *blurred, dipper_image *out);

#endif
