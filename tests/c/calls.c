// SPDX-License-Identifier: BSL-1.0
// The C interface as a program in C99 uses it. `calls TEST` runs one test in its working directory,
// which is empty.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static perdure_error* error = (perdure_error*)8;  // each call has to set it

static void write_and_read(void) {
  perdure_receipt* receipt;
  perdure_content* content;
  char version[256];
  perdure_write_options options = {.size = sizeof options, .flags = PERDURE_REPORT_VERSION};

  CHECK_OK(perdure_write("a", "one", 3, &options, &receipt, &error), error);
  CHECK(holds("a", "one"));
  CHECK(perdure_receipt_bytes(receipt) == 3);
  CHECK(perdure_receipt_durability(receipt) == PERDURE_DURABILITY_DURABLE);
  CHECK(perdure_receipt_protocol(receipt) == PERDURE_PROTOCOL_PORTABLE);
  CHECK(perdure_receipt_left_alone_count(receipt) == 0);
  CHECK(strcmp(perdure_receipt_left_alone(receipt, 0), "") == 0);

  CHECK_OK(perdure_read("a", UINT64_MAX, &content, &error), error);
  CHECK(perdure_content_size(content) == 3);
  CHECK(memcmp(perdure_content_bytes(content), "one", 3) == 0);
  CHECK(strcmp(perdure_content_version(content), perdure_receipt_version(receipt)) == 0);
  CHECK(strlen(perdure_content_version(content)) < sizeof version);
  strcpy(version, perdure_content_version(content));
  perdure_content_free(content);
  perdure_receipt_free(receipt);
  CHECK_FAILS(perdure_read("a", 2, &content, &error), error, PERDURE_KIND_INVALID_ARGUMENT,
              PERDURE_FATE_UNCHANGED);
  CHECK(content == NULL);

  // A version that was expected, and is no more.
  options.flags = 0;
  options.expected = version;
  CHECK_OK(perdure_write("a", "two", 3, &options, &receipt, &error), error);
  CHECK(strcmp(perdure_receipt_version(receipt), version) != 0);
  perdure_receipt_free(receipt);
  CHECK_FAILS(perdure_write("a", "three", 5, &options, &receipt, &error), error,
              PERDURE_KIND_CONFLICT, PERDURE_FATE_UNCHANGED);
  CHECK(receipt == NULL);
  CHECK(holds("a", "two"));
  options.expected = PERDURE_ABSENT;
  CHECK(perdure_remove("a", &options, NULL) == PERDURE_KIND_CONFLICT);
}

static void remove_a_file(void) {
  perdure_content* content;
  CHECK_OK(perdure_write("a", NULL, 0, NULL, NULL, &error), error);
  CHECK(holds("a", ""));
  CHECK_OK(perdure_read("a", UINT64_MAX, &content, &error), error);
  CHECK(perdure_content_bytes(content) != NULL);
  CHECK(perdure_content_size(content) == 0);
  perdure_content_free(content);
  CHECK_OK(perdure_remove("a", NULL, &error), error);
  CHECK(perdure_remove("a", NULL, &error) == PERDURE_KIND_SYSTEM);
  CHECK(perdure_error_errno(error) == ENOENT);
  CHECK(strcmp(perdure_error_path(error), "a") == 0);
  CHECK(strcmp(perdure_error_step(error), "remove the file") == 0);
  CHECK(strstr(perdure_error_message(error), "'a': could not remove the file") != NULL);
  perdure_error_free(error);
}

static void policies(void) {
  perdure_write_options options = {.size = sizeof options};
  CHECK_OK(perdure_write("a", "old", 3, NULL, NULL, &error), error);
  options.existing = PERDURE_EXISTING_KEEP;
  CHECK_FAILS(perdure_write("a", "new", 3, &options, NULL, &error), error, PERDURE_KIND_EXISTS,
              PERDURE_FATE_UNCHANGED);
  options.existing = PERDURE_EXISTING_BACKUP;
  options.backup_suffix = ".bak";
  CHECK_OK(perdure_write("a", "new", 3, &options, NULL, &error), error);
  CHECK(holds("a", "new") && holds("a.bak", "old"));
  options.existing = PERDURE_EXISTING_REPLACE;
  options.backup_suffix = NULL;
  options.flags = PERDURE_MAKE_PARENTS;
  options.durability = PERDURE_DURABILITY_NONE;
  CHECK_OK(perdure_write("x/y/z", "deep", 4, &options, NULL, &error), error);
  CHECK(holds("x/y/z", "deep"));
}

static void streamed(void) {
  perdure_file* file;
  perdure_receipt* receipt;
  CHECK_OK(perdure_file_create("a", NULL, &file, &error), error);
  CHECK_OK(perdure_file_write(file, "one ", 4, &error), error);
  CHECK_OK(perdure_file_write(file, "two", 3, &error), error);
  CHECK(!holds("a", "one two"));
  CHECK_OK(perdure_file_commit(file, &receipt, &error), error);
  CHECK(perdure_receipt_bytes(receipt) == 7);
  perdure_receipt_free(receipt);
  CHECK(holds("a", "one two"));
  CHECK_FAILS(perdure_file_commit(file, NULL, &error), error, PERDURE_KIND_INVALID_ARGUMENT,
              PERDURE_FATE_DURABLE);
  perdure_file_free(file);

  CHECK_OK(perdure_file_create("a", NULL, &file, &error), error);
  CHECK_OK(perdure_file_write(file, "three", 5, &error), error);
  CHECK_OK(perdure_file_discard(file, &error), error);
  CHECK_FAILS(perdure_file_write(file, "more", 4, &error), error, PERDURE_KIND_INVALID_ARGUMENT,
              PERDURE_FATE_UNCHANGED);
  perdure_file_free(file);
  CHECK_OK(perdure_file_create("a", NULL, &file, &error), error);
  perdure_file_free(file);  // discards
  CHECK(holds("a", "one two"));
}

static void transactions(void) {
  perdure_transaction* transaction;
  perdure_report* report;
  perdure_receipt* receipt;
  perdure_content* content;
  perdure_root_options options = {.size = sizeof options};
  CHECK_OK(perdure_write("draft", "old", 3, NULL, NULL, &error), error);
  CHECK_OK(perdure_read("draft", UINT64_MAX, &content, &error), error);

  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, &report, &error), error);
  CHECK(!perdure_report_recovered(report) && !perdure_report_restored(report));
  CHECK(!perdure_report_unreadable(report) && perdure_report_count(report) == 0);
  CHECK(perdure_report_step(report, 0) == PERDURE_STEP_NONE);
  perdure_report_free(report);
  CHECK_OK(perdure_transaction_make_directory(transaction, "site", 0777, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "site/index", "page", 4, &error), error);
  CHECK_OK(perdure_transaction_remove(transaction, "draft", &error), error);
  CHECK_OK(
      perdure_transaction_expect(transaction, "draft", perdure_content_version(content), &error),
      error);
  CHECK_OK(perdure_transaction_expect(transaction, "site/index", PERDURE_ABSENT, &error), error);
  CHECK(holds("draft", "old"));
  CHECK_OK(perdure_transaction_commit(transaction, &receipt, &error), error);
  CHECK(perdure_receipt_bytes(receipt) == 4);
  CHECK(perdure_receipt_left_alone_count(receipt) == 0);
  CHECK(strcmp(perdure_receipt_set_aside(receipt), "") == 0);
  perdure_receipt_free(receipt);
  perdure_transaction_free(transaction);
  CHECK(holds("site/index", "page") && !holds("draft", "old"));

  // All or none: one version is another one.
  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, NULL, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "new", "x", 1, &error), error);
  CHECK_OK(perdure_transaction_expect(transaction, "site/index", perdure_content_version(content),
                                      &error),
           error);
  CHECK_FAILS(perdure_transaction_commit(transaction, &receipt, &error), error,
              PERDURE_KIND_CONFLICT, PERDURE_FATE_UNCHANGED);
  perdure_transaction_free(transaction);
  perdure_content_free(content);
  CHECK(!holds("new", "x"));

  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, NULL, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "new", "x", 1, &error), error);
  perdure_transaction_free(transaction);  // aborts
  CHECK(!holds("new", "x"));
  CHECK_OK(perdure_recover(".", NULL, &report, &error), error);
  CHECK(!perdure_report_recovered(report));
  perdure_report_free(report);

  // The receipt of one that a power cut may undo says so.
  options.durability = PERDURE_DURABILITY_ORDERED;
  CHECK_OK(perdure_transaction_begin(".", &options, &transaction, NULL, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "new", "x", 1, &error), error);
  CHECK_OK(perdure_transaction_commit(transaction, &receipt, &error), error);
  CHECK(perdure_receipt_durability(receipt) == PERDURE_DURABILITY_ORDERED);
  perdure_receipt_free(receipt);
  perdure_transaction_free(transaction);
}

static void open_root(void) {
  perdure_root* root;
  perdure_transaction* transaction;
  perdure_receipt* receipt;
  perdure_root_options options = {.size = sizeof options};
  const int opened = perdure_root_open(".", NULL, &root, NULL, &error);
  if (opened == PERDURE_KIND_UNSUPPORTED) {
    printf("perdure: skipped: %s\n", perdure_error_message(error));
    return;
  }
  CHECK_OK(opened, error);
  options.lock_timeout_ms = PERDURE_TRY_ONCE;
  CHECK_FAILS(perdure_transaction_begin(".", &options, &transaction, NULL, &error), error,
              PERDURE_KIND_LOCK_TIMEOUT, PERDURE_FATE_UNCHANGED);
  CHECK_OK(perdure_root_begin(root, &transaction, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "a", "one", 3, &error), error);
  CHECK_OK(perdure_transaction_commit(transaction, &receipt, &error), error);
  CHECK(perdure_receipt_protocol(receipt) == PERDURE_PROTOCOL_LOGGED);
  perdure_receipt_free(receipt);
  perdure_transaction_free(transaction);
  CHECK(holds("a", "one"));
  CHECK_OK(perdure_root_settle(root, &error), error);

  // A transaction outlives its root's handle, and commits nothing then.
  CHECK_OK(perdure_root_begin(root, &transaction, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "a", "two", 3, &error), error);
  CHECK_OK(perdure_root_close(root, &error), error);
  CHECK_OK(perdure_root_close(root, &error), error);
  perdure_root_free(root);
  CHECK_FAILS(perdure_transaction_commit(transaction, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  perdure_transaction_free(transaction);
  CHECK_OK(perdure_root_open(".", NULL, &root, NULL, &error), error);
  CHECK_OK(perdure_root_begin(root, &transaction, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "a", "two", 3, &error), error);
  perdure_root_free(root);  // closes it
  CHECK_FAILS(perdure_transaction_commit(transaction, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
  perdure_transaction_free(transaction);
  CHECK(holds("a", "one"));
  options.lock_timeout_ms = 0;
  options.protocol = PERDURE_PROTOCOL_FAST;
  CHECK_FAILS(perdure_root_open(".", &options, &root, NULL, &error), error,
              PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED);
}

static uint64_t saved(perdure_state* state, const char* text, const uint64_t* expected) {
  perdure_receipt* receipt;
  uint64_t generation;
  CHECK_OK(perdure_state_save(state, text, strlen(text), expected, &receipt, &error), error);
  generation = perdure_receipt_generation(receipt);
  perdure_receipt_free(receipt);
  return generation;
}

static uint64_t loaded(perdure_state* state, const char* text, int origin) {
  perdure_content* content;
  uint64_t generation;
  CHECK_OK(perdure_state_load(state, &content, &error), error);
  CHECK(perdure_content_size(content) == strlen(text));
  CHECK(memcmp(perdure_content_bytes(content), text, strlen(text)) == 0);
  CHECK(perdure_content_origin(content) == origin);
  generation = perdure_content_generation(content);
  perdure_content_free(content);
  return generation;
}

static void damage(const char* path) {
  FILE* const file = fopen(path, "r+b");
  CHECK(file != NULL && fseek(file, -2, SEEK_END) == 0 && fputc('#', file) == '#');
  CHECK(fclose(file) == 0);
}

static void states_of(int format, const char* one, const char* two) {
  perdure_state_options options = {.size = sizeof options, .format = format};
  perdure_state *state, *other;
  uint64_t first = 0;
  CHECK_OK(perdure_state_open("state", &options, &state, &error), error);
  CHECK(loaded(state, "", PERDURE_ORIGIN_NOTHING) == 0);
  CHECK(saved(state, one, &first) == 1);
  CHECK(loaded(state, one, PERDURE_ORIGIN_CURRENT) == 1);

  // Another handle saves: this one finds it, and does not save on top of what it did not see.
  CHECK_OK(perdure_state_open("state", &options, &other, &error), error);
  CHECK(loaded(other, one, PERDURE_ORIGIN_CURRENT) == 1);
  first = 1;
  CHECK(saved(other, two, &first) == 2);
  CHECK_FAILS(perdure_state_save(state, one, strlen(one), &first, NULL, &error), error,
              PERDURE_KIND_CONFLICT, PERDURE_FATE_UNCHANGED);
  CHECK(loaded(state, two, PERDURE_ORIGIN_CURRENT) == 2);
  CHECK(saved(state, one, NULL) == 3);
  CHECK(saved(other, two, NULL) == 4);
  perdure_state_free(other);
  perdure_state_free(state);

  // Damaged: the generation before it counts, and the damaged file stays as evidence.
  damage("state");
  CHECK_OK(perdure_state_open("state", &options, &state, &error), error);
  CHECK(loaded(state, one, PERDURE_ORIGIN_PREVIOUS) == 3);
  first = saved(state, two, NULL);
  CHECK(first > 4);  // the damaged one may have had a number that nobody can read
  CHECK(loaded(state, two, PERDURE_ORIGIN_CURRENT) == first);

  // One that keeps the lock.
  options.flags = PERDURE_EXCLUSIVE;
  options.lock_timeout_ms = PERDURE_TRY_ONCE;
  CHECK_OK(perdure_state_open("state", &options, &other, &error), error);
  CHECK(saved(other, one, &first) == first + 1);
  perdure_state_free(state);
  options.flags = 0;
  CHECK_FAILS(perdure_state_open("state", &options, &state, &error), error,
              PERDURE_KIND_LOCK_TIMEOUT, PERDURE_FATE_UNCHANGED);
  perdure_state_free(other);
}

static void state_of_bytes(void) {
  states_of(PERDURE_FORMAT_ENVELOPE, "some bytes", "others");
}

static void state_of_json(void) {
  perdure_state_options options = {.size = sizeof options, .format = PERDURE_FORMAT_JSON};
  perdure_state* state;
  perdure_content* content;
  // The spelling stays: no number is rounded.
  states_of(PERDURE_FORMAT_JSON, "{\n  \"pi\": 3.14159265358979323846\n}", "{\n  \"n\": 1e400\n}");
  CHECK_OK(perdure_state_open("other", &options, &state, &error), error);
  CHECK_FAILS(perdure_state_save(state, "[1]", 3, NULL, NULL, &error), error,
              PERDURE_KIND_SERIALIZER, PERDURE_FATE_UNCHANGED);
  CHECK_FAILS(perdure_state_save(state, "{", 1, NULL, NULL, &error), error, PERDURE_KIND_SERIALIZER,
              PERDURE_FATE_UNCHANGED);
  CHECK_FAILS(perdure_state_save(state, "{\"generation\": 1}", 17, NULL, NULL, &error), error,
              PERDURE_KIND_SERIALIZER, PERDURE_FATE_UNCHANGED);
  perdure_state_free(state);

  // A file that was there before it had a generation.
  CHECK_OK(perdure_write("other", "{\"a\": 1}", 8, NULL, NULL, &error), error);
  CHECK_OK(perdure_state_open("other", &options, &state, &error), error);
  CHECK_OK(perdure_state_load(state, &content, &error), error);
  CHECK(perdure_content_origin(content) == PERDURE_ORIGIN_CURRENT);
  CHECK(perdure_content_generation(content) == 1);
  CHECK(perdure_content_size(content) > 2);
  perdure_content_free(content);
  CHECK(saved(state, "{\n  \"a\": 2\n}", NULL) == 2);
  perdure_state_free(state);
}

#define CHECK_WRONG(call) \
  CHECK_FAILS(call, error, PERDURE_KIND_INVALID_ARGUMENT, PERDURE_FATE_UNCHANGED)

static void nulls(void) {
  perdure_file* file;
  perdure_transaction* transaction;
  CHECK_WRONG(perdure_write(NULL, "x", 1, NULL, NULL, &error));
  CHECK_WRONG(perdure_write("a", NULL, 1, NULL, NULL, &error));
  CHECK_WRONG(perdure_read("a", 1, NULL, &error));
  CHECK_WRONG(perdure_remove(NULL, NULL, &error));
  CHECK_WRONG(perdure_file_create("a", NULL, NULL, &error));
  CHECK_WRONG(perdure_file_create(NULL, NULL, &file, &error));
  CHECK(file == NULL);
  CHECK_WRONG(perdure_file_write(NULL, "x", 1, &error));
  CHECK_WRONG(perdure_file_commit(NULL, NULL, &error));
  CHECK_WRONG(perdure_file_discard(NULL, &error));
  CHECK_WRONG(perdure_recover(NULL, NULL, NULL, &error));
  CHECK_WRONG(perdure_transaction_begin(NULL, NULL, &transaction, NULL, &error));
  CHECK_WRONG(perdure_transaction_begin(".", NULL, NULL, NULL, &error));
  CHECK_WRONG(perdure_transaction_put(NULL, "a", "x", 1, &error));
  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, NULL, &error), error);
  CHECK_WRONG(perdure_transaction_put(transaction, NULL, "x", 1, &error));
  CHECK_WRONG(perdure_transaction_put(transaction, "a", NULL, 1, &error));
  CHECK_WRONG(perdure_transaction_remove(transaction, NULL, &error));
  CHECK_WRONG(perdure_transaction_make_directory(transaction, NULL, 0777, &error));
  CHECK_WRONG(perdure_transaction_expect(transaction, "a", NULL, &error));
  perdure_transaction_free(transaction);
  CHECK_WRONG(perdure_transaction_commit(NULL, NULL, &error));
  CHECK_WRONG(perdure_root_open(NULL, NULL, NULL, NULL, &error));
  CHECK_WRONG(perdure_root_begin(NULL, &transaction, &error));
  CHECK_WRONG(perdure_root_settle(NULL, &error));
  CHECK_WRONG(perdure_root_close(NULL, &error));
  CHECK_WRONG(perdure_state_open("s", NULL, NULL, &error));
  CHECK_WRONG(perdure_state_load(NULL, NULL, &error));
  CHECK_WRONG(perdure_state_save(NULL, "x", 1, NULL, NULL, &error));
  perdure_error_free(NULL);
  perdure_receipt_free(NULL);
  perdure_content_free(NULL);
  perdure_report_free(NULL);
  perdure_file_free(NULL);
  perdure_transaction_free(NULL);
  perdure_root_free(NULL);
  perdure_state_free(NULL);
  CHECK(perdure_error_kind(NULL) == 0 && perdure_error_fate(NULL) == 0);
  CHECK(perdure_error_errno(NULL) == 0 && strcmp(perdure_error_message(NULL), "") == 0);
  CHECK(perdure_receipt_generation(NULL) == 0 && perdure_content_size(NULL) == 0);
  CHECK(strcmp(perdure_content_bytes(NULL), "") == 0 && perdure_report_count(NULL) == 0);
}

// Each counts up by compare-and-swap, on one handle.
enum { counters = 4, counts = 5 };

static void* count(void* of) {
  int left = counts;
  while (left > 0) {
    perdure_content* content;
    uint64_t seen;
    unsigned char next;
    int saved_it;
    if (perdure_state_load(of, &content, NULL) != 0) return of;
    seen = perdure_content_generation(content);
    next = 1;
    if (perdure_content_size(content) == 1) {
      next = (unsigned char)(*(const unsigned char*)perdure_content_bytes(content) + 1);
    }
    perdure_content_free(content);
    saved_it = perdure_state_save(of, &next, 1, &seen, NULL, NULL);
    if (saved_it == 0) --left;
    if (saved_it != 0 && saved_it != PERDURE_KIND_CONFLICT) return of;
  }
  return NULL;
}

static void threads(void) {
  perdure_state* state;
  pthread_t running[counters];
  void* failed;
  int i;
  CHECK_OK(perdure_state_open("state", NULL, &state, &error), error);
  for (i = 0; i < counters; ++i) CHECK(pthread_create(&running[i], NULL, count, state) == 0);
  for (i = 0; i < counters; ++i) {
    CHECK(pthread_join(running[i], &failed) == 0);
    CHECK(failed == NULL);
  }
  CHECK(loaded(state, "\x14", PERDURE_ORIGIN_CURRENT) == counters * counts);
  perdure_state_free(state);
}

// A child may free the parent's handles, and use none.
static void forked(void) {
  perdure_file* file;
  perdure_transaction* transaction;
  perdure_state* state;
  perdure_content* content;
  int status;
  pid_t child;
  CHECK_OK(perdure_file_create("a", NULL, &file, &error), error);
  CHECK_OK(perdure_transaction_begin(".", NULL, &transaction, NULL, &error), error);
  CHECK_OK(perdure_transaction_put(transaction, "b", "two", 3, &error), error);
  CHECK_OK(perdure_state_open("state", NULL, &state, &error), error);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK_WRONG(perdure_file_write(file, "child", 5, &error));
    CHECK_WRONG(perdure_transaction_commit(transaction, NULL, &error));
    CHECK_WRONG(perdure_state_load(state, &content, &error));
    CHECK_WRONG(perdure_state_save(state, "child", 5, NULL, NULL, &error));
    perdure_file_free(file);
    perdure_transaction_free(transaction);
    perdure_state_free(state);
    CHECK_OK(perdure_write("c", "child", 5, NULL, NULL, &error), error);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_OK(perdure_file_write(file, "one", 3, &error), error);
  CHECK_OK(perdure_file_commit(file, NULL, &error), error);
  CHECK_OK(perdure_transaction_commit(transaction, NULL, &error), error);
  CHECK(saved(state, "three", NULL) == 1);
  CHECK(holds("a", "one") && holds("b", "two") && holds("c", "child"));
  perdure_file_free(file);
  perdure_transaction_free(transaction);
  perdure_state_free(state);
}

// How many descriptors of this process a state's lock file has.
static int locks_open(void) {
  char path[64], target[256];
  int count = 0, number;
  for (number = 0; number < 64; ++number) {
    ssize_t size;
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    size = readlink(path, target, sizeof target - 1);
    if (size < 0) continue;
    target[size] = '\0';
    if (strstr(target, "state.perdure-lock") != NULL) ++count;
  }
  return count;
}

static void* save_once(void* state) {
  return perdure_state_save(state, "three", 5, NULL, NULL, NULL) == 0 ? NULL : state;
}

// A child that is forked while another thread is within a save finds the state's mutex taken, by a
// thread that it does not have. It used to wait for that one forever.
static void forked_within_a_save(void) {
  perdure_state_options options = {.size = sizeof options, .lock_timeout_ms = PERDURE_WAIT_FOREVER};
  perdure_state *state, *other;
  perdure_content* content;
  pthread_t saving;
  void* failed;
  int status;
  pid_t child;
  CHECK_OK(perdure_state_open("state", &options, &state, &error), error);
  options.flags = PERDURE_EXCLUSIVE;
  CHECK_OK(perdure_state_open("state", &options, &other, &error), error);
  CHECK(locks_open() == 1);
  CHECK(pthread_create(&saving, NULL, save_once, state) == 0);
  while (locks_open() < 2) sched_yield();  // it waits for the lock, within the save
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    CHECK_WRONG(perdure_state_load(state, &content, &error));
    CHECK_WRONG(perdure_state_save(state, "child", 5, NULL, NULL, &error));
    perdure_state_free(state);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  perdure_state_free(other);
  CHECK(pthread_join(saving, &failed) == 0 && failed == NULL);
  CHECK(loaded(state, "three", PERDURE_ORIGIN_CURRENT) == 1);
  perdure_state_free(state);
}

static void names(void) {
  CHECK(strcmp(perdure_fate_name(PERDURE_FATE_NONE), "none") == 0);
  CHECK(strcmp(perdure_fate_name(PERDURE_FATE_UNCHANGED), "unchanged") == 0);
  CHECK(strcmp(perdure_fate_name(PERDURE_FATE_UNKNOWN), "unknown") == 0);
  CHECK(strcmp(perdure_fate_name(99), "unknown") == 0);
  CHECK(strcmp(perdure_kind_name(PERDURE_KIND_NONE), "none") == 0);
  CHECK(strcmp(perdure_kind_name(PERDURE_KIND_SYSTEM), "system") == 0);
  CHECK(strcmp(perdure_kind_name(PERDURE_KIND_UNSUPPORTED), "unsupported") == 0);
  CHECK(strcmp(perdure_kind_name(-1), "unknown") == 0);
  CHECK(strchr(perdure_library_version(), '.') != NULL);
}

static const struct test tests[] = {
    {"write_and_read", write_and_read},
    {"remove", remove_a_file},
    {"policies", policies},
    {"streamed", streamed},
    {"transactions", transactions},
    {"open_root", open_root},
    {"state_of_bytes", state_of_bytes},
    {"state_of_json", state_of_json},
    {"nulls", nulls},
    {"names", names},
    {"threads", threads},
    {"forked", forked},
    {"forked_within_a_save", forked_within_a_save},
};

int main(int argc, char** argv) {
  return run_one(tests, sizeof tests / sizeof tests[0], argc, argv);
}
