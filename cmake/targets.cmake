# chorus::chorus, chorus::compiled, chorus::mpi, chorus::verbs and chorus::json.

include(GNUInstallDirs)
include(${CMAKE_CURRENT_LIST_DIR}/chorusComponents.cmake)

find_package(Threads REQUIRED)

# Headers that need more than the standard library belong to the target that brings it. All are installed together: whether a
# machine has MPI is settled where a program is compiled, not where Chorus is installed.
set(include_dir ${PROJECT_SOURCE_DIR}/include)
file(GLOB_RECURSE all_headers CONFIGURE_DEPENDS ${include_dir}/chorus/*.hpp)
foreach(header IN LISTS all_headers)
    file(STRINGS ${header} needs_mpi REGEX "^ *# *include <(mpi\\.h|chorus/transport/(detail/)?mpi[^>]*)>")
    file(STRINGS ${header} needs_json REGEX "^ *# *include <nlohmann/")
    file(STRINGS ${header} needs_verbs REGEX "^ *# *include <(infiniband|rdma)/")
    if(needs_mpi OR header MATCHES "/transport/(detail/)?mpi[^/]*$")
        list(APPEND mpi_headers ${header})
    elseif(needs_json)
        list(APPEND json_headers ${header})
    elseif(needs_verbs OR header MATCHES "/transport/(detail/)?verbs[^/]*$")
        list(APPEND verbs_headers ${header})
    else()
        list(APPEND plain_headers ${header})
    endif()
endforeach()

add_library(chorus INTERFACE)
add_library(chorus::chorus ALIAS chorus)
target_compile_features(chorus INTERFACE cxx_std_20)
target_link_libraries(chorus INTERFACE Threads::Threads)
target_sources(chorus INTERFACE
    FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${plain_headers}
    FILE_SET headers_with_needs TYPE HEADERS BASE_DIRS ${include_dir} FILES ${mpi_headers} ${json_headers} ${verbs_headers})
# "Every header compiles alone" is proven by compiling each in a file of its own (the test `headers`).
set_target_properties(chorus PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ${CHORUS_TESTS}
    INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)

chorus_add_compiled(${PROJECT_SOURCE_DIR}/src/chorus.cpp)

set(CHORUS_HAS_MPI FALSE)
if(CHORUS_MPI)
    chorus_find_mpi()
    if(TARGET MPI::MPI_C)
        set(CHORUS_HAS_MPI TRUE)
        add_library(chorus_mpi INTERFACE)
        add_library(chorus::mpi ALIAS chorus_mpi)
        target_link_libraries(chorus_mpi INTERFACE chorus MPI::MPI_C)
        target_compile_definitions(chorus_mpi INTERFACE ${chorus_mpi_definitions})
        target_sources(chorus_mpi INTERFACE FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${mpi_headers})
        set_target_properties(chorus_mpi PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${CHORUS_TESTS})
    else()
        message(WARNING "No MPI library was found: chorus::mpi, its tests and its examples are left out. "
                        "scripts/setup installs Open MPI; -DCHORUS_MPI=OFF silences this.")
    endif()
endif()

set(CHORUS_HAS_VERBS FALSE)
if(CHORUS_VERBS)
    chorus_find_verbs()
    if(chorus_verbs_library AND chorus_verbs_include)
        set(CHORUS_HAS_VERBS TRUE)
        add_library(chorus_verbs INTERFACE)
        add_library(chorus::verbs ALIAS chorus_verbs)
        target_link_libraries(chorus_verbs INTERFACE chorus ${chorus_verbs_library})
        target_include_directories(chorus_verbs SYSTEM INTERFACE ${chorus_verbs_include})
        target_sources(chorus_verbs INTERFACE FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${verbs_headers})
        set_target_properties(chorus_verbs PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${CHORUS_TESTS})
    else()
        message(WARNING "libibverbs was not found: chorus::verbs, its tests and its examples are left out. "
                        "scripts/setup installs it; -DCHORUS_VERBS=OFF silences this.")
    endif()
endif()

chorus_find_json()
if(TARGET nlohmann_json::nlohmann_json)
    add_library(chorus_json INTERFACE)
    add_library(chorus::json ALIAS chorus_json)
    target_link_libraries(chorus_json INTERFACE chorus nlohmann_json::nlohmann_json)
    target_sources(chorus_json INTERFACE FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${json_headers})
    set_target_properties(chorus_json PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${CHORUS_TESTS})
endif()
