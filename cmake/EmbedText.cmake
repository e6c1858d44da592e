# rotary_embed_text(TARGET SYMBOL FILE)
#
# Compiles the text of FILE into TARGET as `extern const std::string_view rotary::SYMBOL`, so that the program needs no
# file beside it. The text must not hold the delimiter of the raw string below, nor be larger than compilers allow one
# literal to be (GCC and clang: no limit of their own).

if(CMAKE_SCRIPT_MODE_FILE)  # called at build time, with FILE, SYMBOL and OUT
  file(READ "${FILE}" text)
  file(WRITE "${OUT}" "#include <string_view>\n\nnamespace rotary {\nextern const std::string_view ${SYMBOL};\n"
    "const std::string_view ${SYMBOL} = R\"EMBEDDED(${text})EMBEDDED\";\n}  // namespace rotary\n")
  return()
endif()

set(ROTARY_EMBED_TEXT_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(rotary_embed_text TARGET SYMBOL FILE)
  cmake_path(ABSOLUTE_PATH FILE BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${SYMBOL}.cc")
  add_custom_command(OUTPUT "${out}"
    COMMAND "${CMAKE_COMMAND}" "-DFILE=${FILE}" "-DSYMBOL=${SYMBOL}" "-DOUT=${out}" -P "${ROTARY_EMBED_TEXT_SCRIPT}"
    DEPENDS "${FILE}" "${ROTARY_EMBED_TEXT_SCRIPT}"
    VERBATIM)
  # clang, when pedantic, warns of literals beyond the 64 KiB that every compiler must take.
  set_source_files_properties("${out}" PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
  target_sources(${TARGET} PRIVATE "${out}")
endfunction()
