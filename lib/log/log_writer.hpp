// SPDX-License-Identifier: BSL-1.0
// Commits through the log of an open root: one caller leads, and one flush serves all who wait.
//
// The life of a group:
//
//   look at what is there --> chain and add records --> flush --> publish in order --> answer
//        |                                                |            |
//        | fails: that commit is unchanged                +--- fails --+--> recover in place
//
// W1. A record names the files that were there before: each is there after a power cut, too, or an
//     earlier record made it.
// W2. Nothing is published before its record is durable, and all is published in the order of the
//     records. Where the protocol is `fast`, or publishing is left for the settling, a file has its
//     data on the disk before it gets its name.
// W3. A segment is left when everything that its records published is durable.
// W4. After a flush, a publish or a settling that failed, the cache may differ from the disk. So
//     all records that are not settled are carried out anew before anything else happens. If that
//     fails, the root refuses everything.
// W5. If other work failed and left its journal, the root refuses everything: the log's own journal
//     would overwrite it.
// W6. Content that was staged before a failure may be lost, and the kernel reports that once. So it
//     is not committed.
// W7. As long as the log may have records that are not settled, the root's journal says so.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <perdure/root_options.hpp>

#include "engine/leader_queue.hpp"
#include "log/known_durable.hpp"
#include "log/log_bases.hpp"
#include "log/log_file.hpp"
#include "log/log_recovery.hpp"
#include "log/settler.hpp"
#include "transaction/changes.hpp"
#include "transaction/transaction_root.hpp"

namespace perdure {

/// One commit on its way through the log. Its caller waits; the leader does the rest.
struct LogCommit {
  explicit LogCommit(Changes& wanted) : changes(wanted) {}

  Changes& changes;  ///< Not owned: staged files and directories.
  Journal journal;
  std::vector<FileImage> files;  ///< For each entry; empty but for a `put`.
  /// The images that memory keeps until the log settles, for each entry.
  std::vector<std::shared_ptr<const FileImage>> left{};
  /// Paths whose versions the caller compared, and how to compare them once more.
  std::vector<std::string> expected{};
  std::function<Result<void>()> compare{};

  std::uint64_t failures = 0;  ///< `LogWriter::failures` from before anything was staged.
  /// `LogWriter::times_alone` from before the directories were seen.
  std::uint64_t times_alone = 0;

  Fate fate = Fate::unchanged;
  std::vector<std::string> left_alone{};
  std::string set_aside{};
};

class LogWriter {
 public:
  /// For a root that was recovered, as `recovery` says: takes over its log, or makes one.
  static Result<std::unique_ptr<LogWriter>> open(TransactionRoot& root, const RootOptions& options,
                                                 RecoveryReport& recovery);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter() = default;

  /// How staged files get their names: `fast` in order, `whole` in none.
  [[nodiscard]] Protocol protocol() const noexcept { return protocol_; }

  /// Commits. False if a record can't hold the commit: then nothing happened.
  Result<bool> commit(LogCommit& commit);
  /// Runs other work on the root, while no crash needs a record of the log. `failures`: as those of
  /// a commit.
  Result<void> alone(std::uint64_t failures, std::function<Result<void>()> work);
  /// How often a flush, a publish or a settling has failed.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
  /// How often `alone` was called: the work may have removed directories.
  [[nodiscard]] std::uint64_t times_alone() const noexcept { return times_alone_; }
  Result<void> settle();
  /// Settles, then runs work that changes nothing in the root; commits wait. Exceptions of the work
  /// pass.
  Result<void> hold(const std::function<Result<void>()>& work);
  /// The paths that were left alone at a settling since the last call; may be called after `close`,
  /// too.
  std::vector<RecoveredPath> left_alone();
  /// Settles and ends; idempotent.
  Result<void> close();

  /// Whether a record holds so many bytes of content.
  [[nodiscard]] bool takes(std::uint64_t bytes) const noexcept { return bytes <= record_size_max_; }

 private:
  struct Errand;
  LogWriter(TransactionRoot& root, LogFile log, Protocol protocol, const RootOptions& options);

  void serve(const ArrivalQueue& group) noexcept;
  void serve_one(Errand& errand);
  Result<void> run(Errand& errand);
  Result<void> add_record(Errand& errand);
  EncodedRecord encode(LogRecord& record) const;
  void note_added(LogRecord& record);
  Result<void> look(LogCommit& commit);
  Result<void> look_at(LogCommit& commit, JournalEntry& entry);
  Result<void> check_directories(LogCommit& commit);
  void finish_group();
  Result<void> publish(LogCommit& commit);
  Result<void> leave_for_later(LogCommit& commit);
  Result<void> publish_left();
  void forget_left(const RecoveryReport& report);
  void note_change();
  void settle_if_due();
  Result<void> settle_group();
  Result<void> check_staged(std::uint64_t failures) const;
  void recover_in_place(const Error& why, Fate otherwise);
  void answer(Errand& errand, const LogRecovery& recovery, const Error& why);
  Result<void> begin_log();
  Result<void> sync_published();
  /// `for_good`: also the header that says so is durable.
  Result<void> settle_now(bool for_good);
  Result<void> settle_all(bool for_good);
  Result<void> end_log();
  void stop(const Error& why);
  [[nodiscard]] Error refusal(std::string_view step) const;

  TransactionRoot& root_;
  LogFile log_;
  const Protocol protocol_;
  const std::uint64_t record_size_max_;
  KnownDurable known_;
  std::mutex closing_;
  bool closed_ = false;  ///< Nothing is served any more.
  bool live_ = false;    ///< The journal says that there is a log.
  std::optional<Error> stopped_;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> times_alone_ = 0;
  std::vector<Errand*> group_;     ///< Their records were added, and are not published.
  std::uint64_t group_bytes_ = 0;  ///< Of content that memory keeps for them.
  /// The files that unpublished records of the group give their paths.
  std::map<std::string, std::optional<Before>> planned_;
  LogBases bases_;  ///< Of records that are not settled.
  /// Publishing is left for the settling.
  const bool later_;
  const std::chrono::milliseconds settle_after_;
  /// When the first record was flushed that is not settled.
  std::optional<std::chrono::nanoseconds> first_change_;
  std::mutex left_alone_mutex_;
  std::vector<RecoveredPath> left_alone_;  ///< While settling, and nobody asked yet.
  /// The directory of the last change, if no staged file left the private one by it.
  OwnedHandle last_directory_;
  std::uint64_t sync_mark_;  ///< `failed_syncs` of before the first change that is not settled.
  LeaderQueue queue_;        ///< It calls this.
  std::unique_ptr<Settler> settler_;  ///< Last: it joins the queue.
};

}  // namespace perdure
