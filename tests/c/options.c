// SPDX-License-Identifier: BSL-1.0
// Options of the C interface: structs of other versions, and values that a call has no use for.
// `options TEST` runs one test in its working directory, which is empty.
#include <stddef.h>

#include "check.h"

static perdure_error* error = (perdure_error*)8;  // each call has to set it

// Of a caller that was compiled when the struct was shorter, and of one that was when it is longer.
static void other_versions(void) {
  struct {
    perdure_write_options known;
    uint64_t unknown;
  } longer = {.known = {.size = sizeof longer}, .unknown = 0};
  perdure_write_options shorter;
  memset(&shorter, 0xff, sizeof shorter);  // what lies behind the caller's struct is not read
  shorter.size = offsetof(perdure_write_options, symlink);
  shorter.flags = 0;
  shorter.durability = PERDURE_DURABILITY_ORDERED;
  shorter.protocol = 0;
  CHECK_OK(perdure_write("a", "short", 5, &shorter, NULL, &error), error);
  CHECK(holds("a", "short"));
  CHECK_OK(perdure_write("a", "long", 4, &longer.known, NULL, &error), error);
  longer.unknown = 1;
  CHECK_FAILS(perdure_write("a", "no", 2, &longer.known, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  longer.known.size = 0;  // forgotten
  CHECK_FAILS(perdure_write("a", "no", 2, &longer.known, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  longer.known.size = (size_t)-1;
  CHECK_FAILS(perdure_write("a", "no", 2, &longer.known, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  CHECK(holds("a", "long"));
}

// Each member with a value that it does not have.
static void wrong_options(void) {
  const perdure_write_options wrong[] = {
      {.size = sizeof wrong[0], .flags = PERDURE_EXCLUSIVE},
      {.size = sizeof wrong[0], .flags = 1U << 31},
      {.size = sizeof wrong[0], .durability = 3},
      {.size = sizeof wrong[0], .durability = -1},
      {.size = sizeof wrong[0], .protocol = PERDURE_PROTOCOL_WHOLE},
      {.size = sizeof wrong[0], .symlink = 3},
      {.size = sizeof wrong[0], .existing = 3},
      {.size = sizeof wrong[0], .metadata = 3},
      {.size = sizeof wrong[0], .mode = 010000},
      {.size = sizeof wrong[0], .reserved = 1},
      {.size = sizeof wrong[0], .lock_timeout_ms = -3},
      {.size = sizeof wrong[0], .expected = "a word"},
      {.size = sizeof wrong[0], .backup_suffix = ".bak"},
  };
  // A removal has no use for them.
  const perdure_write_options unused[] = {
      {.size = sizeof unused[0], .flags = PERDURE_MAKE_PARENTS},
      {.size = sizeof unused[0], .flags = PERDURE_VERIFY},
      {.size = sizeof unused[0], .flags = PERDURE_REFUSE_READ_ONLY},
      {.size = sizeof unused[0], .flags = PERDURE_REPORT_VERSION},
      {.size = sizeof unused[0], .protocol = PERDURE_PROTOCOL_FAST},
      {.size = sizeof unused[0], .symlink = PERDURE_SYMLINK_REFUSE},
      {.size = sizeof unused[0], .existing = PERDURE_EXISTING_BACKUP},
      {.size = sizeof unused[0], .metadata = PERDURE_METADATA_FIXED},
      {.size = sizeof unused[0], .mode = 0600},
  };
  const perdure_write_options used = {.size = sizeof used,
                                      .flags = PERDURE_COORDINATE,
                                      .durability = PERDURE_DURABILITY_ORDERED,
                                      .lock_timeout_ms = PERDURE_TRY_ONCE};
  perdure_state_options state = {.size = sizeof state, .format = 2};
  perdure_state* opened;
  size_t i;
  for (i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
    CHECK_FAILS(perdure_write("a", "x", 1, &wrong[i], NULL, &error), error,
                PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  }
  CHECK(!holds("a", "x"));
  CHECK_OK(perdure_write("a", "x", 1, NULL, NULL, &error), error);
  for (i = 0; i < sizeof unused / sizeof unused[0]; ++i) {
    CHECK_FAILS(perdure_remove("a", &unused[i], &error), error, PERDURE_KIND_INVALID_ARGUMENT,
                PERDURE_FATE_UNCHANGED);
  }
  CHECK(holds("a", "x"));
  CHECK_OK(perdure_remove("a", &used, &error), error);
  CHECK_FAILS(perdure_state_open("s", &state, &opened, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  state.format = 0;
  state.previous = -2;
  CHECK_FAILS(perdure_state_open("s", &state, &opened, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
}

static const struct test tests[] = {
    {"other_versions", other_versions},
    {"wrong_options", wrong_options},
};

int main(int argc, char** argv) {
  return run_one(tests, sizeof tests / sizeof tests[0], argc, argv);
}
