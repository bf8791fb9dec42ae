# Uses perdure as somebody else's project would.
#   cmake -DUSE=package|subdirectory -DWORK=dir -DSOURCE=dir -DBUILD=dir -DCONSUMER=dir
#         -DGENERATOR=name -DCOMPILER=c++ -DFLAGS=flags -DOPTIONS=options [-DLAUNCHER=ccache]
#         [-DC_COMPILER=cc] [-DPYTHON=python3]
#         -P check.cmake
#   cmake -DUSE=shared -DWORK=dir -DPROGRAMS=dir -P check.cmake
# WORK is emptied first. `package` installs from BUILD, component by component, and lets CMake and
# pkg-config find it; `subdirectory` builds SOURCE as a part of the consumer; `shared` runs the
# consumer's PROGRAMS, which were linked to shared libraries.
cmake_policy(SET CMP0007 NEW) # the empty lines of a file are lines, too
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE output TIMEOUT 800)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# refused(WORDS COMMAND...): the command fails, and says these words, however it breaks its lines.
function(refused words)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE output TIMEOUT 800)
  string(REGEX REPLACE "[ \n]+" " " line "${output}")
  string(FIND "${line}" "${words}" found)
  if(status EQUAL 0 OR found EQUAL -1)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}: ${status}, without the words '${words}'\n${output}")
  endif()
endfunction()

# install_into(PREFIX COMPONENT...): without a component, all of them.
function(install_into prefix)
  if(NOT ARGN)
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
  endif()
  foreach(component IN LISTS ARGN)
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first --component perdure_${component})
  endforeach()
  file(RENAME ${WORK}/first ${prefix}) # a package may be moved, and nothing may still point there
endfunction()

# The user's program works, and so does the double that makes its commit fail.
function(try_consumer program)
  run(${program} ${WORK}/app.conf)
  foreach(other IN LISTS ARGN)
    run(${other} ${WORK}/app.conf)
  endforeach()
  file(READ ${WORK}/app.conf content)
  if(NOT content STREQUAL "threads = 8\n")
    message(FATAL_ERROR "app.conf is '${content}'")
  endif()
  file(GLOB left LIST_DIRECTORIES FALSE ${WORK}/*perdure-tmp ${WORK}/.*perdure-tmp)
  if(left)
    message(FATAL_ERROR "left behind: ${left}")
  endif()
endfunction()

function(try_state program)
  file(REMOVE_RECURSE ${WORK}/states) # with the generations before it
  file(MAKE_DIRECTORY ${WORK}/states)
  run(${program} ${WORK}/states/count.json)
endfunction()

# The commands that linked a program name nothing of the state's, and the program has nothing of it.
function(check_core_alone program commands)
  run(readelf -d ${program})
  string(APPEND commands "${output}")
  run(nm ${program})
  string(APPEND commands "${output}")
  set(foreign "libsimdjson|-lsimdjson|8simdjson|boost_json|5boost4json|perdure_state")
  if(commands MATCHES "[^\n]*(${foreign})[^\n]*")
    message(FATAL_ERROR "${program} commits files and yet needs: ${CMAKE_MATCH_0}")
  endif()
endfunction()

# Each header of a prefix finds there what it includes of perdure.
function(check_headers prefix)
  file(GLOB_RECURSE headers ${prefix}/include/*.hpp)
  foreach(header IN LISTS headers)
    file(STRINGS ${header} lines REGEX "^#include <perdure/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^#include <(.*)>$" "\\1" other "${line}")
      if(NOT EXISTS ${prefix}/include/${other})
        message(FATAL_ERROR "${header} includes ${other}, which its component does not have")
      endif()
    endforeach()
  endforeach()
endfunction()

# Each program that is installed has manual pages and completions.
function(check_pages prefix)
  file(GLOB programs ${prefix}/bin/*)
  foreach(program IN LISTS programs)
    get_filename_component(name ${program} NAME)
    foreach(page man/man1/${name}.1 bash-completion/completions/${name}
        zsh/site-functions/_${name} fish/vendor_completions.d/${name}.fish)
      if(NOT EXISTS ${prefix}/share/${page})
        message(FATAL_ERROR "${name} was installed without share/${page}")
      endif()
    endforeach()
  endforeach()
endfunction()

set(configure ${CMAKE_COMMAND} -S ${CONSUMER} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
  -DUSE=${USE})
if(USE STREQUAL "package")
  list(APPEND configure -B ${WORK}/build -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)

  # The core alone.
  install_into(${WORK}/core core)
  check_headers(${WORK}/core)
  set(core ${configure} -DCMAKE_PREFIX_PATH=${WORK}/core)
  run(${core} -DCOMPONENTS=)
  run(${CMAKE_COMMAND} --build ${WORK}/build --verbose)
  check_core_alone(${WORK}/build/consumer "${output}")
  try_consumer(${WORK}/build/consumer)
  foreach(component state testing)
    refused("component ${component} was not installed"
      ${core} -DCOMPONENTS=${component} -DOPTIONAL=OFF)
    run(${core} -DCOMPONENTS=${component} -DOPTIONAL=ON)
  endforeach()
  refused("component state was not installed" # on which etcd stands
    ${core} -DCOMPONENTS=etcd -DOPTIONAL=OFF)
  run(${core} -DCOMPONENTS=etcd -DOPTIONAL=ON)
  refused("component stat is unknown" ${core} -DCOMPONENTS=stat -DOPTIONAL=OFF)
  refused("component core needs the package Boost 1.81"
    ${core} -DCOMPONENTS= -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON)

  # All of it.
  install_into(${WORK}/prefix)
  check_pages(${WORK}/prefix)
  set(whole ${configure} -Uperdure_DIR -DCMAKE_PREFIX_PATH=${WORK}/prefix
    "-DCOMPONENTS=state testing")
  set(without ${whole} -DCMAKE_DISABLE_FIND_PACKAGE_Boost=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON)
  refused("component state needs the package simdjson" ${without})
  run(${without} -DCOMPONENTS=testing)
  file(GLOB_RECURSE etcd ${WORK}/prefix/*/perdure-etcd-targets.cmake)
  if(etcd)
    run(${configure} -Uperdure_DIR -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCOMPONENTS=etcd
      -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=OFF)
    refused("component etcd needs the package CURL" ${configure} -Uperdure_DIR
      -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCOMPONENTS=etcd -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON)
  endif()
  run(${whole} -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=OFF -DCMAKE_DISABLE_FIND_PACKAGE_CURL=OFF)
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  try_consumer(${WORK}/build/consumer ${WORK}/build/consumer_testing)
  try_state(${WORK}/build/consumer_state)

  # A program in C, with the C interface alone: no C++, no Boost.
  if(C_COMPILER)
    install_into(${WORK}/c c)
    run(${CMAKE_COMMAND} -S ${CONSUMER}/c -B ${WORK}/c_build -G ${GENERATOR}
      -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/c
      -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON)
    run(${CMAKE_COMMAND} --build ${WORK}/c_build)
    try_consumer(${WORK}/c_build/consumer_c)
    file(GLOB_RECURSE pc ${WORK}/c/perdure-c.pc)
    get_filename_component(folder ${pc} DIRECTORY)
    set(ENV{PKG_CONFIG_PATH} ${folder})
    run(pkg-config --cflags --libs perdure-c)
    separate_arguments(flags UNIX_COMMAND "${output}")
    run(${C_COMPILER} -std=c99 ${CONSUMER}/c/main.c ${flags} -o ${WORK}/consumer_c)
    get_filename_component(folder ${folder} DIRECTORY)
    set(ENV{LD_LIBRARY_PATH} ${folder})
    try_consumer(${WORK}/consumer_c)
    unset(ENV{LD_LIBRARY_PATH})
  endif()

  # A project that Meson builds.
  find_program(meson meson)
  if(meson)
    file(GLOB_RECURSE pc ${WORK}/prefix/perdure.pc)
    get_filename_component(folder ${pc} DIRECTORY)
    set(ENV{PKG_CONFIG_PATH} ${folder})
    set(ENV{CXX} ${COMPILER})
    run(${meson} setup ${WORK}/meson ${SOURCE}/packaging/meson)
    run(${meson} compile -C ${WORK}/meson)
    try_consumer(${WORK}/meson/first)
    unset(ENV{PKG_CONFIG_PATH})
    unset(ENV{CXX})
  else()
    message(STATUS "Meson is not installed: its project is left out")
  endif()

  # A program in Python.
  if(PYTHON)
    file(GLOB_RECURSE library ${WORK}/prefix/libperdure_c.so)
    get_filename_component(folder ${library} DIRECTORY)
    set(ENV{LD_LIBRARY_PATH} ${folder})
    set(ENV{PYTHONPATH} ${WORK}/prefix/lib/python3/dist-packages)
    try_consumer("${PYTHON};-B;${CONSUMER}/main.py")
    unset(ENV{LD_LIBRARY_PATH})
    unset(ENV{PYTHONPATH})
  endif()

  # The examples, each in an empty directory. Some take --check, too.
  set(examples ${SOURCE}/docs/examples)
  run(${CMAKE_COMMAND} -S ${examples} -B ${WORK}/examples -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
  set(configured "${output}")
  run(${CMAKE_COMMAND} --build ${WORK}/examples)
  file(GLOB sources ${examples}/*.cpp ${examples}/*.hpp)
  foreach(source IN LISTS sources)
    file(STRINGS ${source} lines)
    list(LENGTH lines count)
    if(count GREATER 120)
      message(FATAL_ERROR "${source} has ${count} lines: an example has 120 at most")
    endif()
    get_filename_component(example ${source} NAME_WE)
    if(source MATCHES "[.]hpp$")
      continue()
    elseif(configured MATCHES "left out: ${example},[^\n]*")
      message(STATUS "${CMAKE_MATCH_0}")
      continue()
    endif()
    set(modes plain)
    if("${lines}" MATCHES "\"--check\"")
      list(APPEND modes --check)
    endif()
    foreach(mode IN LISTS modes)
      file(MAKE_DIRECTORY ${WORK}/run/${example}/${mode})
      set(arguments ${mode})
      list(REMOVE_ITEM arguments plain)
      run(${CMAKE_COMMAND} -E chdir ${WORK}/run/${example}/${mode} ${WORK}/examples/${example}
        ${arguments})
    endforeach()
  endforeach()

  # pkg-config.
  file(GLOB_RECURSE pc ${WORK}/prefix/perdure.pc)
  get_filename_component(folder ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  run(pkg-config --cflags --libs perdure)
  check_core_alone(${WORK}/build/consumer "${output}")
  separate_arguments(flags UNIX_COMMAND "${output}")
  # The language is the consumer's to choose: one that compiles in a newer one must stay there.
  if(output MATCHES "-std=")
    message(FATAL_ERROR "perdure.pc chooses the language of its users: ${output}")
  endif()
  run(${COMPILER} -std=c++20 ${CONSUMER}/main.cpp ${flags} -o ${WORK}/consumer)
  try_consumer(${WORK}/consumer)
  run(pkg-config --cflags --libs perdure-state)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${COMPILER} -std=c++20 ${CONSUMER}/state.cpp ${flags} -o ${WORK}/consumer_state)
  try_state(${WORK}/consumer_state)
elseif(USE STREQUAL "subdirectory")
  list(APPEND configure -DPERDURE_SOURCE=${SOURCE} -DCMAKE_INSTALL_PREFIX=${WORK}/prefix)

  # Who wants the core alone needs neither simdjson nor Boost.JSON.
  run(${configure} -B ${WORK}/core -DPERDURE_BUILD_STATE=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON)

  # Compiled as BUILD was: what ccache has of it, it has for this, too. Who does not link the
  # doubles does not build them.
  run(${configure} -B ${WORK}/build "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DOPTIONS=${OPTIONS}" -DWITHOUT=testing)
  run(${CMAKE_COMMAND} --build ${WORK}/build --verbose --target consumer)
  check_core_alone(${WORK}/build/consumer "${output}")
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  file(GLOB_RECURSE objects ${WORK}/build/*.o)
  foreach(library perdure perdure_state perdure_testing)
    set(built ${objects})
    list(FILTER built INCLUDE REGEX "/${library}\\.dir/")
    if(library STREQUAL "perdure_testing" AND built)
      message(FATAL_ERROR "`all` built what the consumer does not link: ${built}")
    elseif(NOT library STREQUAL "perdure_testing" AND NOT built)
      message(FATAL_ERROR "`all` did not build ${library}")
    endif()
  endforeach()
  run(${configure} -B ${WORK}/build -DWITHOUT=)
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  try_consumer(${WORK}/build/consumer ${WORK}/build/consumer_testing)
  try_state(${WORK}/build/consumer_state)
  run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build -N)
  if(NOT output MATCHES "Total Tests: 0")
    message(FATAL_ERROR "perdure brought tests of its own:\n${output}")
  endif()
  run(${CMAKE_COMMAND} --install ${WORK}/build)
  file(GLOB_RECURSE installed ${WORK}/prefix/*)
  if(installed)
    message(FATAL_ERROR "a subproject must install nothing, but did: ${installed}")
  endif()
elseif(USE STREQUAL "shared")
  try_consumer(${PROGRAMS}/consumer ${PROGRAMS}/consumer_testing)
  try_state(${PROGRAMS}/consumer_state)
else()
  message(FATAL_ERROR "USE is '${USE}'")
endif()
