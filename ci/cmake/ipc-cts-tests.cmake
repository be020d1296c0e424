# SPDX-License-Identifier: Apache-2.0
#[[
ipc_cts_add_tests(LIBRARY
                  [ADAPTER ADAPTER] [PROFILE WORDS] [AREAS AREA...] [PREFIX NAME] [DIRECTORY DIR]
                  [TIMEOUT SECONDS] [OPTIONS WORD...])

Adds one test for each area of the suite, which runs its cases against LIBRARY: a target of this
project, or a file. A test passes when the library conforms to what the area demands, and is skipped
when nothing in the area applies.

ADAPTER    a target or a file; what it offers is in cts/adapter.h. `reference` names that of the reference.
PROFILE    of `ipc-cts run --profile`, for example "ce-1.4" or "smoke"
AREAS      only these; without it all that `ipc-cts list` knows, which is asked while configuring
PREFIX     of the names of the tests: NAME.CALL, NAME.RECV; without it ipc-cts
DIRECTORY  gets AREA.events.jsonl and AREA.junit.xml; without it ipc-cts in the binary directory
TIMEOUT    of one test; without it 600
OPTIONS    more words of `ipc-cts run`

Each run uses all CPUs and measures times, so none runs beside another test (RUN_SERIAL). All have
the label ipc-cts: `ctest -L ipc-cts`, `ctest -LE ipc-cts`.
]]
function(ipc_cts_add_tests library)
    set(single ADAPTER PROFILE PREFIX DIRECTORY TIMEOUT)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "${single}" "AREAS;OPTIONS")
    if(DEFINED arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "ipc_cts_add_tests: ${arg_UNPARSED_ARGUMENTS} is not known")
    endif()
    if(DEFINED arg_KEYWORDS_MISSING_VALUES)
        message(FATAL_ERROR "ipc_cts_add_tests: ${arg_KEYWORDS_MISSING_VALUES} needs a value")
    endif()
    set(words --sut)
    _ipc_cts_file(file "${library}")
    list(APPEND words "${file}")
    if(arg_ADAPTER STREQUAL reference)
        list(APPEND words --adapter reference)
    elseif(DEFINED arg_ADAPTER)
        _ipc_cts_file(file "${arg_ADAPTER}")
        list(APPEND words --adapter "${file}")
    endif()
    if(DEFINED arg_PROFILE)
        list(APPEND words --profile "${arg_PROFILE}")
    endif()
    if(NOT DEFINED arg_PREFIX)
        set(arg_PREFIX ipc-cts)
    endif()
    if(NOT DEFINED arg_TIMEOUT)
        set(arg_TIMEOUT 600)
    endif()
    if(NOT DEFINED arg_DIRECTORY)
        set(arg_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/ipc-cts")
    endif()
    if(NOT DEFINED arg_AREAS)
        _ipc_cts_areas(arg_AREAS)
    endif()
    file(MAKE_DIRECTORY "${arg_DIRECTORY}")
    foreach(area IN LISTS arg_AREAS)
        add_test(NAME "${arg_PREFIX}.${area}"
                 COMMAND ipc-cts::ipc-cts run ${area} ${words} --color=never
                         --events "${arg_DIRECTORY}/${area}.events.jsonl"
                         --junit "${arg_DIRECTORY}/${area}.junit.xml" ${arg_OPTIONS})
        # 5: nothing was selected, so nothing in the area belongs to the profile.
        set_tests_properties("${arg_PREFIX}.${area}" PROPERTIES LABELS ipc-cts RUN_SERIAL ON
                             SKIP_RETURN_CODE 5 TIMEOUT ${arg_TIMEOUT})
    endforeach()
endfunction()

# A target's file, or the file itself seen from the list file.
function(_ipc_cts_file result name)
    if(TARGET "${name}")
        set(file "$<TARGET_FILE:${name}>")
    else()
        get_filename_component(file "${name}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
    set(${result} "${file}" PARENT_SCOPE)
endfunction()

function(_ipc_cts_areas result)
    get_target_property(program ipc-cts::ipc-cts IMPORTED_LOCATION)
    execute_process(COMMAND "${program}" list OUTPUT_VARIABLE list ERROR_VARIABLE why
                    RESULT_VARIABLE status)
    string(REGEX MATCHALL "(^|\n)[A-Z][A-Z0-9]+-[0-9]" ids "${list}")
    list(TRANSFORM ids REPLACE "^\n?([A-Z0-9]+)-.*" "\\1")
    list(REMOVE_DUPLICATES ids)
    if(NOT status EQUAL 0 OR ids STREQUAL "")
        message(FATAL_ERROR "ipc_cts_add_tests: ${program} list: ${status} ${why}")
    endif()
    set(${result} "${ids}" PARENT_SCOPE)
endfunction()
