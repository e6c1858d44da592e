# rotary_room(NAME SOURCES ... [DEPENDS ...] [TESTS ...] [SLOW_TESTS ...] [TEST_DEPENDS ...])
#
# One room of the library: a static library rotary_NAME, and NAME_tests from the *_test.cc files beside the sources.
# SLOW_TESTS go into NAME_slow_tests, which `./run test --quick` leaves out.

add_library(rotary_flags INTERFACE)
target_compile_features(rotary_flags INTERFACE cxx_std_20)
if(PROJECT_IS_TOP_LEVEL)  # projects that embed rooms have warnings of their own
  target_compile_options(rotary_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
    -Wno-missing-field-initializers)  # options are structs with named fields, most left at their defaults
endif()
target_include_directories(rotary_flags INTERFACE "${PROJECT_SOURCE_DIR}")
if(ROTARY_SANITIZE)
  target_compile_options(rotary_flags INTERFACE
    -fsanitize=${ROTARY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # GCC 12 takes the undefined vectors inside its own AVX-512 intrinsics for ours.
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-uninitialized>")
  target_link_options(rotary_flags INTERFACE -fsanitize=${ROTARY_SANITIZE})
endif()

# SSSE3 and the AVX-512 extensions of Ice Lake gain nothing here and would each compile every kernel once more. Vectors of SVE
# have no size while compiling, and kernels keep vectors in arrays: ARM runs NEON. For our own sources only: a project that
# embeds rooms may have kernels of its own.
set(rotary_disabled_targets HWY_SSSE3 HWY_AVX3_DL)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)")
  list(APPEND rotary_disabled_targets HWY_SVE HWY_SVE2 HWY_SVE_256 HWY_SVE2_128)
endif()
list(JOIN rotary_disabled_targets "|" rotary_disabled_targets)

function(rotary_test_executable NAME LABEL ROOM)
  cmake_parse_arguments(PARSE_ARGV 3 ARG "" "" "SOURCES;DEPENDS")
  add_executable(${NAME} ${ARG_SOURCES})
  target_compile_definitions(${NAME} PRIVATE "HWY_DISABLED_TARGETS=(${rotary_disabled_targets})")
  target_link_libraries(${NAME} PRIVATE rotary_${ROOM} ${ARG_DEPENDS} GTest::gtest_main)
  add_test(NAME ${NAME} COMMAND ${NAME} --gtest_brief=1)
  set_tests_properties(${NAME} PROPERTIES LABELS ${LABEL} TIMEOUT 600)
endfunction()

function(rotary_room NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPENDS;TESTS;SLOW_TESTS;TEST_DEPENDS")
  add_library(rotary_${NAME} STATIC ${ARG_SOURCES})
  target_compile_definitions(rotary_${NAME} PRIVATE "HWY_DISABLED_TARGETS=(${rotary_disabled_targets})")
  target_link_libraries(rotary_${NAME} PUBLIC rotary_flags ${ARG_DEPENDS})
  if(ROTARY_TESTS AND ARG_TESTS)
    rotary_test_executable(${NAME}_tests quick ${NAME} SOURCES ${ARG_TESTS} DEPENDS ${ARG_TEST_DEPENDS})
  endif()
  if(ROTARY_TESTS AND ARG_SLOW_TESTS)
    rotary_test_executable(${NAME}_slow_tests slow ${NAME}
      SOURCES ${ARG_SLOW_TESTS} DEPENDS ${ARG_TEST_DEPENDS})
  endif()
endfunction()
