/* Time of a 2-D transform of a square plane, one thread, least of many (microseconds): Dipper's, and FFTW's own 2-D
 * plan, estimated and timed, in turns; for all sizes that are multiples of 8 without prime factors above 7. As CSV.
 * usage: fourier [LARGEST_SIDE] >bench/results/fourier.csv */
#include <stdio.h>
#include <stdlib.h>

#if defined(DP_WITH_FFTW)
#include <fftw3.h>
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fourier/fourier.h"

enum { ROUNDS = 30, KINDS = 3, FIRST = 40 };

static int is_smooth(int n) {
    for (int f = 2; f <= 7; f++)
        while (n % f == 0) n /= f;
    return n == 1;
}

static int measure(int n) {
    const size_t count = (size_t)n * (size_t)n;
    dp_fft *f = NULL;
    if (dp_fft_create(n, n, 1, NULL, &f) != DIPPER_OK) return 1;
    float *plane = dp_alloc(count, sizeof *plane);
    float complex *spectrum = dp_alloc(f->size, sizeof *spectrum);
    if (plane == NULL || spectrum == NULL) return 1;
    fftwf_complex *out = (fftwf_complex *)spectrum;
    const fftwf_plan estimated = fftwf_plan_dft_r2c_2d(n, n, plane, out, FFTW_ESTIMATE);
    const fftwf_plan timed = fftwf_plan_dft_r2c_2d(n, n, plane, out, FFTW_MEASURE);
    double best[KINDS] = {1, 1, 1};
    for (size_t i = 0; i < count; i++) plane[i] = (float)(i % 101) / 101;
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < KINDS; k++) {
            const double begun = dp_seconds();
            if (k == 0)
                dp_fft_forward(f, plane, spectrum);
            else
                fftwf_execute(k == 1 ? estimated : timed);
            best[k] = fmin(best[k], dp_seconds() - begun);
        }
    printf("%d,%d,%.1f,%.1f,%.1f\n", n, dp_fft_good_size(n) == n, 1e6 * best[0], 1e6 * best[1], 1e6 * best[2]);
    fftwf_destroy_plan(estimated);
    fftwf_destroy_plan(timed);
    fftwf_forget_wisdom(); /* or the next estimate would use it */
    dp_free(plane);
    dp_free(spectrum);
    dp_fft_destroy(&f);
    return 0;
}

int main(int argc, char **argv) {
    const int largest = argc > 1 ? atoi(argv[1]) : 1600;
    printf("side,good,dipper_us,fftw_estimate_us,fftw_measure_us\n");
    for (int n = FIRST; n <= largest; n += 8)
        if (is_smooth(n) && measure(n) != 0) return 1;
    return 0;
}
#else
int main(void) {
    fprintf(stderr, "fourier: this build has no FFTW\n");
    return EXIT_FAILURE;
}
#endif
