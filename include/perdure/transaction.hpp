// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/files.hpp>
#include <perdure/procedure.hpp>

namespace perdure {

/// How a root is used. Everyone who commits to one root needs the same `private_directory`.
struct TransactionOptions {
  /// Where staged files and the journal lie: a name directly under the root, or, for folders that
  /// are synced or served as a whole, an absolute path on the same file system.
  std::string private_directory = ".perdure";
  Metadata metadata = Metadata::preserve();
  /// How the commit is made durable; recovery is `portable` always.
  ProtocolChoice protocol = ProtocolChoice::portable;
  /// Whose company the journal becomes durable in; may be empty. For transactions of several roots.
  std::shared_ptr<GroupCommit> group{};
  /// How long to wait for another committer; 0 tries once.
  std::chrono::milliseconds lock_timeout_ms{10'000};
  /// Called with files done and files in all, as they are applied; may be empty. On the thread
  /// that commits or recovers. If it throws, the transaction stays committed, and the next `begin`
  /// or `recover` puts in place what is not yet.
  Procedure<std::uint64_t /*done*/, std::uint64_t /*total*/> progress;
  System system = native_system();
};

/// What a committed transaction did.
struct TransactionReceipt {
  std::string id;                          ///< Random; no two transactions share one.
  std::uint64_t files = 0;                 ///< Paths put, removed, moved or made.
  std::uint64_t bytes = 0;                 ///< Of new content.
  Protocol protocol = Protocol::portable;  ///< By which it was made durable.
  bool confirmed = false;                  ///< As Receipt::confirmed, of the journal.
  std::vector<StageTime> stages;
  /// Paths that somebody else replaced, made or removed while this transaction was committed: their
  /// change counts as the later one, and was left as it is.
  std::vector<std::string> left_alone;
};

/// Many files beneath one root, all of them or none.
///
/// Nothing that is put is visible before `commit`. Dropping it aborts. While `commit` runs, and
/// after a crash until the next recovery, readers may see some paths new and others old, but each
/// file is whole; after recovery all are new or all are old. A path that somebody else replaced,
/// made or removed since the check in `commit`, or whose directory is another, is theirs: it is
/// left alone, and reported by the receipt or by the recovery. One transaction at a time holds a
/// root; the next waits. Paths are relative to the root, in plain form ("a/b", no "..", no leading
/// "/"); symbolic links on the way are refused. Move-only; one thread at a time. It belongs to the
/// process that began it: in a forked child every call is ErrorKind::invalid_argument, and dropping
/// the copy changes nothing.
///
///     BOOST_OUTCOME_TRY(auto tx, perdure::Transaction::begin("site"));
///     BOOST_OUTCOME_TRY(tx.put("index.html", page));
///     BOOST_OUTCOME_TRY(tx.remove("draft.html"));
///     BOOST_OUTCOME_TRY(tx.commit());
///
/// When `commit` fails, Fate::unchanged: nothing happened. Fate::committed: it is durable, and the
/// next `begin` or `recover` puts in place what is not yet. Fate::unknown: the disk did not say;
/// the next recovery finds out.
class Transaction {
 public:
  /// Opens the root, waits for its lock, and recovers what a crashed transaction left. Fails with
  /// ErrorKind::recovery_required where that takes a decision by a person.
  static Result<Transaction> begin(const Path& root, const TransactionOptions& options = {});

  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// The file `path` shall have this content. The last word on a path counts. When staging it
  /// fails or throws, the transaction is over and nothing of it was done; so it is when any other
  /// call fails half-way or throws.
  Result<void> put(const std::string& path, Bytes content);
  Result<void> put(const std::string& path, std::string_view text) {
    return put(path, as_bytes(text));
  }
  /// The same from a source that writes into a sink; content of any size streams through. The
  /// source may `read` this transaction; every other call of it fails there.
  Result<void> put_from(const std::string& path, const std::function<Result<void>(Sink&)>& source);
  template <class T, SerializerFor<T> S>
  Result<void> put(const std::string& path, const T& value, const S& serializer) {
    return put_from(path, [&](Sink& sink) { return serializer.serialize(value, sink); });
  }

  /// The file (or symbolic link) `path` shall be gone. It must exist now.
  Result<void> remove(const std::string& path);
  /// The directory shall exist. Its parent must exist, or be made by this transaction.
  Result<void> make_directory(const std::string& path);
  /// The file `from` shall be called `to`, in the place of what is there.
  Result<void> move(const std::string& from, const std::string& to);

  /// What `path` would be after the commit: one's own writes first.
  Result<Buffer> read(const std::string& path);

  /// `commit` fails with ErrorKind::conflict, and leaves everything as it is, unless `path` is of
  /// this version then. Checked under the target's lock, as by AtomicWriter. All locks are kept
  /// until `commit` returns, with a descriptor each. It takes them in one order that write_files
  /// keeps, too, whatever the root and the paths are, so that none waits for another in a circle.
  /// A path whose directory
  /// does not exist is absent, and there is nothing to lock: a file that others make there behind
  /// the last check stays, and `TransactionReceipt::left_alone` names it.
  Result<void> expect(const std::string& path, const Version& version);
  Result<void> expect_absent(const std::string& path) { return expect(path, Version::absent()); }

  /// All or nothing, durable. Once only, whatever comes of it.
  Result<TransactionReceipt> commit();

 private:
  struct State;
  explicit Transaction(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// What recovery makes of one path of a journal.
enum class RecoveryStep {
  done,     ///< The path is as the transaction wants it.
  redo,     ///< It is as it was before: to be done (or was done now).
  foreign,  ///< Somebody else changed it since: left alone.
  lost,     ///< It is to be done, but the staged file is gone: a person must decide.
};

struct RecoveredPath {
  std::string path;
  std::string action;  ///< "put", "remove" or "make directory".
  RecoveryStep step = RecoveryStep::done;
};

/// What a root's private directory holds, and what recovery did or would do.
struct RecoveryReport {
  /// A committed transaction is there to be finished (or was, and is finished now).
  bool journal = false;
  std::string id;  ///< Of that transaction.
  /// Why the journal, or a path that it names, can't be read, and which apply temps `abandon` could
  /// not move; empty if all is well. `id` is empty where the journal itself can't be read.
  std::string damage;
  std::vector<RecoveredPath> paths;
  std::uint64_t discarded = 0;  ///< Staged files of transactions that never committed.
  std::string set_aside;        ///< Where `abandon` put the evidence.
};

/// Finishes what a crashed transaction left, as `begin` does, and says what that was. Idempotent,
/// and safe to be killed at any point.
Result<RecoveryReport> recover(const Path& root, const TransactionOptions& options = {});

/// For a root that can't be recovered: moves journal, staged files and the apply temps that the
/// journal names aside as evidence, and says which paths are old and which new. The root can be
/// used again. Whatever is in place stays, and so do directories that the transaction made. Where
/// the journal can't be read, its apply temps (`.LEAF.R.perdure-put`) stay beside their targets.
Result<RecoveryReport> abandon(const Path& root, const TransactionOptions& options = {});

/// What `recover` would do. Changes nothing, waits for nobody.
Result<RecoveryReport> inspect(const Path& root, const TransactionOptions& options = {});

[[nodiscard]] std::string_view to_string(RecoveryStep step) noexcept;

}  // namespace perdure
