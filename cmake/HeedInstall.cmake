# Headers, the CMake package and the generator of C libraries: afterwards `find_package(heed)` gives heed::heed and
# heed_add_kernels, and bin/ holds heed-kernel and heed-run.
include(CMakePackageConfigHelpers)

set(heed_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
install(TARGETS heed EXPORT heedTargets FILE_SET HEADERS)
install(EXPORT heedTargets NAMESPACE heed:: DESTINATION ${heed_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/heedConfig.cmake.in ${PROJECT_BINARY_DIR}/heedConfig.cmake
                              INSTALL_DESTINATION ${heed_package_dir} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heedConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/heedConfig.cmake ${PROJECT_BINARY_DIR}/heedConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/HeedKernels.cmake
        DESTINATION ${heed_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/heed)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/heed DESTINATION ${CMAKE_INSTALL_DATADIR}/heed/python FILES_MATCHING PATTERN "*.py")
install(PROGRAMS ${PROJECT_SOURCE_DIR}/python/bin/heed-kernel ${PROJECT_SOURCE_DIR}/python/bin/heed-run
        DESTINATION ${CMAKE_INSTALL_BINDIR})
