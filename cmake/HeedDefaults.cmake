# What a build of heed itself gets where nobody chose: an optimised build, and ccache if the machine has it.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
  endif()
  if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(HEED_CCACHE ccache)
    if(HEED_CCACHE)
      # What tests take from a precompiled header may be cached too.
      set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${HEED_CCACHE})
    endif()
  endif()
endif()
