# heed_add_kernels(NAME SOURCE variants.hpp [ISA x86-64 x86-64-v3 x86-64-v4] [INCLUDE DIR...] [OPTIONS --kernel attend=mine::out ...]
#                  [OUTPUT DIR])
#
# Makes a C library of the kernels that a header declares and exports (HEED_KERNEL), for one instruction set or several: of several
# the library takes at its first call the best that the processor runs. Gives the imported targets NAME (libNAME.so) and NAME_static
# (libNAME.a), which carry the directory of NAME.h; link one of them to what is written in C. ISA: x86-64, x86-64-v2, x86-64-v3,
# x86-64-v4, or native, this machine's (the default). A header that changes, of heed's as well, makes the library anew. OPTIONS are
# handed to heed-kernel; OUTPUT is where the files go (NAME.kernels in the binary directory).

# Kept for whichever directory calls: where the generator is (heedConfig.cmake sets it; a checkout has it beside this file), and
# what was found with heed.
if(NOT DEFINED HEED_KERNEL_PROGRAM)
  set(HEED_KERNEL_PROGRAM ${CMAKE_CURRENT_LIST_DIR}/../python/bin/heed-kernel)
endif()
cmake_path(ABSOLUTE_PATH HEED_KERNEL_PROGRAM NORMALIZE)
set_property(GLOBAL PROPERTY HEED_KERNEL_PROGRAM ${HEED_KERNEL_PROGRAM})
set_property(GLOBAL PROPERTY HEED_KERNEL_OPENMP ${OpenMP_CXX_LIBRARIES})
get_target_property(heed_kernel_boost Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
set_property(GLOBAL PROPERTY HEED_KERNEL_BOOST ${heed_kernel_boost})

function(heed_add_kernels name)
  cmake_parse_arguments(PARSE_ARGV 1 argument "" "SOURCE;OUTPUT" "ISA;INCLUDE;OPTIONS")
  if(NOT argument_SOURCE OR argument_UNPARSED_ARGUMENTS OR argument_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "heed_add_kernels(NAME SOURCE variants.hpp [ISA ...] [INCLUDE ...] [OPTIONS ...] [OUTPUT ...])")
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  get_property(program GLOBAL PROPERTY HEED_KERNEL_PROGRAM)
  set(source ${argument_SOURCE})
  cmake_path(ABSOLUTE_PATH source)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.kernels)
  if(argument_OUTPUT)
    set(folder ${argument_OUTPUT})
    cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  set(instruction_sets ${argument_ISA})
  if(NOT instruction_sets)
    set(instruction_sets native)
  endif()
  list(JOIN instruction_sets "," instruction_sets)

  set(includes ${argument_INCLUDE})
  get_property(boost_directories GLOBAL PROPERTY HEED_KERNEL_BOOST)
  foreach(directory IN LISTS boost_directories)
    if(directory AND NOT directory IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
      list(APPEND includes ${directory})
    endif()
  endforeach()
  list(TRANSFORM includes PREPEND --include=)

  set(made ${folder}/lib${name}.so ${folder}/lib${name}.a ${folder}/${name}.h ${folder}/${name}.pc)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${made}
                     COMMAND ${Python3_EXECUTABLE} ${program} ${source} --name ${name} --out ${folder} --isa ${instruction_sets}
                             --compiler ${CMAKE_CXX_COMPILER} --depfile ${folder}/${name}.d ${includes} ${argument_OPTIONS}
                     DEPENDS ${source} ${program} DEPFILE ${folder}/${name}.d VERBATIM
                     COMMENT "Making kernels of ${argument_SOURCE} for ${instruction_sets}")
  add_custom_target(${name}_kernels DEPENDS ${made})

  foreach(kind IN ITEMS SHARED STATIC)
    set(target ${name})
    set(file ${folder}/lib${name}.so)
    if(kind STREQUAL "STATIC")
      set(target ${name}_static)
      set(file ${folder}/lib${name}.a)
    endif()
    add_library(${target} ${kind} IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${file} INTERFACE_INCLUDE_DIRECTORIES ${folder})
    add_dependencies(${target} ${name}_kernels)
  endforeach()
  set_target_properties(${name} PROPERTIES IMPORTED_SONAME lib${name}.so)
  # What the objects in the static library call: a program in C that links it needs nothing else.
  get_property(openmp GLOBAL PROPERTY HEED_KERNEL_OPENMP)
  target_link_libraries(${name}_static INTERFACE ${openmp} stdc++ m pthread)
endfunction()
