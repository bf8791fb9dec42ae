// SPDX-License-Identifier: BSL-1.0
// A directory whose files are committed through a log: one flush for each commit.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/error.hpp>
#include <perdure/path.hpp>
#include <perdure/recovery_report.hpp>
#include <perdure/root_options.hpp>
#include <perdure/transaction.hpp>

namespace perdure {

struct CopyOptions;
struct CopyReport;

/// A root that one process holds open, to commit to its files at one flush each.
///
/// A commit appends a record to the root's log, with the new content in it, and makes it durable:
/// that is the commit point. Then each file gets its content in place. These files become durable
/// many at a time, when a segment of the log is full (`settle`). Commits of several threads share a
/// flush.
///
///     BOOST_OUTCOME_TRY(auto root, perdure::Root::open("/var/lib/app"));
///     BOOST_OUTCOME_TRY(root.put("queue/7", message));
///     BOOST_OUTCOME_TRY(root.close());
///
/// Files are plain files: any program reads them. After a power cut, until `open` or `recover` has
/// run, a reader may find an older acknowledged content, and, where Protocol::fast is not known to
/// hold, a damaged one (docs/log.md). While the root is open, other programs must not commit
/// beneath it. A Transaction waits for the root's lock, but a file that others replaced is left
/// alone. Others may delete a file that the log made only after `settle`: until then a crash may
/// bring it back.
///
/// Safe to use from all threads. It belongs to the process that opened it: in a forked child every
/// call is refused. Move-only; one that was moved from may be destroyed and assigned to.
class PERDURE_API Root {
 public:
  /// Waits for the root's lock, recovers what a crash left, and makes the directory a root with a
  /// log. ErrorKind::unsupported, with the reason, where a log can't keep its promises. That is on
  /// file systems without times of birth, or whose files another machine stamps, and before Linux
  /// 5.8.
  static Result<Root> open(const Path& path, const RootOptions& options = {});

  /// The report of the recovery that `open` made. Valid as long as this root.
  [[nodiscard]] const RecoveryReport& recovery() const noexcept;

  Root(Root&&) noexcept;
  Root& operator=(Root&&) noexcept;
  /// As `close`, without its error; if it failed, the next `open` recovers. In a forked child it
  /// changes nothing, and the parent keeps the root.
  ~Root();

  /// One change, durable when it returns. As the calls of Transaction of these names.
  Result<TransactionReceipt> put(const std::string& path, Bytes content,
                                 const PutOptions& options = {});
  /// The same of text.
  Result<TransactionReceipt> put(const std::string& path, std::string_view text,
                                 const PutOptions& options = {}) {
    return put(path, as_bytes(text), options);
  }
  /// The same of a value, serialized before anything is committed.
  template <class T, SerializerFor<T> S>
  Result<TransactionReceipt> put(const std::string& path, const T& value, const S& serializer,
                                 const PutOptions& options = {}) {
    BOOST_OUTCOME_TRY(Transaction transaction, begin());
    BOOST_OUTCOME_TRY(transaction.put(path, value, serializer, options));
    return transaction.commit();
  }
  /// As Transaction::remove; durable when it returns.
  Result<TransactionReceipt> remove(const std::string& path);
  /// As Transaction::make_directory; durable when it returns.
  Result<TransactionReceipt> make_directory(const std::string& path, std::uint32_t mode = 0777);
  /// As Transaction::move; durable when it returns.
  Result<TransactionReceipt> move(const std::string& from, const std::string& to);

  /// Several changes that happen all or not at all. Any number of transactions may be under way;
  /// of two that change one path the later commit counts, unless it expects a version. This root
  /// must outlive it.
  Result<Transaction> begin();

  /// The content of a file now. As Transaction::read.
  Result<Buffer> read(const std::string& path, std::uint64_t size_max = UINT64_MAX);

  /// Puts in place the files of Publish::later, and makes all published files durable, so that no
  /// crash needs the log for them. Commits wait in the meantime.
  Result<void> settle();

  /// Copies the root while other threads of this process commit. `copy_root` does the same for a
  /// root that nobody has open. <perdure/root_copy.hpp> has the types, and tells more.
  Result<CopyReport> copy_to(const Path& destination);
  /// The same with options.
  Result<CopyReport> copy_to(const Path& destination, const CopyOptions& options);

  /// The paths at which Publish::later found somebody else's change when the log settled, and left
  /// it alone. Each path is told once, with the file that keeps the new content. May be called
  /// after `close`, too, which settles.
  Result<std::vector<RecoveredPath>> left_alone();

  /// Settles, and lets others have the root. Idempotent; from then on every other call but
  /// `left_alone` is refused. After an error the next `open` or `recover` finishes.
  Result<void> close();

 private:
  friend class AtomicWriter;
  friend struct RootOfState;
  struct State;
  struct Closer {
    void operator()(State* state) const noexcept;
  };
  using Owned = std::unique_ptr<State, Closer>;
  explicit Root(Owned state) noexcept;
  detail::Held<Owned> state_;
};

}  // namespace perdure
