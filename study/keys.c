/* The table of a result's keys. SPDX-License-Identifier: Apache-2.0 */
#include "study/keys.h"

#include "study/result.h"

#define ROW(kind, name, member)                                                                                        \
    { name, kind, offsetof(study_result, member), sizeof((study_result *)0)->member, 0 }
#define TEXT(member) ROW(KEY_TEXT, #member, member)
#define FILE_NAME(member) ROW(KEY_FILE, #member, member)
#define INT(member) ROW(KEY_INT, #member, member)
#define REAL(member) ROW(KEY_REAL, #member, member)
#define QUALITY(member) ROW(KEY_REAL, #member, quality.member)

/* New keys go to the end, so that columns of the CSV stay where they are. */
const study_key study_keys[] = {
    TEXT(suite),
    TEXT(method),
    TEXT(settings),
    TEXT(psf_told),
    ROW(KEY_TEXT, "case", name),
    ROW(KEY_U64, "seed", seed),
    TEXT(picture),
    TEXT(kernel),
    INT(psf_width),
    INT(psf_height),
    INT(failed),
    REAL(psnr_blurred_db),
    REAL(psnr_db),
    REAL(ssim),
    REAL(isnr_db),
    REAL(psnr_nb_db),
    REAL(shift_x),
    REAL(shift_y),
    REAL(oracle_psnr_db),
    REAL(error_ratio),
    REAL(spectral_ratio),
    REAL(psf_correlation),
    REAL(psf_squared_error),
    QUALITY(gradient_l1_l2),
    QUALITY(total_variation),
    QUALITY(residual_rms),
    QUALITY(residual_whiteness),
    QUALITY(psf_entropy),
    QUALITY(psf_border_mass),
    TEXT(protocol),
    INT(crop),
    INT(range),
    INT(channel),
    INT(clip),
    REAL(seconds),
    REAL(memory_bytes),
    INT(threads),
    TEXT(device),
    ROW(KEY_TEXT, "dipper", version),
    TEXT(id),
    TEXT(message),
    FILE_NAME(blurred_file),
    FILE_NAME(truth_file),
    FILE_NAME(true_psf_file),
    FILE_NAME(result_file),
    FILE_NAME(psf_npy_file),
    FILE_NAME(psf_png_file),
    INT(true_psf_rotated),
    {"verdict", KEY_TEXT, offsetof(study_result, verdict), sizeof((study_result *)0)->verdict, 1},
    {"failure_probability", KEY_REAL, offsetof(study_result, failure_probability), sizeof(double), 1},
};
const int study_key_count = sizeof study_keys / sizeof *study_keys;
