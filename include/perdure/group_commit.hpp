// SPDX-License-Identifier: BSL-1.0
// A group in which commits of many callers share syncs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>

#include <perdure/detail/export.hpp>
#include <perdure/pipeline/pipeline.hpp>

namespace perdure {

namespace detail {
struct GroupState;
class PostedCommit;
}  // namespace detail

/// How many commits share a sync, and whose thread makes it.
struct GroupOptions {
  /// The most commits that one sync serves, up to 4096; more make the next group.
  std::size_t group_size_max = 256;
  /// The most callers that wait for a group with their temps written, a batch counting as one. A
  /// caller beyond them waits to be let in, in the order of arrival. AtomicWriter::commit_later,
  /// which never waits, is ErrorKind::busy then. A commit that waits has its temp open: choose a
  /// smaller number for a process with few descriptors (`ulimit -n`).
  std::size_t waiting_max = 1024;
  /// Publish on a thread of the group's own. Without it the group has no thread of its own: the
  /// first caller who waits publishes for all callers who wait with it. Commits that were left to
  /// the group (AtomicWriter::commit_later) stay there until somebody waits.
  bool committer_thread = false;
};

/// Lets the commits of many threads become durable together: one sync serves all that wait.
///
/// Each caller writes its own temp, then waits. One caller leads: it renames the temps of all that
/// are waiting. It makes them durable by one sync of each file system (`Protocol::fast`, `whole`)
/// or of each directory (`Protocol::portable`). In the meantime the next group gathers. A caller
/// alone leads at once and waits for nobody. A commit that fails before the sync fails alone. If
/// the sync fails, all commits that it served fail, since none of them is durable.
///
///     perdure::WriteOptions options;
///     options.group = std::make_shared<perdure::GroupCommit>();
///     BOOST_OUTCOME_TRY(auto writer, perdure::AtomicWriter::bind("/var/lib/app", options));
///
/// Serves any number of writers, streamed files, trackers and transactions, over any number of
/// directories and file systems. Safe to use from all threads. Groups are served in the order of
/// arrival. `AtomicWriter::commit_later` leaves a commit to the group without a thread that waits
/// for it, and returns a handle. An exception that is thrown while a group is published (by a
/// test's double, or std::bad_alloc) is thrown to each of its callers; the next group goes on.
///
/// After fork(2) the child has a copy without the threads that waited in it. Commits through that
/// copy share no sync, `counts` has no meaning, and neither `close` nor the destructor waits for
/// anybody. Make a new group after the fork to share syncs.
class PERDURE_API GroupCommit {
 public:
  /// A number beyond its range is taken as the nearest in it. std::system_error where the thread of
  /// `committer_thread` can't be made.
  explicit GroupCommit(GroupOptions options = {});
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;
  ~GroupCommit();  ///< As close().

  /// Finishes what waits, with or without a thread; commits that come later fail with
  /// ErrorKind::invalid_argument and Fate::unchanged. Idempotent. Not from a stage.
  void close();

  /// How much the group has done so far, and how busy it is.
  struct Counts {
    std::uint64_t commits = 0;  ///< Published through it, durable or not.
    std::uint64_t groups = 0;   ///< In so many groups.
    std::uint64_t waiting = 0;  ///< Commits that wait for a group now.
    std::uint64_t outside = 0;  ///< Callers that wait to be let in now.
  };
  /// The numbers of one moment.
  [[nodiscard]] Counts counts() const;

  /// Publishes these and makes them durable, together with the other commits that wait. Returns
  /// when each has its outcome. For stages; a commit gets here by WriteOptions::group.
  void publish(BatchedCommits members, Protocol protocol);

 private:
  friend class detail::PostedCommit;
  std::shared_ptr<detail::GroupState> state_;
};

/// The rename and the sync behind it, shared with other commits. It takes the place of Rename and
/// SyncParent (`portable`), Rename and SyncPublished (`fast`), or Rename and SyncAllPublished
/// (`whole`).
template <Protocol of>
struct PublishTogether {
  static constexpr std::string_view name = "publish together";
  static constexpr Fact needs =
      of == Protocol::fast ? Fact::temp | Fact::ordered | Fact::metadata
                           : Fact::temp | Fact::ordered | Fact::metadata | Fact::durable_content;
  static constexpr Fact gives = Fact::published | Fact::durable_name | Fact::durable_content;
  static constexpr Fact drops = Fact::temp;
  static constexpr Protocol protocol = of;
  std::shared_ptr<GroupCommit> group;  ///< The group that the commit joins; not null.

  Result<void> run(Commit& commit) const {
    BatchedCommit member{&commit};
    BatchedCommit* const alone = &member;
    group->publish(BatchedCommits(&alone, 1), of);
    return std::move(member.outcome);
  }
  void run_together(BatchedCommits members) const { group->publish(members, of); }
};

/// All of them, as BuiltInStages lists the others.
using GroupStages = std::tuple<PublishTogether<Protocol::portable>, PublishTogether<Protocol::fast>,
                               PublishTogether<Protocol::whole>>;

}  // namespace perdure
