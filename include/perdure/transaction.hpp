// SPDX-License-Identifier: BSL-1.0
// Changes of several files that happen all or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/files.hpp>
#include <perdure/recovery.hpp>
#include <perdure/serializer.hpp>
#include <perdure/transaction_options.hpp>

namespace perdure {

/// The facts of a committed transaction.
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
/// "/"); symbolic links on the way are refused. A path counts as it leads when `commit` begins,
/// also where a directory was moved since the `put`. Move-only; one thread at a time. It belongs to
/// the process that began it: in a forked child every call is ErrorKind::invalid_argument, and
/// dropping the copy changes nothing.
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

  /// The content that `path` would have after the commit: one's own writes first.
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

}  // namespace perdure
