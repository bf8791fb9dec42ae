# Compiles one case of a source and looks at the compiler's first error.
#   cmake [-DPRELUDE=header] -DSOURCE=file.cpp -DCASE=name [-DEXPECT=sentence]
#         -P check.cmake -- COMMAND...
# COMMAND is the compiler with its flags. With EXPECT the case must not compile, and the first line
# that has "error:" must contain the sentence; without, it must compile without a warning. PRELUDE
# was compiled before, so that a case takes a moment only.
set(command)
set(started FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(started)
    list(APPEND command ${CMAKE_ARGV${i}})
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(started TRUE)
  endif()
endforeach()

if(DEFINED PRELUDE)
  list(APPEND command -include ${PRELUDE})
endif()
execute_process(
  COMMAND ${command} -fsyntax-only -DCASE_${CASE} ${SOURCE}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(NOT DEFINED EXPECT)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${CASE} should compile:\n${output}")
  endif()
  return()
endif()
if(status EQUAL 0)
  message(FATAL_ERROR "${CASE} compiles, and must not")
endif()
string(REPLACE ";" "," output "${output}")
string(REGEX MATCH "[^\n]*error:[^\n]*" first "${output}")
string(FIND "${first}" "${EXPECT}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${CASE}: the first error should say\n  ${EXPECT}\nbut it is\n  ${first}")
endif()
