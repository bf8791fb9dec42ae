// SPDX-License-Identifier: BSL-1.0
// The C interface to roots: transactions, recovery, and a root that is held open.
#include <memory>
#include <utility>

#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/transaction.hpp>

#include "c/border.hpp"
#include "c/numbers.hpp"
#include "c/options.hpp"
#include "c/results.hpp"

struct perdure_root {
  std::shared_ptr<perdure::Root> root;
};

struct perdure_transaction {
  std::shared_ptr<perdure::Root> root;  // outlives the transaction; null for one without it
  perdure::Transaction transaction;
  perdure::Durability durability;  // as it was asked for
};

namespace perdure::c {
namespace {

constexpr std::string_view recover_step = "recover the root";
constexpr std::string_view begin_step = "begin the transaction";
constexpr std::string_view commit_step = "commit the transaction";
constexpr std::string_view open_step = "open the root";
constexpr std::string_view no_place = "the place for the handle is NULL";
constexpr std::string_view no_handle = "the handle is NULL";

void hand_over_report(RecoveryReport found, perdure_report** out) {
  if (out == nullptr) return;
  *out = std::make_unique<perdure_report>(perdure_report{std::move(found)}).release();
}

void hand_over_receipt(TransactionReceipt receipt, Durability durability, perdure_receipt** out) {
  if (out == nullptr) return;
  auto made = std::make_unique<perdure_receipt>();
  made->bytes = receipt.bytes;
  made->durability = number_of(durability);
  made->protocol = number_of(receipt.protocol);
  made->left_alone = std::move(receipt.left_alone);
  made->set_aside = std::move(receipt.set_aside);
  *out = made.release();
}

/// Runs `work` on an open transaction, for a change of the path.
template <class Work>
int change(perdure_transaction* transaction, const char* path, std::string_view step,
           perdure_error** error, Work work) noexcept {
  return call(step, Fate::unchanged, error, [&]() -> Result<void> {
    if (transaction == nullptr) return wrong_call(step, no_handle);
    if (path == nullptr) return wrong_call(step, "the path is NULL");
    return work(transaction->transaction);
  });
}

}  // namespace
}  // namespace perdure::c

using namespace perdure;     // NOLINT(google-build-using-namespace)
using namespace perdure::c;  // NOLINT(google-build-using-namespace)

int perdure_recover(const char* path, const perdure_root_options* options, perdure_report** report,
                    perdure_error** error) {
  return call(recover_step, Fate::unknown, error, [&]() -> Result<void> {
    static_cast<void>(clear(report));
    BOOST_OUTCOME_TRY(const Path root, path_of(path, recover_step));
    BOOST_OUTCOME_TRY(const TransactionOptions asked, options_of(options, recover_step));
    BOOST_OUTCOME_TRY(RecoveryReport found, recover(root, asked));
    hand_over_report(std::move(found), report);
    return success();
  });
}

int perdure_transaction_begin(const char* root, const perdure_root_options* options,
                              perdure_transaction** transaction, perdure_report** report,
                              perdure_error** error) {
  return call(begin_step, Fate::unknown, error, [&]() -> Result<void> {
    static_cast<void>(clear(report));
    if (!clear(transaction)) return wrong_call(begin_step, no_place);
    BOOST_OUTCOME_TRY(const Path at, path_of(root, begin_step));
    BOOST_OUTCOME_TRY(const TransactionOptions asked, options_of(options, begin_step));
    BOOST_OUTCOME_TRY(Transaction begun, Transaction::begin(at, asked));
    auto made = std::make_unique<perdure_transaction>(
        perdure_transaction{nullptr, std::move(begun), asked.durability});
    hand_over_report(made->transaction.recovery(), report);
    *transaction = made.release();
    return success();
  });
}

int perdure_transaction_put(perdure_transaction* transaction, const char* path, const void* bytes,
                            size_t size, perdure_error** error) {
  constexpr std::string_view step = "put the file";
  return change(transaction, path, step, error, [&](Transaction& begun) -> Result<void> {
    BOOST_OUTCOME_TRY(const Bytes content, bytes_of(bytes, size, step));
    return begun.put(path, content);
  });
}

int perdure_transaction_remove(perdure_transaction* transaction, const char* path,
                               perdure_error** error) {
  return change(transaction, path, "remove the file", error,
                [&](Transaction& begun) { return begun.remove(path); });
}

int perdure_transaction_make_directory(perdure_transaction* transaction, const char* path,
                                       uint32_t mode, perdure_error** error) {
  return change(transaction, path, "make the directory", error,
                [&](Transaction& begun) { return begun.make_directory(path, mode); });
}

int perdure_transaction_expect(perdure_transaction* transaction, const char* path,
                               const char* version, perdure_error** error) {
  constexpr std::string_view step = "expect a version";
  return change(transaction, path, step, error, [&](Transaction& begun) -> Result<void> {
    BOOST_OUTCOME_TRY(const Version expected, version_of(version, step));
    return begun.expect(path, expected);
  });
}

int perdure_transaction_commit(perdure_transaction* transaction, perdure_receipt** receipt,
                               perdure_error** error) {
  Fate thrown = Fate::unknown;
  return call(commit_step, thrown, error, [&]() -> Result<void> {
    static_cast<void>(clear(receipt));
    if (transaction == nullptr) return wrong_call(commit_step, no_handle);
    BOOST_OUTCOME_TRY(TransactionReceipt made, transaction->transaction.commit());
    const Durability durability = transaction->durability;
    thrown = reached(durability);
    hand_over_receipt(std::move(made), durability, receipt);
    return success();
  });
}

void perdure_transaction_free(perdure_transaction* transaction) {
  delete transaction;
}

int perdure_root_open(const char* path, const perdure_root_options* options, perdure_root** root,
                      perdure_report** report, perdure_error** error) {
  return call(open_step, Fate::unknown, error, [&]() -> Result<void> {
    static_cast<void>(clear(report));
    if (!clear(root)) return wrong_call(open_step, no_place);
    BOOST_OUTCOME_TRY(const Path at, path_of(path, open_step));
    BOOST_OUTCOME_TRY(const RootOptions asked, log_options_of(options, open_step));
    BOOST_OUTCOME_TRY(Root opened, Root::open(at, asked));
    auto made = std::make_unique<perdure_root>();
    made->root = std::make_shared<Root>(std::move(opened));
    hand_over_report(made->root->recovery(), report);
    *root = made.release();
    return success();
  });
}

int perdure_root_begin(perdure_root* root, perdure_transaction** transaction,
                       perdure_error** error) {
  return call(begin_step, Fate::unchanged, error, [&]() -> Result<void> {
    if (!clear(transaction)) return wrong_call(begin_step, no_place);
    if (root == nullptr) return wrong_call(begin_step, no_handle);
    BOOST_OUTCOME_TRY(Transaction begun, root->root->begin());
    auto made = std::make_unique<perdure_transaction>(
        perdure_transaction{root->root, std::move(begun), Durability::durable});
    *transaction = made.release();
    return success();
  });
}

int perdure_root_settle(perdure_root* root, perdure_error** error) {
  constexpr std::string_view step = "settle the root";
  return call(step, Fate::committed, error, [&]() -> Result<void> {
    if (root == nullptr) return wrong_call(step, no_handle);
    return root->root->settle();
  });
}

int perdure_root_close(perdure_root* root, perdure_error** error) {
  constexpr std::string_view step = "close the root";
  return call(step, Fate::committed, error, [&]() -> Result<void> {
    if (root == nullptr) return wrong_call(step, no_handle);
    return root->root->close();
  });
}

void perdure_root_free(perdure_root* root) {
  // A transaction may hold the root still; it shall commit nothing more.
  if (root != nullptr) static_cast<void>(perdure_root_close(root, nullptr));
  delete root;
}
