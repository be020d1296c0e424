# SPDX-License-Identifier: Apache-2.0
# The part of the project that a worker needs, for the headers in CTS_SUT_INCLUDE and perhaps the
# static library CTS_SUT_LIBRARY. Called by harness/tools/sysroot.py.
set(CTS_SUT_LIBRARY "" CACHE FILEPATH "Static library under test, linked into the worker")
set(CTS_CHECK_ROOT "" CACHE PATH "Where Check for the target may lie: include/check.h, lib/libcheck*.a")

add_library(kos_ipc_headers INTERFACE)
# As system headers: their warnings are not ours.
target_include_directories(kos_ipc_headers SYSTEM INTERFACE ${CTS_SUT_INCLUDE})

# Check beside the library under test comes first: that of this machine may be for another one.
find_library(CTS_CHECK_LIBRARY NAMES check_pic check PATHS ${CTS_CHECK_ROOT}/lib
             NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
if(CTS_CHECK_LIBRARY)
    find_library(CTS_SUBUNIT_LIBRARY NAMES subunit PATHS ${CTS_CHECK_ROOT}/lib
                 NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    add_library(PkgConfig::CHECK INTERFACE IMPORTED)
    target_include_directories(PkgConfig::CHECK SYSTEM INTERFACE ${CTS_CHECK_ROOT}/include)
    target_link_libraries(PkgConfig::CHECK INTERFACE ${CTS_CHECK_LIBRARY}
                          $<$<BOOL:${CTS_SUBUNIT_LIBRARY}>:${CTS_SUBUNIT_LIBRARY}> rt m)
else()
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check>=0.15)
endif()

add_subdirectory(conformance)
add_subdirectory(harness/src/worker)
add_subdirectory(harness/adapters/reference)
