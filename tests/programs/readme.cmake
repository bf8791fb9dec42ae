# Runs the example of README.md in an empty directory.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status
  OUTPUT_VARIABLE output ERROR_VARIABLE output)
file(READ ${WORK}/app.conf conf)
if(NOT status EQUAL 0 OR NOT output STREQUAL "" OR NOT conf STREQUAL "threads = 8\n")
  message(FATAL_ERROR "status ${status}\n${output}")
endif()
