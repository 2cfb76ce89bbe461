/* Can a result be trusted? Evidence without the truth, and what a model fitted to runs that were made to fail says to
 * it (docs/verdict.md). */
#ifndef DP_BID_VERDICT_H
#define DP_BID_VERDICT_H

#include "backend/backend.h"
#include "dipper/verdict.h"
#include "image/image.h"

typedef enum dp_evidence_index {
#define EVIDENCE(name, help) DP_EVIDENCE_##name,
#include "bid/verdict.def"
#undef EVIDENCE
    DP_EVIDENCE_COUNT,
    DP_EVIDENCE_QUICK = DP_EVIDENCE_agree_map /* so many do without second opinions */
} dp_evidence_index;

typedef struct dp_evidence {
    double value[DP_EVIDENCE_COUNT]; /* NaN: could not be had */
} dp_evidence;

typedef struct dp_case { /* what is judged; borrowed */
    dp_backend *be;
    const dp_image *blurred, *result; /* luma, of one size */
    const float *psf;                 /* (kh, kw), sum 1 */
    int kh, kw;
    double noise_sigma;                            /* >= 0 */
    double deadline;                               /* for second opinions: dp_seconds; 0: none */
    int (*progress)(int done, int of, void *user); /* non-zero stops; may be NULL */
    void *user;
} dp_case;

const char *dp_evidence_name(int index); /* NULL out of range */

/* Side of the window, odd, in which other methods look for the PSF: larger than what was found, so that a PSF that was
 * cut off shows; a few sizes only. */
int dp_opinion_side(const dp_case *c);

typedef struct dp_opinions { /* PSFs (side, side) by other means from the blurred picture alone; sum 0: none was found
                              */
    int side;
    float *map, *vb, *part[4]; /* part: upper left, upper right, lower left, lower right */
    float *memory;             /* owned */
} dp_opinions;

/* out->side is 0 if the deadline is too near. Without FFTW, and for pictures too small, none is found.
 * DIPPER_ERROR_MEMORY, DIPPER_ERROR_CANCELLED. */
dipper_status dp_opinions_ask(const dp_case *c, int side, dp_diag *diag, dp_opinions *out);
void dp_opinions_free(dp_opinions *opinions);

/* opinions may be NULL. DIPPER_ERROR_MEMORY. */
dipper_status dp_evidence_gather(const dp_case *c, const dp_opinions *opinions, dp_diag *diag, dp_evidence *out);

/* ---- What it amounts to ---- */

double dp_verdict_probability(const dp_evidence *evidence);
unsigned dp_verdict_reasons(const dp_evidence *evidence); /* DIPPER_REASON_* */
bool dp_verdict_is_sharp(const dp_evidence *evidence);
dipper_verdict_level dp_verdict_level(const dp_evidence *evidence);

int dp_verdict_reason_count(void);
const dipper_verdict_reason *dp_verdict_reason_at(int index); /* NULL out of range; the gravest first */

/* ---- All of it ---- */

enum { DP_VERDICT_LEAST = 96, DP_VERDICT_MOST = 384 }; /* px: pictures below are not judged, of others so much */

/* c as above with whole pictures. Fills all but struct_size of out. DIPPER_ERROR_MEMORY, DIPPER_ERROR_CANCELLED. */
dipper_status dp_verdict_judge(const dp_case *c, bool second_opinions, dp_diag *diag, dipper_verdict *out);
/* Is a picture of that steepness, for which a PSF of that radius (px; NaN: not known) was found, sharp? */
bool dp_is_sharp(double steepness, double radius);
/* Steep enough for a sharp picture, if the PSF is small? NaN (not known): false. */
bool dp_may_be_sharp(double steepness);
/* dp_steepness of the part of a picture that shows its blur best. NaN: too small to tell,
 * or lit by lamps at night. DIPPER_ERROR_MEMORY. */
dipper_status dp_verdict_steepness(const dp_image *picture, double noise_sigma, dp_diag *diag, double *steepness);

#endif
