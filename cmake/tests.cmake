# Tests, found by their files. Exit code 77 means skipped, and is reported so.
#   tests/test_NAME.c   cmocka program that may look inside the core; NAME_vips, NAME_fft, NAME_cudnn ... need that library
#   tests/checkop*.c    one program, checkop: every op on every back end
#   tests/cli/*.sh      runs the command ($DIPPER); tests/cli/*.c are its helper programs ($DIPPER_HELPERS/NAME)
#   tools/check_*.sh    rules of the house that a build can break
set(DIPPER_TEST_DATA ${PROJECT_SOURCE_DIR}/../shared/data CACHE PATH "Pictures of others that some tests use if there")
set(test_environment DIPPER_TEST_DATA=${DIPPER_TEST_DATA}
  LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0)

dipper_option(CMOCKA "cmocka: the unit tests")
dipper_find_pkg(CMOCKA cmocka)
if(NOT DIPPER_HAVE_CMOCKA)
  message(WARNING "cmocka not found (Debian: libcmocka-dev): the unit tests are NOT built")
endif()

# dipper_add_test(NAME LABEL COMMAND...)
function(dipper_add_test name label)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT "${test_environment}")
endfunction()

# Leaves out sources that end in _vips.c and so on when that library is not in this build.
function(dipper_drop_absent list)
  set(sources ${${list}})
  foreach(pair VIPS:vips JANSSON:jansson XXHASH:xxhash FFTW:fft ONEDNN:dnnl CUDA:cudnn)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 option)
    list(GET pair 1 suffix)
    if(NOT DIPPER_HAVE_${option})
      list(FILTER sources EXCLUDE REGEX "_${suffix}\\.c$")
    endif()
  endforeach()
  set(${list} ${sources} PARENT_SCOPE)
endfunction()

# ---- Unit tests ----
if(DIPPER_HAVE_CMOCKA)
  file(GLOB unit_sources CONFIGURE_DEPENDS tests/test_*.c)
  dipper_drop_absent(unit_sources)
  foreach(source IN LISTS unit_sources)
    get_filename_component(target ${source} NAME_WE)
    string(REPLACE "test_" "" name ${target})
    dipper_add_inner_program(${target} tests ${source})
    target_link_libraries(${target} PRIVATE PkgConfig::CMOCKA)
    set(label unit)
    if(name MATCHES "_cudnn$")
      set(label gpu)
      target_include_directories(${target} SYSTEM PRIVATE ${CUDNN_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
    endif()
    dipper_add_test(${name} ${label} ${target})
  endforeach()
endif()

# ---- checkop ----
file(GLOB checkop_sources CONFIGURE_DEPENDS tests/checkop*.c)
if(checkop_sources)
  dipper_add_inner_program(checkop tests ${checkop_sources})
  set(checkop_backends ref cpu)
  if(DIPPER_HAVE_ONEDNN)
    list(APPEND checkop_backends onednn)
  endif()
  foreach(backend IN LISTS checkop_backends)
    foreach(mode check grad adjoint bitwise)
      dipper_add_test(checkop-${mode}-${backend} checkop checkop ${mode} ${backend})
    endforeach()
  endforeach()
  if(DIPPER_HAVE_CUDA) # without a GPU: skipped
    foreach(precision f32 tf32 bf16)
      foreach(mode check grad adjoint bitwise)
        dipper_add_test(checkop-${mode}-cuda-${precision} gpu checkop ${mode} cuda/${precision})
      endforeach()
    endforeach()
  endif()
endif()

# ---- The command ----
if(TARGET dipper-command)
  file(GLOB helper_sources CONFIGURE_DEPENDS tests/cli/*.c)
  foreach(source IN LISTS helper_sources)
    get_filename_component(name ${source} NAME_WE)
    dipper_add_program(cli-${name} ${source})
    set_target_properties(cli-${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/cli)
  endforeach()
  set(test_environment ${test_environment} DIPPER=$<TARGET_FILE:dipper-command>
    DIPPER_HELPERS=${PROJECT_BINARY_DIR}/tests/cli DIPPER_BUILD=${PROJECT_BINARY_DIR}
    DIPPER_HAVE_VIPS=${DIPPER_HAVE_VIPS} DIPPER_HAVE_JANSSON=${DIPPER_HAVE_JANSSON}
    DIPPER_HAVE_XXHASH=${DIPPER_HAVE_XXHASH} DIPPER_HAVE_MPI=${DIPPER_HAVE_MPI})
  file(GLOB cli_tests CONFIGURE_DEPENDS tests/cli/*.sh)
  foreach(script IN LISTS cli_tests)
    get_filename_component(name ${script} NAME_WE)
    if(NOT name MATCHES "^(lib|common)") # pieces that the scripts share
      dipper_add_test(cli-${name} cli sh ${script})
    endif()
  endforeach()
endif()

# ---- The house ----
dipper_add_test(house-includes house sh ${PROJECT_SOURCE_DIR}/tools/check_includes.sh)
dipper_add_test(house-sizes house sh ${PROJECT_SOURCE_DIR}/tools/check_sizes.sh)
dipper_add_test(house-manual house sh ${PROJECT_SOURCE_DIR}/tools/manual_fields.sh --check)
dipper_add_test(house-header house sh ${PROJECT_SOURCE_DIR}/tools/check_header.sh ${CMAKE_C_COMPILER})
if(BUILD_SHARED_LIBS)
  dipper_add_test(house-exports house sh ${PROJECT_SOURCE_DIR}/tools/check_exports.sh $<TARGET_FILE:dipper>)
endif()
if(NOT CMAKE_C_FLAGS MATCHES "sanitize") # a sanitized library does not load into an ordinary program
  dipper_add_test(house-install house sh ${PROJECT_SOURCE_DIR}/tools/check_install.sh ${PROJECT_BINARY_DIR}
    ${CMAKE_C_COMPILER})
endif()

# ---- The CUDA back end without a GPU: its kernels, run by an emulator on the CPU (tests/emulate) ----
option(DIPPER_EMULATE_CUDA "Prove the CUDA kernels in an emulator" ON)
# Not beside the real one: a source has one language per folder.
if(DIPPER_EMULATE_CUDA AND checkop_sources AND NOT DIPPER_HAVE_CUDA)
  enable_language(CXX)
  file(GLOB emulator_sources CONFIGURE_DEPENDS tests/emulate/*.cpp)
  file(GLOB kernel_sources CONFIGURE_DEPENDS src/backend/cuda/*.cu)
  file(GLOB cuda_host_sources CONFIGURE_DEPENDS src/backend/cuda/*.c)
  list(FILTER cuda_host_sources EXCLUDE REGEX "_cudnn\\.c$")
  set_source_files_properties(${kernel_sources} PROPERTIES LANGUAGE CXX)
  add_library(dipper_core_emulated STATIC ${core_sources} ${cpu_sources} ${cuda_host_sources} ${kernel_sources}
    ${emulator_sources} $<TARGET_OBJECTS:dipper_simd_base>)
  target_include_directories(dipper_core_emulated BEFORE PRIVATE tests/emulate include src)
  target_compile_definitions(dipper_core_emulated PRIVATE DP_WITH_CUDA
    $<$<BOOL:${DIPPER_HAVE_ONEDNN}>:DP_WITH_ONEDNN> $<$<BOOL:${DIPPER_HAVE_FFTW}>:DP_WITH_FFTW>)
  target_compile_options(dipper_core_emulated PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-xc++;-O2;-fno-strict-aliasing;-Wall;-Wextra;-Wno-unknown-pragmas>")
  set_target_properties(dipper_core_emulated PROPERTIES CXX_STANDARD 17)
  target_link_libraries(dipper_core_emulated PUBLIC OpenMP::OpenMP_C m)
  if(DIPPER_HAVE_ONEDNN)
    target_include_directories(dipper_core_emulated PRIVATE ${ONEDNN_INCLUDE_DIR})
    target_link_libraries(dipper_core_emulated PRIVATE ${ONEDNN_LIBRARY})
  endif()
  if(DIPPER_HAVE_FFTW)
    target_link_libraries(dipper_core_emulated PRIVATE PkgConfig::FFTW)
  endif()

  # dipper_add_emulated(NAME SOURCES...)
  function(dipper_add_emulated name)
    add_executable(${name} ${ARGN})
    target_include_directories(${name} PRIVATE src include tests)
    target_compile_definitions(${name} PRIVATE DP_TEST_DIR="${PROJECT_SOURCE_DIR}/tests" DP_EMULATED
      $<$<BOOL:${DIPPER_HAVE_ONEDNN}>:DP_WITH_ONEDNN> $<$<BOOL:${DIPPER_HAVE_FFTW}>:DP_WITH_FFTW>)
    target_link_libraries(${name} PRIVATE dipper_core_emulated dipper_warnings)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests LINKER_LANGUAGE CXX)
  endfunction()

  dipper_add_emulated(checkop_emulated ${checkop_sources})
  foreach(mode check adjoint)
    dipper_add_test(emulated-${mode} emulated checkop_emulated ${mode} cuda/f32)
  endforeach()
  dipper_add_test(emulated-check-reverse emulated checkop_emulated check cuda/f32)
  set_property(TEST emulated-check-reverse APPEND PROPERTY ENVIRONMENT EMULATE_ORDER=reverse)
  if(DIPPER_HAVE_CMOCKA) # whole graphs and solvers
    foreach(name device graph loss golden recipes) # test_solver passes too, but takes minutes
      dipper_add_emulated(test_${name}_emulated tests/test_${name}.c)
      target_link_libraries(test_${name}_emulated PRIVATE PkgConfig::CMOCKA)
      dipper_add_test(emulated-${name} emulated test_${name}_emulated)
      dipper_add_test(emulated-${name}-reverse emulated test_${name}_emulated)
      set_property(TEST emulated-${name} emulated-${name}-reverse APPEND PROPERTY ENVIRONMENT
        DIPPER_TEST_DEVICE=cuda/f32)
      set_property(TEST emulated-${name}-reverse APPEND PROPERTY ENVIRONMENT EMULATE_ORDER=reverse)
    endforeach()
  endif()
endif()
