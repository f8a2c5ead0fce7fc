# What tests, examples, benchmarks and the command need to become programs.

# The words before a program's name that start it on `ranks` MPI ranks.
function(chorus_mpirun out ranks)
    execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE version ERROR_QUIET)
    set(flags)
    if(version MATCHES "Open MPI|OpenRTE|OpenMPI")
        # More ranks than cores is the normal case for a test; and as root only in containers, where there is nobody else.
        set(flags --oversubscribe --bind-to none)
        execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
        if(user STREQUAL "0")
            list(APPEND flags --allow-run-as-root)
        endif()
    endif()
    set(${out} ${MPIEXEC_EXECUTABLE} ${flags} -n ${ranks} PARENT_SCOPE)
endfunction()

# Sets `out` to whether `source` includes that transport: mpi or verbs.
function(chorus_uses out transport source)
    file(STRINGS ${source} lines REGEX "^ *# *include <chorus/transport/${transport}[a-z_]*\\.hpp>")
    if(lines)
        set(${out} TRUE PARENT_SCOPE)
    else()
        set(${out} FALSE PARENT_SCOPE)
    endif()
endfunction()

# A test that says aloud that something could not be tested, and why.
function(chorus_skipped_test name reason)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${reason}")
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped: " ${ARGN})
endfunction()
