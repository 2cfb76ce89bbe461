# The CUDA back end: DIPPER_CUDA AUTO builds it where a CUDA compiler and cuDNN 9.8 or later are found, in the system's
# places, in the toolkit's, or inside Python packages (nvidia/cudnn, as PyTorch brings it).
set(DIPPER_HAVE_CUDA OFF)
set(CMAKE_CUDA_ARCHITECTURES 80;90 CACHE STRING "GPU architectures to compile for")
if(NOT DIPPER_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  find_package(CUDAToolkit QUIET)
  if(NOT CUDNN_ROOT)
    find_program(DIPPER_PYTHON NAMES python3)
    if(DIPPER_PYTHON)
      execute_process(COMMAND ${DIPPER_PYTHON} -c "import nvidia.cudnn as c; print(list(c.__path__)[0])"
        OUTPUT_VARIABLE dipper_python_cudnn OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
  find_path(CUDNN_INCLUDE_DIR cudnn_graph.h HINTS ${CUDNN_ROOT}/include ${CUDAToolkit_INCLUDE_DIRS}
    ${dipper_python_cudnn}/include)
  find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDNN_ROOT}/lib ${CUDAToolkit_LIBRARY_DIR}
    ${dipper_python_cudnn}/lib)
  mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY DIPPER_PYTHON)
  set(dipper_cudnn_version 0)
  if(EXISTS ${CUDNN_INCLUDE_DIR}/cudnn_version.h)
    file(READ ${CUDNN_INCLUDE_DIR}/cudnn_version.h dipper_header)
    if(dipper_header MATCHES "define CUDNN_MAJOR ([0-9]+).*define CUDNN_MINOR ([0-9]+)")
      set(dipper_cudnn_version ${CMAKE_MATCH_1}.${CMAKE_MATCH_2})
    endif()
  endif()
  if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND AND CUDNN_LIBRARY AND dipper_cudnn_version VERSION_GREATER_EQUAL 9.8)
    set(DIPPER_HAVE_CUDA ON)
    set(CMAKE_CUDA_STANDARD 17)
    enable_language(CUDA)
  elseif(DIPPER_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DIPPER_CUDA=ON, but it lacks: a CUDA compiler (${CMAKE_CUDA_COMPILER}), the CUDA toolkit "
      "(${CUDAToolkit_FOUND}), cuDNN 9.8 or later (${CUDNN_INCLUDE_DIR}/cudnn_version.h says ${dipper_cudnn_version}) or "
      "libcudnn (${CUDNN_LIBRARY}). CUDNN_ROOT names a folder with include/ and lib/")
  endif()
endif()

# Adds the back end to dipper_core.
function(dipper_add_cuda)
  file(GLOB cuda_sources CONFIGURE_DEPENDS src/backend/cuda/*.c src/backend/cuda/*.cu)
  target_sources(dipper_core PRIVATE ${cuda_sources})
  target_include_directories(dipper_core SYSTEM PRIVATE ${CUDNN_INCLUDE_DIR} ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_definitions(dipper_core PRIVATE DP_WITH_CUDA)
  target_compile_options(dipper_core PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${DIPPER_WERROR}>>:-Werror=all-warnings>")
  target_link_libraries(dipper_core PUBLIC CUDA::cudart_static ${CUDNN_LIBRARY})
endfunction()
