# How heed's own programs (tests, examples, benchmarks) are compiled: the library, warnings, vectors.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)  # there are none, and clang would need one more tool
add_library(heed_program INTERFACE)
target_link_libraries(heed_program INTERFACE heed::heed)
target_compile_options(heed_program INTERFACE -Wall -Wextra -Wpedantic -Wno-psabi
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false alarms of g++ 12 in std::string
                       # Its collector looks through all that it holds again and again, up to an eighth of the time.
                       $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=1000000>
                       $<$<BOOL:${HEED_WARNINGS_AS_ERRORS}>:-Werror>)

# The same flags as a list, for tests that call the compiler themselves (rejected programs, headers alone, ...); optimised, for
# heed remarks upon a compilation that is not.
set(HEED_LANGUAGE_FLAGS -std=c++20 -O1 ${OpenMP_CXX_FLAGS} -I${PROJECT_SOURCE_DIR}/include)
get_target_property(heed_boost_directories Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
foreach(directory IN LISTS heed_boost_directories CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES)
  # -isystem on a directory that the compiler searches anyway breaks `#include_next` in libstdc++.
  if(directory AND NOT directory IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    list(APPEND HEED_LANGUAGE_FLAGS -isystem ${directory})
  endif()
endforeach()
if(HEED_ARCH)
  target_compile_options(heed_program INTERFACE -march=${HEED_ARCH})
  list(APPEND HEED_LANGUAGE_FLAGS -march=${HEED_ARCH})
endif()
separate_arguments(heed_user_flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
list(APPEND HEED_LANGUAGE_FLAGS ${heed_user_flags})
