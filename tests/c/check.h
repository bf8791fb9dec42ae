// SPDX-License-Identifier: BSL-1.0
// Checks for tests in C: each ends the program with the line and what it found.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <perdure/perdure.h>

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

// The call went well; `error` is a perdure_error * that it was given.
#define CHECK_OK(call, error)                                                           \
  do {                                                                                  \
    if ((call) != 0) {                                                                  \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, perdure_error_message(error)); \
      exit(1);                                                                          \
    }                                                                                   \
    CHECK((error) == NULL);                                                             \
  } while (0)

// The call failed by this kind and fate; frees the error.
#define CHECK_FAILS(call, error, expected_kind, expected_fate)                                    \
  do {                                                                                            \
    const int kind_of_call = (call);                                                              \
    if (kind_of_call != (expected_kind) || perdure_error_kind(error) != (expected_kind) ||        \
        perdure_error_fate(error) != (expected_fate)) {                                           \
      fprintf(stderr, "%s:%d: %s, %s: %s\n", __FILE__, __LINE__, perdure_kind_name(kind_of_call), \
              perdure_fate_name(perdure_error_fate(error)), perdure_error_message(error));        \
      exit(1);                                                                                    \
    }                                                                                             \
    perdure_error_free(error);                                                                    \
    (error) = NULL;                                                                               \
  } while (0)

// Whether a file holds this text; read by the system's own calls.
static inline int holds(const char* path, const char* text) {
  char found[256];
  size_t size;
  FILE* const file = fopen(path, "rb");
  if (file == NULL) return 0;
  size = fread(found, 1, sizeof found, file);
  fclose(file);
  return size == strlen(text) && memcmp(found, text, size) == 0;
}

// One test of a program, by the name that ctest gives it.
struct test {
  const char* name;
  void (*run)(void);
};

// The `main` of a program with several: runs the one that is named.
static inline int run_one(const struct test* tests, size_t count, int argc, char** argv) {
  size_t i;
  for (i = 0; argc == 2 && i < count; ++i) {
    if (strcmp(argv[1], tests[i].name) != 0) continue;
    tests[i].run();
    return 0;
  }
  fprintf(stderr, "usage: %s TEST, in an empty directory\n", argv[0]);
  return 2;
}
