// SPDX-License-Identifier: BSL-1.0
// The C interface where the n-th allocation fails, for every n: no exception crosses the border,
// the call fails with ENOMEM, and the next one works.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <set>

#include "check.h"
#include "support/scarce_memory.hpp"

namespace {

using namespace perdure::test;  // NOLINT(google-build-using-namespace)

/// Runs `work` with memory for 0, 1, 2, ... allocations, until it needs no more.
template <class Work>
void fail_each(const char* name, bool and_all_others, Work work) {
  for (std::int64_t count = 0;; ++count) {
    perdure_error* error = nullptr;
    all_fail_then = and_all_others;
    allocations_failed = 0;
    allocations_left = count;
    const int kind = work(&error);
    allocations_left = -1;
    if (allocations_failed == 0) {
      CHECK_OK(kind, error);
      CHECK(count > 0);
      std::printf("%s: %lld allocations\n", name, static_cast<long long>(count));
      return;
    }
    if (kind == 0) continue;  // it did without
    if (perdure_error_errno(error) != ENOMEM || kind != PERDURE_KIND_SYSTEM) {
      std::printf("%s %lld: %s\n", name, static_cast<long long>(count),
                  perdure_error_message(error));
    }
    CHECK(kind == PERDURE_KIND_SYSTEM);
    CHECK(perdure_error_kind(error) == PERDURE_KIND_SYSTEM);
    CHECK(perdure_error_errno(error) == ENOMEM);
    CHECK(strstr(perdure_error_message(error), "memory") != nullptr);
    perdure_error_free(error);
    CHECK(work(nullptr) == 0);
  }
}

int write_once(perdure_error** error) {
  perdure_receipt* receipt = nullptr;
  const int kind = perdure_write("a", "text", 4, nullptr, &receipt, error);
  CHECK((receipt != nullptr) == (kind == 0));
  perdure_receipt_free(receipt);
  return kind;
}

int read_once(perdure_error** error) {
  perdure_content* content = nullptr;
  const int kind = perdure_read("a", UINT64_MAX, &content, error);
  CHECK((content != nullptr) == (kind == 0));
  perdure_content_free(content);
  return kind;
}

/// Goes on after a piece that failed: a content without it must not get the name.
int stream_once(perdure_error** error) {
  perdure_file* file = nullptr;
  int kind = perdure_file_create("c", nullptr, &file, error);
  for (const char* piece : {"one ", "two"}) {
    if (kind == 0) kind = perdure_file_write(file, piece, strlen(piece), error);
  }
  if (kind == 0) kind = perdure_file_commit(file, nullptr, error);
  if (kind != 0 && file != nullptr) {
    allocations_left = -1;
    CHECK(perdure_file_write(file, "three", 5, nullptr) == PERDURE_KIND_INVALID_ARGUMENT);
    CHECK(perdure_file_commit(file, nullptr, nullptr) == PERDURE_KIND_INVALID_ARGUMENT);
  }
  perdure_file_free(file);
  return kind;
}

std::set<int> fates;  ///< Of the failures of what follows.

/// The receipt of a write, or of a transaction, may find no memory: the commit is made then.
int write_with_receipt(perdure_error** error) {
  const int kind = write_once(error);
  if (kind != 0 && error != nullptr) fates.insert(perdure_error_fate(*error));
  return kind;
}

int commit_with_receipt(int durability, perdure_error** error) {
  perdure_root_options options = {};
  options.size = sizeof options;
  options.durability = durability;
  perdure_transaction* transaction = nullptr;
  perdure_receipt* receipt = nullptr;
  int kind = perdure_transaction_begin(".", &options, &transaction, nullptr, error);
  if (kind == 0) kind = perdure_transaction_put(transaction, "d", "text", 4, error);
  if (kind == 0) kind = perdure_transaction_commit(transaction, &receipt, error);
  if (kind == 0) CHECK(perdure_receipt_durability(receipt) == durability);
  if (kind != 0 && error != nullptr) fates.insert(perdure_error_fate(*error));
  perdure_receipt_free(receipt);
  perdure_transaction_free(transaction);
  return kind;
}

int commit_ordered(perdure_error** error) {
  return commit_with_receipt(PERDURE_DURABILITY_ORDERED, error);
}

int commit_durable(perdure_error** error) {
  return commit_with_receipt(PERDURE_DURABILITY_DURABLE, error);
}

int commit_once(perdure_error** error) {
  perdure_transaction* transaction = nullptr;
  int kind = perdure_transaction_begin(".", nullptr, &transaction, nullptr, error);
  if (kind == 0) kind = perdure_transaction_put(transaction, "b", "text", 4, error);
  if (kind == 0) kind = perdure_transaction_commit(transaction, nullptr, error);
  perdure_transaction_free(transaction);
  return kind;
}

}  // namespace

int main() {
  for (const bool and_all_others : {false, true}) {
    fail_each("write", and_all_others, write_once);
    fail_each("read", and_all_others, read_once);
  }
  fail_each("stream", false, stream_once);
  CHECK(holds("c", "one two"));
  fail_each("transaction", false, commit_once);
  // The fate of a commit that was made is what its durability says.
  fail_each("written", false, write_with_receipt);
  CHECK(fates.count(PERDURE_FATE_DURABLE) == 1);
  fates.clear();
  fail_each("durable transaction", false, commit_durable);
  CHECK(fates.count(PERDURE_FATE_DURABLE) == 1);
  fates.clear();
  fail_each("ordered transaction", false, commit_ordered);
  CHECK(fates.count(PERDURE_FATE_VISIBLE) == 1 && fates.count(PERDURE_FATE_DURABLE) == 0);
  return 0;
}
