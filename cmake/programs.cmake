# What is built around the core: the installed library, file handling, the command, examples, tests, benches.
# Each part is found by its files, so a new test or example is a new file and nothing else.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

option(BUILD_SHARED_LIBS "Install libdipper as a shared library" ON)

# ---- libdipper: the core, with nothing visible but dipper_* ----
if(BUILD_SHARED_LIBS)
  file(CONFIGURE OUTPUT libdipper.c CONTENT "/* Everything comes from dipper_core. */\n") # CMake wants one source
  add_library(dipper SHARED ${PROJECT_BINARY_DIR}/libdipper.c)
  set_target_properties(dipper PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_include_directories(dipper PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(dipper PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,dipper_core>)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    target_link_options(dipper PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/libdipper.map)
    set_target_properties(dipper PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libdipper.map)
  endif()
  set(dipper_installed dipper)
else()
  set_target_properties(dipper_core PROPERTIES OUTPUT_NAME dipper EXPORT_NAME dipper)
  add_library(dipper ALIAS dipper_core)
  set(dipper_installed dipper_core)
endif()
add_library(dipper::dipper ALIAS ${dipper_installed})

set(dipper_private_modules) # what a static libdipper needs from pkg-config
if(DIPPER_HAVE_FFTW)
  list(APPEND dipper_private_modules fftw3f)
endif()
list(JOIN dipper_private_modules " " dipper_private_modules)
set(dipper_private_libs "-lm ${OpenMP_C_FLAGS}")
if(DIPPER_HAVE_ONEDNN)
  string(APPEND dipper_private_libs " -ldnnl")
endif()

install(TARGETS ${dipper_installed} EXPORT dipper-targets)
install(DIRECTORY include/dipper DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(dipper_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dipper)
install(EXPORT dipper-targets NAMESPACE dipper:: DESTINATION ${dipper_cmake_dir})
configure_package_config_file(cmake/dipper-config.cmake.in ${PROJECT_BINARY_DIR}/dipper-config.cmake
  INSTALL_DESTINATION ${dipper_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dipper-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dipper-config.cmake ${PROJECT_BINARY_DIR}/dipper-config-version.cmake
  DESTINATION ${dipper_cmake_dir})
configure_file(cmake/dipper.pc.in ${PROJECT_BINARY_DIR}/dipper.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dipper.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- io: picture and PSF files; sees only the installed header ----
file(GLOB io_sources CONFIGURE_DEPENDS io/*.c)
add_library(dipper_outside INTERFACE) # what everything outside of the library compiles with
target_include_directories(dipper_outside INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(dipper_outside INTERFACE $<$<BOOL:${DIPPER_HAVE_VIPS}>:DIPPER_WITH_VIPS>
  $<$<BOOL:${DIPPER_HAVE_JANSSON}>:DIPPER_WITH_JANSSON> $<$<BOOL:${DIPPER_HAVE_XXHASH}>:DIPPER_WITH_XXHASH>)
target_link_libraries(dipper_outside INTERFACE dipper_warnings m)
if(DIPPER_HAVE_VIPS)
  target_link_libraries(dipper_outside INTERFACE PkgConfig::VIPS)
endif()
if(DIPPER_HAVE_JANSSON)
  target_link_libraries(dipper_outside INTERFACE PkgConfig::JANSSON)
endif()
if(io_sources)
  add_library(dipper_io STATIC ${io_sources})
  target_link_libraries(dipper_io PUBLIC dipper_outside)
  target_include_directories(dipper_io PUBLIC ${PROJECT_SOURCE_DIR}/include)
else()
  add_library(dipper_io INTERFACE)
  target_link_libraries(dipper_io INTERFACE dipper_outside)
endif()

# A program that sees the installed header and io only, from the sources given.
function(dipper_add_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE dipper_io dipper::dipper)
endfunction()

# A program that may look inside the core (tests, benches), put into that folder of the build.
function(dipper_add_inner_program target folder)
  add_executable(${target} ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE DP_TEST_DIR="${PROJECT_SOURCE_DIR}/tests"
    $<$<BOOL:${DIPPER_HAVE_ONEDNN}>:DP_WITH_ONEDNN> $<$<BOOL:${DIPPER_HAVE_FFTW}>:DP_WITH_FFTW>)
  target_link_libraries(${target} PRIVATE dipper_study dipper_io dipper_core)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
endfunction()

# ---- study: benchmarks and reports; sees the installed header and io ----
file(GLOB study_sources CONFIGURE_DEPENDS study/*.c)
add_library(dipper_study STATIC ${study_sources})
target_link_libraries(dipper_study PUBLIC dipper_io)
if(DIPPER_HAVE_XXHASH)
  target_link_libraries(dipper_study PRIVATE PkgConfig::XXHASH)
endif()

# ---- The command, and the same sweep for MPI ----
file(GLOB cli_sources CONFIGURE_DEPENDS cli/*.c)
list(FILTER cli_sources EXCLUDE REGEX "/main\\.c$")
add_library(dipper_cli STATIC ${cli_sources})
target_link_libraries(dipper_cli PUBLIC dipper_study dipper_io dipper::dipper)
file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

function(dipper_add_command target name)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE dipper_cli)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
  install(TARGETS ${target})
endfunction()

dipper_add_command(dipper-command dipper cli/main.c)
if(DIPPER_HAVE_MPI)
  file(GLOB mpi_sources CONFIGURE_DEPENDS cli/mpi/*.c)
  dipper_add_command(dipper-sweep-mpi dipper-sweep-mpi ${mpi_sources})
  target_link_libraries(dipper-sweep-mpi PRIVATE MPI::MPI_C)
endif()

# ---- Examples: examples/NAME.c or examples/NAME/*.c becomes dipper-NAME ----
option(DIPPER_EXAMPLES "Build the example programs" ON)
if(DIPPER_EXAMPLES)
  file(GLOB example_entries CONFIGURE_DEPENDS examples/*)
  foreach(entry IN LISTS example_entries)
    get_filename_component(name ${entry} NAME_WE)
    if(IS_DIRECTORY ${entry})
      file(GLOB sources CONFIGURE_DEPENDS ${entry}/*.c)
    elseif(entry MATCHES "\\.c$")
      set(sources ${entry})
    else()
      continue()
    endif()
    dipper_add_program(dipper-${name} ${sources})
    target_link_libraries(dipper-${name} PRIVATE dipper_study)
    set_target_properties(dipper-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  endforeach()
endif()

# ---- Benches: bench/NAME.c becomes bench/NAME in the build folder ----
option(DIPPER_BENCH "Build the benches" ON)
if(DIPPER_BENCH)
  file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.c)
  foreach(source IN LISTS bench_sources)
    get_filename_component(name ${source} NAME_WE)
    dipper_add_inner_program(bench-${name} bench ${source})
    set_target_properties(bench-${name} PROPERTIES OUTPUT_NAME ${name})
  endforeach()
endif()

include(CTest) # BUILD_TESTING
if(BUILD_TESTING)
  include(cmake/tests.cmake)
endif()
