# How chorus::compiled is made, and how chorus::mpi, chorus::verbs and chorus::json find what they stand on. Used by the build and, installed, by
# find_package(chorus). Macros, because find_package and enable_language must run in the caller's scope.

# What chorus::mpi defines: mpi.h then leaves out the C++ bindings, which left the standard with MPI 3 and want a library more.
set(chorus_mpi_definitions OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)

# Finds MPI::MPI_C and MPIEXEC_EXECUTABLE. Open MPI is preferred where several MPI libraries are installed side by side.
macro(chorus_find_mpi)
    if(NOT MPI_C_COMPILER AND NOT MPI_HOME)
        find_program(MPI_C_COMPILER NAMES mpicc.openmpi mpicc DOC "The compiler wrapper of the MPI library to use")
    endif()
    if(NOT MPIEXEC_EXECUTABLE AND NOT MPI_HOME)
        find_program(MPIEXEC_EXECUTABLE NAMES mpirun.openmpi mpirun mpiexec DOC "Starts programs of the MPI library to use")
    endif()
    # FindMPI finds the bindings of languages that are enabled.
    get_property(chorus_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
    if(NOT "C" IN_LIST chorus_languages)
        enable_language(C)
    endif()
    unset(chorus_languages)
    find_package(MPI QUIET COMPONENTS C)
endmacro()

# Finds nlohmann_json::nlohmann_json, unless the surrounding project brought it.
macro(chorus_find_json)
    if(NOT TARGET nlohmann_json::nlohmann_json)
        find_package(nlohmann_json 3 QUIET)
    endif()
endmacro()

# Sets chorus_verbs_library and chorus_verbs_include where libibverbs is installed.
macro(chorus_find_verbs)
    find_library(chorus_verbs_library ibverbs)
    find_path(chorus_verbs_include infiniband/verbs.h)
    mark_as_advanced(chorus_verbs_library chorus_verbs_include)
endmacro()

# chorus::compiled: what does not depend on a program's types, compiled once (chorus/core/compiled.hpp). Made by the project that uses
# it, with that project's compiler and flags, and only if it is linked.
function(chorus_add_compiled source)
    if(NOT TARGET chorus::compiled)
        add_library(chorus_compiled STATIC EXCLUDE_FROM_ALL ${source})
        add_library(chorus::compiled ALIAS chorus_compiled)
        target_link_libraries(chorus_compiled PUBLIC chorus::chorus)
        target_compile_definitions(chorus_compiled PUBLIC CHORUS_COMPILED)
    endif()
endfunction()
