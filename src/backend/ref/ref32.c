/* The reference kernels in float. */
#define real float
#define TABLE dp_ref_table32
#include "backend/ref/table.inc"
