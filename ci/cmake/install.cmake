# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and the Debian package that CPack makes of it. The command finds
# everything from its own place (harness/src/supervisor/places.c), so the tree can be moved.
#   bin/ipc-cts                  the command
#   lib/ipc-cts/                 worker, reference library and its adapter
#   lib/cmake/ipc-cts/           find_package(ipc-cts)
#   include/ipc-cts/             the reference's SDK headers; cts/adapter.h for adapters
#   share/ipc-cts/               parts of this tree as they lie here: ctsreport, schemas, and the
#                                sources from which --sysroot builds a worker
#   share/ipc-cts/REVISION       the commit, and whether the tree was as committed
#   share/doc/ipc-cts/           licence, documents, pipeline templates
include(CMakePackageConfigHelpers)

set(ours lib/ipc-cts)
set(data share/ipc-cts)
install(TARGETS ipc-cts RUNTIME DESTINATION bin)
install(TARGETS cts-worker RUNTIME DESTINATION ${ours})
install(TARGETS kos_ipc reference-adapter LIBRARY DESTINATION ${ours} NAMELINK_SKIP)

install(DIRECTORY reference-impl/include/ DESTINATION include/ipc-cts)
install(FILES harness/include/cts/adapter.h harness/include/cts/extent.h DESTINATION include/ipc-cts/cts)

install(DIRECTORY reports/ctsreport DESTINATION ${data}/reports
        PATTERN __pycache__ EXCLUDE)
install(DIRECTORY reports/schema DESTINATION ${data}/reports)
install(FILES harness/selftest/KILL-MATRIX.md harness/selftest/SOAK.md DESTINATION ${data}/harness/selftest)
install(FILES harness/selftest/generated/SCORE.md DESTINATION ${data}/harness/selftest/generated)

# The sources of the worker, as harness/tools/sysroot.py names them.
install(PROGRAMS harness/tools/sysroot.py DESTINATION ${data}/harness/tools)
install(FILES CMakeLists.txt DESTINATION ${data})
install(DIRECTORY ci/cmake DESTINATION ${data}/ci)
install(FILES conformance/CMakeLists.txt DESTINATION ${data}/conformance)
install(DIRECTORY conformance/cases conformance/model DESTINATION ${data}/conformance
        FILES_MATCHING PATTERN *.[ch] PATTERN CMakeLists.txt
        PATTERN spin EXCLUDE PATTERN tests EXCLUDE)
install(DIRECTORY harness/include harness/adapters DESTINATION ${data}/harness)
install(DIRECTORY harness/src/worker DESTINATION ${data}/harness/src)

# Evidence names a commit of the suite, and an installed tree has no git.
install(CODE "
    set(root [[${PROJECT_SOURCE_DIR}]])
    set(git git -c safe.directory=\${root} -C \${root})
    execute_process(COMMAND \${git} rev-parse HEAD OUTPUT_VARIABLE commit RESULT_VARIABLE bad
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND \${git} status --porcelain OUTPUT_VARIABLE changes RESULT_VARIABLE worse
                    ERROR_QUIET)
    set(tree clean)
    if(bad OR worse)
        set(commit unknown)
    elseif(NOT changes STREQUAL \"\")
        set(tree changed)
    endif()
    set(directory \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${data}\")
    file(MAKE_DIRECTORY \"\${directory}\")
    file(WRITE \"\${directory}/REVISION\" \"commit \${commit}\\ntree \${tree}\\n\")
")

configure_package_config_file(ci/cmake/ipc-cts-config.cmake.in ipc-cts-config.cmake
                              INSTALL_DESTINATION lib/cmake/ipc-cts
                              NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(ipc-cts-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ipc-cts-config.cmake
              ${PROJECT_BINARY_DIR}/ipc-cts-config-version.cmake
              ci/cmake/ipc-cts-tests.cmake
        DESTINATION lib/cmake/ipc-cts)

install(FILES README.md DESTINATION share/doc/ipc-cts)
install(DIRECTORY ci/templates DESTINATION share/doc/ipc-cts)
install(FILES LICENSE DESTINATION share/doc/ipc-cts RENAME copyright)
install(FILES reports/README.md DESTINATION share/doc/ipc-cts RENAME reports.md)

set(CPACK_PACKAGE_NAME ipc-cts)
set(CPACK_PACKAGE_VENDOR "ipc-cts")
set(CPACK_PACKAGE_CONTACT "the maintainers of ipc-cts <ipc-cts@example.invalid>")
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "python3 (>= 3.11), python3-jinja2, python3-jsonschema, python3-lxml, python3-yaml, libc-bin, openssl")
# Some cases compile the headers, and a worker for a sysroot is built. Without a compiler those cases are
# skipped, with the reason.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gcc, g++")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "cmake, ninja-build, pkg-config, check, lcov, weasyprint")
include(CPack)
