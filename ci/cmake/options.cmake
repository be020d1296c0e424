# SPDX-License-Identifier: Apache-2.0
# What a build can be asked for, as INTERFACE targets that every target of ours links.
option(CTS_WERROR "Treat warnings as errors (CI does; a user's newer compiler should not fail)" OFF)
option(CTS_COVERAGE "Instrument for gcov" OFF)
option(CTS_THREAD_SAFETY "Clang thread-safety analysis as errors" OFF)
option(CTS_MODEL_PROOF "Compare the model with its enumerator at length, and with each of its seeded faults" OFF)
option(CTS_VARIANTS "More conforming libraries, on which the self-test runs the suite" ON)
set(CTS_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")

# C11 and nothing beyond it: the cases, which have to be portable.
add_library(cts_portable INTERFACE)
# The rest, for Linux and glibc.
add_library(cts_build INTERFACE)
target_link_libraries(cts_build INTERFACE cts_portable)
target_compile_definitions(cts_build INTERFACE _GNU_SOURCE)
# Reports and assertion messages must not tell where the tree was built.
target_compile_options(cts_portable INTERFACE -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_compile_options(cts_portable INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes
                       -Wmissing-prototypes -Wvla)
if(CTS_WERROR)
    target_compile_options(cts_portable INTERFACE -Werror)
endif()
if(CTS_THREAD_SAFETY)
    target_compile_options(cts_portable INTERFACE -Wthread-safety -Werror=thread-safety)
endif()
if(CTS_SANITIZE)
    target_compile_options(cts_portable INTERFACE -fsanitize=${CTS_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(cts_portable INTERFACE -fsanitize=${CTS_SANITIZE})
endif()
if(CTS_COVERAGE)
    target_compile_options(cts_portable INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(cts_portable INTERFACE --coverage)
endif()
