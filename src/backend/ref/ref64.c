/* The reference kernels in double. */
#define real double
#define TABLE dp_ref_table64
#include "backend/ref/table.inc"
