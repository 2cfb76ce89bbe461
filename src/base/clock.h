/* Monotonic time. */
#ifndef DP_BASE_CLOCK_H
#define DP_BASE_CLOCK_H

double dp_seconds(void); /* seconds since an arbitrary fixed point */

#endif
