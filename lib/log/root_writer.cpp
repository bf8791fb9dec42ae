// SPDX-License-Identifier: BSL-1.0
// Makes each commit of a writer a transaction of one file.
#include "log/root_writer.hpp"

#include <string_view>
#include <utility>

#include "engine/commit.hpp"
#include "engine/names.hpp"
#include "engine/posted_commit.hpp"
#include "transaction/transaction_root.hpp"
#include "transaction/tree.hpp"

namespace perdure {
namespace {

constexpr std::string_view bind_step = "bind a writer to the root";

/// Empty, or the option that a commit through a log can't keep.
std::string_view fault_of(const WriteOptions& options, const TransactionOptions& of_root) {
  if (options.protocol == ProtocolChoice::fast) return "a protocol: a root commits through its log";
  if (options.existing == ExistingPolicy::backup) return "backups";
  if (options.symlink == SymlinkPolicy::replace) return "the replacement of links";
  if (options.verify) return "to read contents back";
  if (options.make_parents) return "to make parents: Root::make_directory makes them";
  if (options.report_version) return "versions: read_version tells one";
  if (options.group) return "a group: commits of a root share flushes anyway";
  if (options.refuse_read_only && !of_root.refuse_read_only) {
    return "to refuse read-only files for itself: RootOptions::refuse_read_only does";
  }
  return {};
}

class RootWriter final : public detail::WriterState {
 public:
  RootWriter(const TransactionRoot& root, std::string directory, WriteOptions options,
             std::function<Result<Transaction>()> begin)
      : root_(root),
        directory_(std::move(directory)),
        options_(std::move(options)),
        begin_(std::move(begin)) {}

  Result<Receipt> commit(const std::string& leaf, Bytes image,
                         std::function<Result<void>(Sink&)> produce,
                         const std::optional<Version>& expected) const override {
    if (const auto fault = names::fault_of_leaf(leaf); !fault.empty()) {
      return root_.failure("use the target", directory_, ErrorKind::invalid_argument,
                           std::string(fault));
    }
    const std::string path = directory_.empty() ? leaf : directory_ + "/" + leaf;
    BOOST_OUTCOME_TRY(Transaction transaction, begin_());
    if (expected) {
      BOOST_OUTCOME_TRY(transaction.expect(path, *expected));
    } else if (options_.existing == ExistingPolicy::keep) {
      BOOST_OUTCOME_TRY(transaction.expect_absent(path));
    }
    const PutOptions put{.metadata = options_.metadata, .like = {}};
    BOOST_OUTCOME_TRY(produce ? transaction.put_from(path, produce, put)
                              : transaction.put(path, image, put));
    auto committed = transaction.commit();
    if (!committed) {
      const bool refused = committed.error().kind == ErrorKind::conflict && !expected;
      if (refused && options_.existing == ExistingPolicy::keep && is_there(path)) {
        committed.error().kind = ErrorKind::exists;
      }
      return std::move(committed.error());
    }
    TransactionReceipt& done = committed.value();
    if (!done.left_alone.empty()) return left_alone(path, done);
    Receipt receipt;
    receipt.bytes = done.bytes;
    receipt.durability = Durability::durable;
    receipt.protocol = done.protocol;
    receipt.confirmed = done.confirmed;
    receipt.stages = std::move(done.stages);
    return receipt;
  }

  /// Commits of a root share flushes by its log.
  std::shared_ptr<detail::PostedCommit> commit_later(
      const std::string& leaf, Bytes image, std::function<Result<void>(Sink&)> produce,
      const std::optional<Version>& expected) const override {
    return std::make_shared<detail::PostedCommit>(
        commit(leaf, image, std::move(produce), expected));
  }

 private:
  [[nodiscard]] bool is_there(const std::string& path) const {
    auto transaction = begin_();
    if (!transaction) return false;
    const auto read = transaction.value().read(path, 0);
    return read || read.error().kind == ErrorKind::invalid_argument;  // it has more
  }
  [[nodiscard]] Error left_alone(const std::string& path, const TransactionReceipt& done) const {
    return root_.failure(
        "commit to the log", path, ErrorKind::conflict,
        "somebody else changed it in the meantime, and it was left as it is; the new "
        "content is kept in " +
            done.set_aside);
  }

  const TransactionRoot& root_;
  std::string directory_;
  WriteOptions options_;
  std::function<Result<Transaction>()> begin_;
};

}  // namespace

Result<std::unique_ptr<detail::WriterState>> make_root_writer(
    const TransactionRoot& root, std::string directory, WriteOptions options,
    std::function<Result<Transaction>()> begin) {
  BOOST_OUTCOME_TRY(check_options_of_many(options, (root.path / directory).native()));
  if (const auto fault = fault_of(options, root.options); !fault.empty()) {
    return root.failure(bind_step, directory, ErrorKind::invalid_argument,
                        "a writer of a root has no option for " + std::string(fault));
  }
  if (!directory.empty()) {
    BOOST_OUTCOME_TRY(root.check_path(bind_step, directory));
  }
  std::unique_ptr<detail::WriterState> made = std::make_unique<RootWriter>(
      root, std::move(directory), std::move(options), std::move(begin));
  return made;
}

}  // namespace perdure
