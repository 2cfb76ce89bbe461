add_library(dipper_warnings INTERFACE)
foreach(option -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla)
  target_compile_options(dipper_warnings INTERFACE $<$<COMPILE_LANGUAGE:C>:${option}>)
endforeach()
option(DIPPER_WERROR "Warnings are errors" OFF)
if(DIPPER_WERROR)
  target_compile_options(dipper_warnings INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
target_compile_options(dipper_warnings INTERFACE
  $<$<COMPILE_LANG_AND_ID:C,Clang,AppleClang>:-Wno-pass-failed>) # omp simd under a sanitizer is not vectorised, and need not be
