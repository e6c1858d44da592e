# rotary_room(NAME SOURCES ... [DEPENDS ...] [TESTS ...] [SLOW_TESTS ...] [TEST_DEPENDS ...])
#
# One room of the library: a static library rotary_NAME, and NAME_tests from the *_test.cc files beside the sources.
# SLOW_TESTS go into NAME_slow_tests, which `./run test --quick` leaves out.

add_library(rotary_flags INTERFACE)
target_compile_features(rotary_flags INTERFACE cxx_std_20)
target_compile_options(rotary_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
  -Wno-missing-field-initializers)  # options are structs with named fields, most left at their defaults
target_include_directories(rotary_flags INTERFACE "${PROJECT_SOURCE_DIR}")
if(ROTARY_SANITIZE)
  target_compile_options(rotary_flags INTERFACE
    -fsanitize=${ROTARY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # GCC 12 takes the undefined vectors inside its own AVX-512 intrinsics for ours.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(rotary_flags INTERFACE -fsanitize=${ROTARY_SANITIZE})
endif()

function(rotary_test_executable NAME LABEL ROOM)
  cmake_parse_arguments(PARSE_ARGV 3 ARG "" "" "SOURCES;DEPENDS")
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE rotary_${ROOM} ${ARG_DEPENDS} GTest::gtest_main)
  add_test(NAME ${NAME} COMMAND ${NAME} --gtest_brief=1)
  set_tests_properties(${NAME} PROPERTIES LABELS ${LABEL} TIMEOUT 600)
endfunction()

function(rotary_room NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPENDS;TESTS;SLOW_TESTS;TEST_DEPENDS")
  add_library(rotary_${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(rotary_${NAME} PUBLIC rotary_flags ${ARG_DEPENDS})
  if(ROTARY_TESTS AND ARG_TESTS)
    rotary_test_executable(${NAME}_tests quick ${NAME} SOURCES ${ARG_TESTS} DEPENDS ${ARG_TEST_DEPENDS})
  endif()
  if(ROTARY_TESTS AND ARG_SLOW_TESTS)
    rotary_test_executable(${NAME}_slow_tests slow ${NAME}
      SOURCES ${ARG_SLOW_TESTS} DEPENDS ${ARG_TEST_DEPENDS})
  endif()
endfunction()
