# SPDX-License-Identifier: Apache-2.0
# The suite itself as tests of ctest, by area, against the reference: what a user's project gets from
# find_package(ipc-cts).
option(CTS_SUITE_TESTS "Register the suite with ctest: ctest -L ipc-cts" OFF)
if(CTS_SUITE_TESTS)
    include(${CMAKE_CURRENT_LIST_DIR}/ipc-cts-tests.cmake)
    add_executable(ipc-cts::ipc-cts ALIAS ipc-cts)
    set(areas "")
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/conformance/requirements/*.yaml)
    foreach(file IN LISTS files)
        get_filename_component(area ${file} NAME_WE)
        string(TOUPPER ${area} area)
        list(APPEND areas ${area})
    endforeach()
    list(REMOVE_ITEM areas EDITIONS REVIEWS)
    ipc_cts_add_tests(kos_ipc ADAPTER reference-adapter PREFIX suite AREAS ${areas})
endif()
