# The headers, find_package(chorus) and pkg-config. Nothing depends on the architecture, hence share/ and not lib/.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/chorus)

install(TARGETS chorus EXPORT chorusTargets
    FILE_SET HEADERS COMPONENT chorus_dev
    FILE_SET headers_with_needs COMPONENT chorus_dev)
install(EXPORT chorusTargets NAMESPACE chorus:: DESTINATION ${package_dir} COMPONENT chorus_dev)

configure_package_config_file(cmake/chorusConfig.cmake.in chorusConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(chorusConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/chorusConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/chorusConfigVersion.cmake
    cmake/chorusComponents.cmake
    src/chorus.cpp
    DESTINATION ${package_dir} COMPONENT chorus_dev)

configure_file(cmake/chorus.pc.in chorus.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/chorus.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig COMPONENT chorus_dev)
