// SPDX-License-Identifier: BSL-1.0
// The store of a tracked state, behind a seam.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/options.hpp>
#include <perdure/path.hpp>
#include <perdure/receipt.hpp>
#include <perdure/root_options.hpp>
#include <perdure/system/native.hpp>

namespace perdure {

/// One content of a store at one moment; only the store knows how to read the token. An empty token
/// is the revision of a state that does not exist, and may be expected as any other revision. If
/// another content takes the place of this one, it has another revision, even with the same bytes:
/// no revision comes back. A content under two names has one revision.
struct Revision {
  std::string token;  ///< The store's own words.
  /// Whether it is of a state that does not exist.
  [[nodiscard]] bool is_absent() const noexcept { return token.empty(); }
  friend bool operator==(const Revision&, const Revision&) = default;
};

/// A state as the store has it.
struct StoredState {
  Buffer bytes;       ///< The image, as a commit gave it.
  Revision revision;  ///< Of exactly these bytes.
};

/// The state that shall become the current one.
struct StateDraft {
  Bytes image;                           ///< Not owned; must last until `commit` returned.
  Revision expected;                     ///< Commit only if this is still the current one.
  std::optional<std::uint64_t> keep_as;  ///< Keep the current one under this generation number.
  std::vector<std::uint64_t> drop;       ///< Previous generations to remove after the publish.
};

/// The facts of a draft that was committed.
struct StoreReceipt {
  Revision revision;                            ///< Of the state that is current now.
  Durability durability = Durability::durable;  ///< The durability that was reached.
  std::vector<StageTime> stages{};              ///< For SaveReceipt::stages.
};

/// The numbers that a store's names bear.
struct StateHistory {
  std::vector<std::uint64_t> previous;  ///< Generations that can be loaded, newest first.
  std::uint64_t generation_max = 0;     ///< The highest number seen, of damaged states too.
  std::vector<std::string> damaged;     ///< Where damaged states were moved to, oldest first.
};

/// How much a store takes, and whether its compare needs the lock. Asked before a commit.
struct StoreLimits {
  std::uint64_t size_max = UINT64_MAX;      ///< Bytes of one state.
  std::uint64_t previous_max = UINT64_MAX;  ///< Previous generations that may be kept at a time.
  /// The compare of a commit holds only against others who take the lock. Where this is false, the
  /// compare holds against everybody, and the lock only saves tries that would fail. A holder may
  /// then lose the lock (a lease that ended) without losing an update.
  bool needs_lock = true;
};

/// A store keeps a state: the current one, some previous generations, and a lock. No code above
/// this seam knows paths. Errors are those of a commit; `Error::fate` speaks of the current state.
/// Used by one thread at a time; `describe` by any. docs/stores.md has the rules for a store of
/// one's own, and `perdure::testing::check_store` checks them.
///
/// Over a network, every call ends by a deadline that the store's options set. A request that was
/// never sent leaves the state `unchanged`. When the answer to a commit is lost, the store finds
/// out what became of the commit before it returns. Only where it can't does it say `unknown`.
class PERDURE_STATE_API StateStore {
 public:
  /// The store's lock, held until it is destroyed.
  class Lock {
   public:
    Lock() = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    virtual ~Lock() = default;
  };

  /// Hears that the state may have changed. A hint that saves looks, and not a promise. A caller
  /// that waits asks `revision` when the watch has begun, and again each time that it has heard
  /// something. Used by one thread at a time, while another one may use the store.
  class Watch {
   public:
    /// Why `wait` returned.
    enum class Heard {
      change,   ///< The state may be another one.
      nothing,  ///< Until the time was up, or `stop` said so.
      end,      ///< The watch broke, and hears nothing any more.
    };
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    virtual ~Watch() = default;
    /// Returns when the watch has heard something; at once for a change since it began, or since
    /// `wait` last returned.
    virtual Heard wait(const LockWait& wait) = 0;
  };

  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  virtual ~StateStore() = default;

  /// The most that it can hold; calls no system.
  [[nodiscard]] virtual StoreLimits limits() const { return {}; }
  /// Waits for the lock against every other user of this state; ErrorKind::lock_timeout when the
  /// time is up, ErrorKind::stopped when `wait.stop` says so.
  virtual Result<std::unique_ptr<Lock>> lock(const LockWait& wait) = 0;
  /// The current revision; cheap. A store may keep facts that it saw, for the commit that expects
  /// this revision.
  virtual Result<Revision> revision() = 0;
  /// The current state, durable before it is returned; empty when there is none. A state that can't
  /// be read (permissions, an I/O error) is an error, never "none".
  virtual Result<std::optional<StoredState>> load() = 0;
  /// Makes the draft durable as the current state, if the one that it expects is still current.
  /// Otherwise ErrorKind::conflict, and nothing of the draft is done. Call it under the lock where
  /// the store needs that. A state beyond `limits` is ErrorKind::invalid_argument. A previous
  /// generation that can't be dropped is tried again with the next draft that names it; that is not
  /// an error. Another content under the number `keep_as` becomes evidence, as by
  /// set_aside_previous.
  virtual Result<StoreReceipt> commit(const StateDraft& draft) = 0;
  /// The previous generations and the evidence that are there now.
  virtual Result<StateHistory> history() = 0;
  /// One previous generation, durable; empty when there is none of that number.
  virtual Result<std::optional<StoredState>> load_previous(std::uint64_t generation) = 0;
  /// Moves the current state, if it still is `damaged`, out of the way, durably, as evidence that
  /// is never overwritten. Says where it went. `generation` is the highest number it may have had.
  /// Then the store has no current state. ErrorKind::conflict if it is another one.
  virtual Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) = 0;
  /// The same for a previous generation. Where there is none of that number, `Error::cause` is
  /// std::errc::no_such_file_or_directory.
  virtual Result<std::string> set_aside_previous(std::uint64_t generation) = 0;
  /// A watch that hears each change from now on. Empty where the store has none, or none now: then
  /// a caller that waits looks again and again.
  virtual std::unique_ptr<Watch> watch() { return nullptr; }
  /// The name that people have for this state, for errors: its path.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// How a state is kept in files.
struct FileStoreOptions {
  /// `ordered` makes no syncs of the directory, for a file system that has none. A power cut may
  /// bring an earlier generation back, and its number is then given once more. `none` is refused.
  Durability durability = Durability::durable;
  Metadata metadata = Metadata::preserve();            ///< Of the state's file.
  ProtocolChoice protocol = ProtocolChoice::portable;  ///< By which a save is durable.
  std::shared_ptr<GroupCommit> group{};  ///< The group with which saves share syncs; may be empty.
  bool make_parents = false;             ///< As WriteOptions::make_parents.
  std::uint64_t size_max = std::uint64_t{1} << 32U;  ///< Larger ones are neither read nor written.
};

/// A state in a file, its previous generations and damaged ones beside it. A symbolic link at
/// `path` is followed once, now. `system` must outlive the store.
PERDURE_STATE_API Result<std::unique_ptr<StateStore>> open_file_store(
    const Path& path, const FileStoreOptions& options = {}, System system = native_system());

/// How a state is kept through the log of a root.
struct LogStoreOptions {
  /// Larger segments and records than those of RootOptions: a save is one record.
  LogStoreOptions() {
    root.segment_size = std::uint64_t{8} << 20U;
    root.record_size_max = std::uint64_t{4} << 20U;
  }

  /// Of the state's directory. Its `metadata` is also for the state, its `system` for everything.
  /// With Publish::later, saves cost least, and other programs find in the file the state of the
  /// last time that the log settled.
  RootOptions root{};
  std::uint64_t size_max = std::uint64_t{1} << 32U;  ///< As FileStoreOptions::size_max.
};

/// A state in a file whose directory is a Root: a save costs one flush, its previous generation
/// included. As long as the store lives, this program alone has the state, and the whole directory:
/// another program that opens it waits, as for Root::open. Others read the plain file. Previous
/// generations and damaged states lie beside it, as with open_file_store. That function opens the
/// state, too, once the root was closed or recovered. A state of more than `root.record_size_max`,
/// its previous generation included, is saved through a journal.
///
/// The directory stays locked as long as anything holds the store: the tracker, and each handle of
/// a save. If a failure stopped the root, every call is refused, `reload` too, until the state is
/// opened again. A save whose file somebody replaced at the last moment is ErrorKind::conflict with
/// Fate::unknown, and the error says where the saved state is kept.
///
/// ErrorKind::unsupported where no log can be kept; ErrorKind::symlink_refused for a link at
/// `path`.
PERDURE_STATE_API Result<std::unique_ptr<StateStore>> open_log_store(
    const Path& path, const LogStoreOptions& options = {});

}  // namespace perdure
