// SPDX-License-Identifier: BSL-1.0
// The table of cases.txt in C: `fates TABLE` makes a folder for each row in the working directory.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "c/check.h"

static perdure_error* error;

static void arm(const char* fault) {
  CHECK(setenv("PERDURE_TEST_FAULT", fault, 1) == 0);
}

// The result of the call that was to fail; the fault is over.
static int disarm(int result) {
  CHECK(unsetenv("PERDURE_TEST_FAULT") == 0);
  return result;
}

static int with_file(const char* fault, int write_fails, int commit_fails) {
  static char large[1 << 20];
  perdure_file* file;
  int result;
  if (!write_fails && !commit_fails) {
    arm(fault);
    result = disarm(perdure_file_create("target", NULL, &file, &error));
  } else {
    CHECK_OK(perdure_file_create("target", NULL, &file, &error), error);
    if (write_fails) {
      arm(fault);
      result = disarm(perdure_file_write(file, large, sizeof large, &error));
    } else {
      CHECK_OK(perdure_file_write(file, "new", 3, &error), error);
      arm(fault);
      result = disarm(perdure_file_commit(file, NULL, &error));
    }
  }
  perdure_file_free(file);
  return result;
}

static perdure_transaction* begun(void) {
  perdure_transaction* transaction;
  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, NULL, &error), error);
  return transaction;
}

static perdure_transaction* with_two_files(void) {
  perdure_transaction* const transaction = begun();
  CHECK_OK(perdure_transaction_put(transaction, "target", "new", 3, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "other", "new", 3, &error), error);
  return transaction;
}

static int begin(const char* fault) {
  perdure_transaction* transaction;
  int result;
  arm(fault);
  result = disarm(perdure_transaction_begin(".", NULL, &transaction, NULL, &error));
  perdure_transaction_free(transaction);
  return result;
}

static int put(const char* fault) {
  perdure_transaction* const transaction = begun();
  int result;
  arm(fault);
  result = disarm(perdure_transaction_put(transaction, "target", "new", 3, &error));
  perdure_transaction_free(transaction);
  return result;
}

static int commit(const char* fault) {
  perdure_transaction* const transaction = with_two_files();
  int result;
  arm(fault);
  result = disarm(perdure_transaction_commit(transaction, NULL, &error));
  perdure_transaction_free(transaction);
  return result;
}

static int recover(const char* fault) {
  CHECK(commit("rename 3 EIO") != 0);  // the journal has its name, and no file has
  CHECK(perdure_error_fate(error) == PERDURE_FATE_COMMITTED);
  perdure_error_free(error);
  arm(fault);
  return disarm(perdure_recover(".", NULL, NULL, &error));
}

static int with_root(const char* call, const char* fault) {
  perdure_root* root;
  perdure_transaction* transaction;
  int result;
  if (strcmp(call, "root_open") == 0) {
    arm(fault);
    result = disarm(perdure_root_open(".", NULL, &root, NULL, &error));
    perdure_root_free(root);
    return result;
  }
  CHECK_OK(perdure_root_open(".", NULL, &root, NULL, &error), error);
  CHECK_OK(perdure_root_begin(root, &transaction, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "target", "new", 3, &error), error);
  if (strcmp(call, "root_commit") == 0) {
    arm(fault);
    result = disarm(perdure_transaction_commit(transaction, NULL, &error));
  } else {
    CHECK_OK(perdure_transaction_commit(transaction, NULL, &error), error);
    CHECK(strcmp(call, "root_close") == 0);
    arm(fault);
    result = disarm(perdure_root_close(root, &error));
  }
  perdure_transaction_free(transaction);
  perdure_root_free(root);
  return result;
}

static int with_state(const char* call, const char* fault) {
  perdure_state *state, *other;
  perdure_content* content = NULL;
  int result;
  CHECK_OK(perdure_state_open("state", NULL, &state, &error), error);
  if (strcmp(call, "state_load") == 0) {
    CHECK_OK(perdure_state_open("state", NULL, &other, &error), error);
    CHECK_OK(perdure_state_save(other, "old", 3, NULL, NULL, &error), error);
    arm(fault);
    result = disarm(perdure_state_load(state, &content, &error));
    perdure_content_free(content);
    perdure_state_free(other);
  } else {
    CHECK_OK(perdure_state_save(state, "old", 3, NULL, NULL, &error), error);
    arm(fault);
    if (strcmp(call, "state_open") == 0) {
      result = disarm(perdure_state_open("state", NULL, &other, &error));
      perdure_state_free(other);
    } else {
      CHECK(strcmp(call, "state_save") == 0);
      result = disarm(perdure_state_save(state, "new", 3, NULL, NULL, &error));
    }
  }
  perdure_state_free(state);
  return result;
}

static int run(const char* call, const char* fault) {
  perdure_content* content;
  int result;
  if (strncmp(call, "root_", 5) == 0) return with_root(call, fault);
  if (strncmp(call, "state_", 6) == 0) return with_state(call, fault);
  if (strncmp(call, "file_", 5) == 0) {
    return with_file(fault, strcmp(call, "file_write") == 0, strcmp(call, "file_commit") == 0);
  }
  if (strcmp(call, "transaction_begin") == 0) return begin(fault);
  if (strcmp(call, "transaction_put") == 0) return put(fault);
  if (strcmp(call, "transaction_commit") == 0) return commit(fault);
  if (strcmp(call, "recover") == 0) return recover(fault);
  arm(fault);
  if (strcmp(call, "write") == 0) {
    return disarm(perdure_write("target", "new", 3, NULL, NULL, &error));
  }
  if (strcmp(call, "remove") == 0) return disarm(perdure_remove("target", NULL, &error));
  CHECK(strcmp(call, "read") == 0);
  result = disarm(perdure_read("target", UINT64_MAX, &content, &error));
  perdure_content_free(content);
  return result;
}

// Runs one row in a folder of its own, and says whether it is as the table has it.
static int is_as_listed(int row, const char* call, const char* fault, const char* expected) {
  char place[32], found[128];
  const char* code;
  FILE* target;
  int same;
  snprintf(place, sizeof place, "row_%d", row);
  CHECK(mkdir(place, 0700) == 0 && chdir(place) == 0);
  target = fopen("target", "w");
  CHECK(target != NULL && fputs("old", target) >= 0 && fclose(target) == 0);
  error = NULL;
  same = run(call, fault);
  CHECK(same == perdure_error_kind(error));
  code = perdure_error_errno(error) == 0 ? "0" : strerrorname_np(perdure_error_errno(error));
  snprintf(found, sizeof found, "%s %s %s", perdure_kind_name(same),
           perdure_fate_name(perdure_error_fate(error)), code);
  same = strcmp(found, expected) == 0;
  if (!same) printf("%s: %s: %s, and not %s\n", call, fault, found, expected);
  perdure_error_free(error);
  CHECK(chdir("..") == 0);
  return same;
}

// Whether the file system lets a root have a log. Without one the rows of roots say nothing.
static int can_be_held_open(void) {
  perdure_root* root;
  int opened;
  CHECK(mkdir("root", 0700) == 0);
  opened = perdure_root_open("root", NULL, &root, NULL, &error);
  perdure_root_free(root);
  if (opened == 0) return 1;
  CHECK(opened == PERDURE_KIND_UNSUPPORTED);
  printf("without the rows of root_...: %s\n", perdure_error_message(error));
  perdure_error_free(error);
  return 0;
}

// The report of a recovery, for a journal of which nothing is in place.
static void check_report(void) {
  perdure_report* report;
  size_t i;
  CHECK(mkdir("report", 0700) == 0 && chdir("report") == 0);
  CHECK(commit("rename 3 EIO") == PERDURE_KIND_SYSTEM);
  perdure_error_free(error);
  CHECK_OK(perdure_recover(".", NULL, &report, &error), error);
  CHECK(perdure_report_recovered(report) && perdure_report_count(report) == 2);
  for (i = 0; i < 2; ++i) {
    const char* const path = perdure_report_path(report, i);
    CHECK(strcmp(path, "target") == 0 || strcmp(path, "other") == 0);
    CHECK(perdure_report_step(report, i) == PERDURE_STEP_REDO);
    CHECK(strcmp(perdure_report_kept(report, i), "") == 0);
    CHECK(holds(path, "new"));
  }
  perdure_report_free(report);
  CHECK(chdir("..") == 0);
}

int main(int argc, char** argv) {
  char line[256], call[64], operation[64], error_name[32], kind[32], fate[32], code[32];
  char fault[160], expected[128];
  int number, rows = 0, wrong = 0;
  FILE* const table = argc == 2 ? fopen(argv[1], "r") : NULL;
  const int roots = can_be_held_open();
  CHECK(table != NULL);
  while (fgets(line, sizeof line, table) != NULL) {
    if (line[0] == '#' || line[0] == '\n') continue;
    CHECK(sscanf(line, "%63s %63s %d %31s %31s %31s %31s", call, operation, &number, error_name,
                 kind, fate, code) == 7);
    if (!roots && strncmp(call, "root_", 5) == 0) continue;
    snprintf(fault, sizeof fault, "%s %d %s", operation, number, error_name);
    snprintf(expected, sizeof expected, "%s %s %s", kind, fate, code);
    if (!is_as_listed(++rows, call, fault, expected)) ++wrong;
  }
  fclose(table);
  check_report();
  printf("%d rows, %d wrong\n", rows, wrong);
  return wrong == 0 && rows > 50 ? 0 : 1;
}
