// SPDX-License-Identifier: BSL-1.0
// Changes of several files that happen all or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/detail/held.hpp>
#include <perdure/files.hpp>
#include <perdure/recovery.hpp>
#include <perdure/serializer.hpp>
#include <perdure/transaction_options.hpp>

namespace perdure {

class Root;
class SourceTree;
struct MirrorOptions;
struct MirrorReport;

/// The facts of a committed transaction.
struct TransactionReceipt {
  std::string id;                          ///< Random; no two transactions share one.
  std::uint64_t files = 0;                 ///< Paths put, removed, moved or made.
  std::uint64_t bytes = 0;                 ///< Of new content.
  Protocol protocol = Protocol::portable;  ///< By which it was made durable.
  /// As Receipt::confirmed, of the journal; with `ordered`, too, where directories can be synced.
  bool confirmed = false;
  std::vector<StageTime> stages;  ///< The ones that ran, in their order.
  /// Paths that somebody else replaced, made or removed while this transaction was committed. Their
  /// change counts as the later one, and was left as it is.
  std::vector<std::string> left_alone;
  /// The directory that keeps the new content of such paths, relative to the root or absolute: as
  /// `.LEAF.R.perdure-put`. Empty if there was none. perdure never removes it.
  std::string set_aside;
};

/// The options of one file of a transaction; all others are the transaction's.
struct PutOptions {
  std::optional<Metadata> metadata{};  ///< In the place of TransactionOptions::metadata.
  /// Metadata that is preserved comes from the file at this path, if there is none at the put's
  /// own.
  std::optional<std::string> like{};
  /// As by `Transaction::expect`.
  std::optional<Version> expected{};
};

/// Many files beneath one root, all of them or none.
///
/// Nothing that is put is visible before `commit`. A transaction that is dropped without `commit`
/// changes nothing. While `commit` runs, and after a crash until the next recovery, readers may see
/// some paths new and others old, but each file is intact. After recovery all are new or all are
/// old. The transaction leaves a path alone that somebody else replaced, made or removed after the
/// check in `commit`, or whose directory was replaced. The receipt or the recovery reports it. One
/// transaction at a time holds a root; the next waits. Paths are relative to the root, in plain
/// form ("a/b", no "..", no leading "/"); symbolic links on the way are refused. `commit` finds
/// each path anew when it begins, also where a directory was moved since the `put`. Move-only; one
/// thread at a time. It belongs to the process that began it: in a forked child every call is
/// ErrorKind::invalid_argument, and dropping the child's copy changes nothing. One that was moved
/// from may be destroyed and assigned to; every other call of it ends the program.
///
///     BOOST_OUTCOME_TRY(auto tx, perdure::Transaction::begin("site"));
///     BOOST_OUTCOME_TRY(tx.put("index.html", page));
///     BOOST_OUTCOME_TRY(tx.remove("draft.html"));
///     BOOST_OUTCOME_TRY(tx.commit());
///
/// When `commit` fails, Fate::unchanged: nothing happened. Fate::committed: it is durable, and the
/// next `begin` or `recover` puts the rest in place. Fate::unknown: the disk did not say; the next
/// recovery finds out.
class PERDURE_API Transaction {
 public:
  /// Opens the root, waits for its lock, and recovers what a crashed transaction left. Fails with
  /// ErrorKind::recovery_required where a person has to decide. A directory becomes a root, with a
  /// marker and a private directory, by its first commit. A transaction that is refused or dropped
  /// before leaves neither. A root that lost its private directory is refused; `recover` gives it
  /// an empty one.
  static Result<Transaction> begin(const Path& root, const TransactionOptions& options = {});

  /// As Root::begin.
  static Result<Transaction> begin(Root& root);

  /// The report of the recovery that `begin` made: whether there was a crashed transaction, and
  /// which paths were left alone. Valid as long as this transaction.
  [[nodiscard]] const RecoveryReport& recovery() const noexcept;

  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// The file `path` shall have this content. The last call for a path counts. A directory at
  /// `path` is replaced only if this transaction removed it before. When staging the file fails or
  /// throws, the transaction is over and nothing of it was done. The same holds when any other call
  /// fails half-way or throws.
  Result<void> put(const std::string& path, Bytes content, const PutOptions& options = {});
  /// The same of text.
  Result<void> put(const std::string& path, std::string_view text, const PutOptions& options = {}) {
    return put(path, as_bytes(text), options);
  }
  /// The same from a source that writes into a sink; content of any size streams through. The
  /// source may `read` this transaction; every other call of it fails there.
  Result<void> put_from(const std::string& path, const std::function<Result<void>(Sink&)>& source,
                        const PutOptions& options = {});
  /// The same of a value, which streams through.
  template <class T, SerializerFor<T> S>
  Result<void> put(const std::string& path, const T& value, const S& serializer,
                   const PutOptions& options = {}) {
    return put_from(
        path, [&](Sink& sink) { return serializer.serialize(value, sink); }, options);
  }

  /// The file `to` shall have the content that `from` would have after the commit; this
  /// transaction's own changes count. A new file `to` gets the metadata of the file `from` as well.
  /// ErrorKind::conflict where somebody changes `from` while it is read; `expect` makes sure that
  /// it stays as it was read.
  Result<void> copy(const std::string& from, const std::string& to);
  /// `path` shall be a symbolic link with this text, which may lead anywhere, or nowhere; a file or
  /// link that is there is replaced. The link belongs to the user who commits. Only readers follow
  /// it: no call of a transaction does. Durable as its name is, on btrfs since Linux 5.18
  /// (docs/protocols.md). ErrorKind::unsupported where the file system has no links.
  Result<void> put_symlink(const std::string& path, const std::string& text);
  /// The file (or symbolic link) `path` shall be gone. It must exist now.
  Result<void> remove(const std::string& path);
  /// The directory `path` shall be gone. It must exist now, and this transaction must remove all
  /// that is in it: else `commit` fails with ErrorKind::conflict. Where somebody puts something
  /// into it after that check, the directory stays, and `TransactionReceipt::left_alone` names it.
  Result<void> remove_directory(const std::string& path);
  /// The file, symbolic link or directory `path` shall be gone, a directory with all that is in it
  /// now. As with `remove_directory`, files that come later are not removed. A directory is refused
  /// as a whole if it holds lock files or temps of writers, a root of its own, or a mount. So is
  /// one with anything but files, links and directories.
  Result<void> remove_all(const std::string& path);
  /// The directory shall exist. Its parent must exist, or be made by this transaction. A new
  /// directory gets `mode` less the umask of the process that makes it, which may be that of a
  /// recovery. `mode` must let its owner write and search (0300). A directory that exists keeps its
  /// own mode. A file or link at `path` is ErrorKind::exists, unless this transaction removed it
  /// before.
  Result<void> make_directory(const std::string& path, std::uint32_t mode = 0777);
  /// The file or symbolic link `from` shall be called `to`. It replaces a file at `to`; a link
  /// replaces a link, too.
  Result<void> move(const std::string& from, const std::string& to);

  /// The root shall have the files and directories that `source` has, and no other. A symbolic link
  /// in the source is refused; for a source with links, open a SourceTree that takes them.
  /// <perdure/mirror.hpp> has the types, and tells more.
  Result<MirrorReport> mirror(const Path& source);
  /// The same of a tree that was opened, with options.
  Result<MirrorReport> mirror(SourceTree& source, const MirrorOptions& options);

  /// The content that `path` would have after the commit; this transaction's own changes count.
  /// More bytes than `size_max` are ErrorKind::invalid_argument.
  Result<Buffer> read(const std::string& path, std::uint64_t size_max = UINT64_MAX);

  /// `commit` fails with ErrorKind::conflict, and leaves everything as it is, unless `path` is of
  /// this version at that time. Checked under the target's lock, as by AtomicWriter, and once more
  /// before the journal if the transaction changes `path`. All locks are kept until `commit`
  /// returns, with a descriptor each. `commit` takes them in one order, whatever the root and the
  /// paths are, and write_files takes its locks in the same order. So none waits for another in a
  /// circle. A path whose directory does not exist is absent, and there is nothing to lock. If
  /// others make a file there after the last check, it stays, and `TransactionReceipt::left_alone`
  /// names it.
  Result<void> expect(const std::string& path, const Version& version);
  /// The same for a path that must not exist.
  Result<void> expect_absent(const std::string& path) { return expect(path, Version::absent()); }

  /// All or nothing, durable. Once only, even if it fails: every later call is
  /// ErrorKind::invalid_argument, and its fate is what the commit reached.
  Result<TransactionReceipt> commit();

 private:
  friend class Root;
  friend struct RootOfState;
  struct State;
  explicit Transaction(std::unique_ptr<State> state) noexcept;
  /// Through the log of an open root.
  static Result<Transaction> begin_logged(struct TransactionRoot& root, class LogWriter& log);
  /// Makes this the transaction of a state: it may name previous generations, and commits if
  /// `compare` succeeds.
  void is_of_state(std::function<Result<void>()> compare);
  detail::Held<std::unique_ptr<State>> state_;
};

}  // namespace perdure
