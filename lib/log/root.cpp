// SPDX-License-Identifier: BSL-1.0
// The front door of a root with a log.
#include <perdure/root.hpp>

#include "engine/read.hpp"
#include "log/log_writer.hpp"
#include "transaction/open_root.hpp"
#include "transaction/recovery.hpp"

namespace perdure {
namespace {

TransactionOptions transaction_options(const RootOptions& options) {
  TransactionOptions wanted;
  wanted.private_directory = options.private_directory;
  wanted.metadata = options.metadata;
  wanted.refuse_read_only = options.refuse_read_only;
  wanted.lock_timeout_ms = options.lock_timeout_ms;
  wanted.system = options.system;
  return wanted;
}

}  // namespace

struct Root::State {
  std::unique_ptr<TransactionRoot> root;
  RecoveryReport recovery;
  std::unique_ptr<LogWriter> log;

  [[nodiscard]] Result<void> check_process(std::string_view step) const {
    if (root->made_by.this_process()) return success();
    return root->failure(step, "", ErrorKind::invalid_argument,
                         "another process opened this root: a forked child can't commit to it; "
                         "let the parent do it");
  }
};

Root::Root(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Root::Root(Root&&) noexcept = default;
Root& Root::operator=(Root&&) noexcept = default;

Root::~Root() {
  if (!state_) return;
  if (state_->root->made_by.this_process()) (void)close();  // the next open recovers
}

Result<Root> Root::open(const Path& path, const RootOptions& options) {
  auto state = std::make_unique<State>();
  BOOST_OUTCOME_TRY(state->root, open_root(path, transaction_options(options)));
  BOOST_OUTCOME_TRY(state->recovery, recover_root(*state->root));
  BOOST_OUTCOME_TRY(state->log, LogWriter::open(*state->root, options, state->recovery));
  return Root(std::move(state));
}

const RecoveryReport& Root::recovery() const noexcept {
  return state_->recovery;
}

Result<Transaction> Root::begin() {
  BOOST_OUTCOME_TRY(state_->check_process("begin a transaction"));
  return Transaction::begin_logged(*state_->root, *state_->log);
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

Result<Buffer> Root::read(const std::string& path) {
  BOOST_OUTCOME_TRY(Transaction transaction, begin());
  return transaction.read(path);
}

Result<void> Root::settle() {
  BOOST_OUTCOME_TRY(state_->check_process("settle the root"));
  return state_->log->settle();
}

Result<void> Root::close() {
  BOOST_OUTCOME_TRY(state_->check_process("close the root"));
  const auto closed = state_->log->close();
  state_->root->release();
  return closed;
}

}  // namespace perdure
