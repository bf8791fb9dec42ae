// SPDX-License-Identifier: BSL-1.0
// The public calls of a root with a log.
#include <mutex>
#include <utility>

#include <perdure/atomic_writer.hpp>
#include <perdure/root.hpp>

#include "base/internal.hpp"
#include "engine/read.hpp"
#include "log/log_writer.hpp"
#include "log/root_of_state.hpp"
#include "log/root_writer.hpp"
#include "transaction/open_root.hpp"
#include "transaction/recovery.hpp"
#include "transaction/tree_copy.hpp"

namespace perdure {
namespace {

TransactionOptions transaction_options(const RootOptions& options) {
  TransactionOptions wanted;
  wanted.private_directory = options.private_directory;
  wanted.metadata = options.metadata;
  wanted.refuse_read_only = options.refuse_read_only;
  wanted.lock_timeout_ms = options.lock_timeout_ms;
  wanted.stop = options.stop;
  wanted.system = options.system;
  return wanted;
}

}  // namespace

struct PERDURE_LOCAL Root::State {
  std::unique_ptr<TransactionRoot> root;
  RecoveryReport recovery;
  std::unique_ptr<LogWriter> log;
  std::mutex closing{};

  Result<Transaction> begin() {
    BOOST_OUTCOME_TRY(check_process("begin a transaction"));
    return Transaction::begin_logged(*root, *log);
  }
  [[nodiscard]] Result<void> check_process(std::string_view step) const {
    if (root->made_by.this_process()) return success();
    return root->failure(step, "", ErrorKind::invalid_argument,
                         "another process opened this root: a forked child can't commit to it; "
                         "let the parent do it");
  }
};

void Root::Closer::operator()(State* state) const noexcept {
  if (state->root->made_by.this_process()) {
    try {
      (void)state->log->close();  // the next open recovers
    } catch (...) {               // NOLINT(bugprone-empty-catch): so it does then
    }
  } else {
    (void)state->log.release();  // to destroy it would wait for threads that a child does not have
  }
  delete state;  // NOLINT(cppcoreguidelines-owning-memory): this is the owner's deleter
}

Root::Root(Owned state) noexcept : state_(std::move(state)) {}
Root::Root(Root&&) noexcept = default;
Root& Root::operator=(Root&&) noexcept = default;
Root::~Root() = default;

Result<Root> Root::open(const Path& path, const RootOptions& options) {
  BOOST_OUTCOME_TRY(auto root, open_root(path, transaction_options(options)));
  BOOST_OUTCOME_TRY(RecoveryReport recovery, recover_root(*root));
  BOOST_OUTCOME_TRY(auto log, LogWriter::open(*root, options, recovery));
  return Root(Owned(new State{std::move(root), std::move(recovery), std::move(log), {}}));
}

const RecoveryReport& Root::recovery() const noexcept {
  return state_->recovery;
}

Result<Transaction> Root::begin() {
  return state_->begin();
}

Result<Transaction> RootOfState::begin(Root& root, std::function<Result<void>()> compare) {
  BOOST_OUTCOME_TRY(Transaction transaction, root.begin());
  transaction.is_of_state(std::move(compare));
  return transaction;
}

Result<Transaction> Transaction::begin(Root& root) {
  return root.begin();
}

Result<AtomicWriter> AtomicWriter::bind(Root& root, const std::string& directory,
                                        WriteOptions options) {
  Root::State* const state = &*root.state_;  // the root itself may be moved
  BOOST_OUTCOME_TRY(auto writer, make_root_writer(*state->root, directory, std::move(options),
                                                  [state] { return state->begin(); }));
  return AtomicWriter(std::move(writer));
}

Result<TransactionReceipt> Root::put(const std::string& path, Bytes content,
                                     const PutOptions& options) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  BOOST_OUTCOME_TRY(transaction.put(path, content, options));
  return transaction.commit();
}

Result<TransactionReceipt> Root::remove(const std::string& path) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  BOOST_OUTCOME_TRY(transaction.remove(path));
  return transaction.commit();
}

Result<TransactionReceipt> Root::make_directory(const std::string& path, std::uint32_t mode) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  BOOST_OUTCOME_TRY(transaction.make_directory(path, mode));
  return transaction.commit();
}

Result<TransactionReceipt> Root::move(const std::string& from, const std::string& to) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  BOOST_OUTCOME_TRY(transaction.move(from, to));
  return transaction.commit();
}

Result<Buffer> Root::read(const std::string& path, std::uint64_t size_max) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  return transaction.read(path, size_max);
}

Result<void> Root::settle() {
  BOOST_OUTCOME_TRY(state_->check_process("settle the root"));
  return state_->log->settle();
}

Result<CopyReport> Root::copy_to(const Path& destination) {
  return copy_to(destination, {});
}

Result<CopyReport> Root::copy_to(const Path& destination, const CopyOptions& options) {
  BOOST_OUTCOME_TRY(state_->check_process("copy the root"));
  TransactionRoot& root = *state_->root;
  return copy_tree({root.directory.get(), root.path}, destination, options, root.options,
                   [this](const auto& work) { return state_->log->hold(work); });
}

Result<std::vector<RecoveredPath>> Root::left_alone() {
  BOOST_OUTCOME_TRY(state_->check_process("ask what was left alone"));
  return state_->log->left_alone();
}

Result<void> Root::close() {
  BOOST_OUTCOME_TRY(state_->check_process("close the root"));
  const std::lock_guard one(state_->closing);
  const auto closed = state_->log->close();
  state_->root->release();
  return closed;
}

}  // namespace perdure
