add_library(dipper_warnings INTERFACE)
target_compile_options(dipper_warnings INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wwrite-strings -Wvla)
option(DIPPER_WERROR "Warnings are errors" OFF)
if(DIPPER_WERROR)
  target_compile_options(dipper_warnings INTERFACE -Werror)
endif()
target_compile_options(dipper_warnings INTERFACE
  $<$<C_COMPILER_ID:Clang,AppleClang>:-Wno-pass-failed>) # omp simd under a sanitizer is not vectorised, and need not be
