# Tests, found by their files. Exit code 77 means skipped, and is reported so.
#   tests/test_NAME.c   cmocka program that may look inside the core; NAME_vips, NAME_fft ... need that library
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
  foreach(pair VIPS:vips JANSSON:jansson XXHASH:xxhash FFTW:fft ONEDNN:dnnl)
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
    dipper_add_test(${name} unit ${target})
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
