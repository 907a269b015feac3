# Configures, builds and runs the consumer in WORK, which gets heed by WAY: find_package (from a fresh installation, made as
# README.md says) or add_subdirectory (of HEED_SOURCE). A header of the consumer's that changes makes its C library anew.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(COPY ${CONSUMER}/ DESTINATION ${WORK}/consumer)

if(WAY STREQUAL "find_package")
  execute_process(COMMAND ${CMAKE_COMMAND} --preset headers -B ${WORK}/headers -DCMAKE_CXX_COMPILER=${COMPILER}
                  WORKING_DIRECTORY ${HEED_SOURCE} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${WORK}/headers --prefix ${WORK}/prefix COMMAND_ERROR_IS_FATAL ANY)
  foreach(file IN ITEMS include/heed/heed.hpp include/heed/run/team.hpp share/heed/LICENSE bin/heed-kernel
               share/heed/python/heed/build.py)
    if(NOT EXISTS ${WORK}/prefix/${file})
      message(FATAL_ERROR "not installed: ${file}")
    endif()
  endforeach()
  set(where -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  set(where -DHEED_SOURCE=${HEED_SOURCE})
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/consumer -B ${WORK}/build -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release
                        -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}" ${where}
                COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE said ERROR_VARIABLE complained ECHO_OUTPUT_VARIABLE
                ECHO_ERROR_VARIABLE)
if(complained MATCHES "Warning")
  message(FATAL_ERROR "configuring the consumer must not warn")
endif()
foreach(factor IN ITEMS 2 4)
  file(WRITE ${WORK}/consumer/factor.hpp "constexpr int factor = ${factor};\n")
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build COMMAND_ERROR_IS_FATAL ANY)
  math(EXPR weight "${factor} / 2")  # of two equal weights
  foreach(program IN ITEMS c_kernels c_kernels_static)
    execute_process(COMMAND ${WORK}/build/${program} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE said)
    if(NOT said STREQUAL "weight ${weight}\n")
      message(FATAL_ERROR "${program} with a factor of ${factor} says: ${said}")
    endif()
  endforeach()
endforeach()
execute_process(COMMAND ${WORK}/build/consumer COMMAND_ERROR_IS_FATAL ANY)
