# SPDX-License-Identifier: MIT
# What `cmake --install` gives: the CLI, the public headers, one archive for all but GDAL and one with it, a CMake package
# (Tessera::Tessera, Tessera::Image) and pkg-config files (tessera, tessera-image). tests/consumer uses them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

function(tessera_archive name export_name)
  set(objects)
  foreach(folder ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:tessera_${folder}>)
  endforeach()
  add_library(${name}_archive STATIC ${objects})
  set_target_properties(${name}_archive PROPERTIES
    OUTPUT_NAME ${name} EXPORT_NAME ${export_name} LINKER_LANGUAGE CXX
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/lib)
  target_compile_features(${name}_archive INTERFACE cxx_std_23)
  target_include_directories(${name}_archive INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

tessera_archive(tessera Tessera base tensor formats ir xnnpack ops passes quantize runtime models compile tiling compare)
target_link_libraries(tessera_archive INTERFACE XNNPACK cpuinfo pthreadpool zip xxhash Threads::Threads)
tessera_archive(tessera_image Image image)
target_link_libraries(tessera_image_archive INTERFACE tessera_archive GDAL::GDAL)

install(TARGETS tessera RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/tessera DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS tessera_archive EXPORT TesseraTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS tessera_image_archive EXPORT TesseraImageTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Tessera)
install(EXPORT TesseraTargets NAMESPACE Tessera:: DESTINATION ${package})
install(EXPORT TesseraImageTargets NAMESPACE Tessera:: DESTINATION ${package})
configure_package_config_file(cmake/TesseraConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/TesseraConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/TesseraConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/TesseraConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/TesseraConfigVersion.cmake DESTINATION ${package})

foreach(module tessera tessera-image)
  configure_file(cmake/${module}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
