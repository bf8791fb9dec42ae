// SPDX-License-Identifier: BSL-1.0
// Checks the changes once more, right before the journal is written.
#include "transaction/precheck.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/fresh_file.hpp"
#include "engine/names.hpp"
#include "engine/target.hpp"
#include "engine/version.hpp"
#include "transaction/trial.hpp"

namespace perdure {
namespace {

class Precheck {
 public:
  Precheck(TransactionRoot& root, Changes& changes, const ExpectedVersions& expected,
           Preparation preparation)
      : root_(root),
        preparation_(preparation),
        changes_(changes),
        expected_(expected),
        by_path_(changes.by_path()),
        staged_(changes.staged()),
        directories_(changes.directories()) {}

  Result<Journal> journal();

 private:
  [[nodiscard]] bool may_copy_up() const;
  Result<void> look_at_root();
  Result<bool> is_moved(const Change& change, const std::string& path, const Version& found);
  Result<void> sync_names();
  Result<std::optional<Status>> look(const std::string& path);
  Result<void> check_version(const std::string& path, const std::optional<Status>& found);
  Result<JournalEntry> check(const std::string& path, Change& change);
  Result<void> check_parent(const std::string& path);
  Result<Status> check_way(const std::string& directory, const std::string& path);
  Result<void> check_found(const std::string& path, const Change& change, const Status& found);
  Result<void> check_emptied(const std::string& path);
  Result<void> check_aliases();

  TransactionRoot& root_;
  Preparation preparation_;
  Changes& changes_;
  const ExpectedVersions& expected_;
  std::map<std::string, Change>& by_path_;
  StagedFiles& staged_;
  Directories& directories_;
  std::map<std::string, Status> ways_;     ///< Directories that check_way has seen.
  std::map<std::string, Status> parents_;  ///< The directories that paths lie in directly.
  int waits_ = 0;                          ///< For the end of a tick.
};

Result<Journal> Precheck::journal() {
  Journal made{.id = staged_.id(), .entries = {}};
  std::set<std::uint64_t> each;            // to be tried out
  std::vector<JournalEntry> removals;      // of directories, and files in their places
  for (auto& [path, change] : by_path_) {  // a directory comes before what is in it
    BOOST_OUTCOME_TRY(check_parent(path));
    BOOST_OUTCOME_TRY(auto entry, check(path, change));
    if (entry.action == JournalAction::remove_directory) {
      made.format = std::max(made.format, removal_journal_format);
    }
    if (entry.changes_type) made.format = type_change_journal_format;
    (removes_directory(entry) ? removals : made.entries).push_back(std::move(entry));
    if (change.staged.moved || change.staged.symlink) each.insert(change.staged.number);
  }
  // Removals come last: first those in a directory, then the directory itself.
  std::move(removals.rbegin(), removals.rend(), std::back_inserter(made.entries));
  BOOST_OUTCOME_TRY(look_at_root());
  made.directories.push_back({"", identity_of(root_.status.version)});
  made.private_directory = identity_of(root_.private_status.version);
  for (const auto& [path, status] : parents_) {
    if (!path.empty()) made.directories.push_back({path, identity_of(status.version)});
  }
  BOOST_OUTCOME_TRY(check_aliases());
  BOOST_OUTCOME_TRY(try_out(root_, made, each, directories_));
  if (preparation_ == Preparation::for_log) return made;
  BOOST_OUTCOME_TRY(staged_.flush());
  // With `fast` the journal of the file system has these names before it has the journal's.
  if (staged_.protocol() == Protocol::portable) {
    BOOST_OUTCOME_TRY(sync_names());
  }
  if (staged_.protocol() == Protocol::whole) {
    BOOST_OUTCOME_TRY(sync_root(root_, "flush the staged files"));
  }
  return made;
}

/// An overlay copies a directory up from a lower layer when something is made in it first, and
/// shows another time of birth then. It stamps by the tick; where files are stamped finely nothing
/// is asked.
bool Precheck::may_copy_up() const {
  return root_.files.stamps(root_.directory.get(), root_.status) != Stamps::fine;
}

/// The transaction has made something in both directories by now.
Result<void> Precheck::look_at_root() {
  if (!may_copy_up()) return success();
  // Other threads of an open root read both: nothing is written but what an overlay changed.
  const auto look = [this](Handle directory, Status& known) -> Result<void> {
    BOOST_OUTCOME_TRY(const Status now, root_.checked(check_step, "", root_.files.stat(directory)));
    if (!now.version.same_file(known.version)) known = now;
    return success();
  };
  BOOST_OUTCOME_TRY(look(root_.directory.get(), root_.status));
  return look(root_.private_directory.get(), root_.private_status);
}

/// Whether the file at the path is the one that was linked to be moved.
Result<bool> Precheck::is_moved(const Change& change, const std::string& path,
                                const Version& found) {
  if (identity_of(found) == *change.moved) return true;
  if (!may_copy_up()) return false;
  const auto put = std::ranges::find_if(by_path_, [&](const auto& item) {
    return item.second.staged.moved && item.second.staged.identity == *change.moved;
  });
  if (put == by_path_.end()) return false;
  BOOST_OUTCOME_TRY(const Status staged,
                    root_.checked(check_step, path,
                                  root_.files.stat_at(root_.private_directory.get(),
                                                      staged_.name_of(put->second.staged))));
  return may_be_one_file(found, staged.version);
}

/// A power cut may undo an unsynced rename or removal of somebody else. Recovery would take the
/// file that comes back for a later change, and leave it alone. So the names in the directories are
/// synced, and those of the staged files, too.
Result<void> Precheck::sync_names() {
  for (const auto& [path, status] : parents_) {
    BOOST_OUTCOME_TRY(const auto directory,
                      root_.checked(check_step, path, directories_.open(path)));
    BOOST_OUTCOME_TRY(
        root_.synced("sync the names that are there", path, sync_entries(root_.files, directory)));
  }
  return staged_.sync_names();
}

/// Checks a directory that exists on the way to the path. It must lie on the root's device, else a
/// hard link can't reach it. It must not be a root of its own, nor the private directory under
/// another name. "" is the root.
Result<Status> Precheck::check_way(const std::string& directory, const std::string& path) {
  if (const auto seen = ways_.find(directory); seen != ways_.end()) return seen->second;
  const auto opened = directories_.open(directory);
  if (!opened) return root_.closed_way(check_step, path, opened.error());
  const auto status = root_.files.stat(opened.value());
  if (!status) return root_.failure(check_step, path, status.error());
  const Version& version = status.value().version;
  if (version.device != root_.status.version.device) {
    return root_.failure(check_step, path, ErrorKind::unsupported,
                         "it is on another file system (or subvolume) than the root");
  }
  if (version.same_file(root_.private_status.version)) {
    return root_.failure(check_step, path, ErrorKind::invalid_argument,
                         "'" + directory + "' is the root's private directory");
  }
  if (!directory.empty()) {
    const auto marker = root_.files.stat_at(opened.value(), std::string(names::root_marker));
    if (marker) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + directory + "' is a root of its own; commit there");
    }
    if (!is_missing(marker.error())) return root_.failure(check_step, path, marker.error());
  }
  ways_.emplace(directory, status.value());
  return status.value();
}

/// The directories on the way to the path must exist or be made by this transaction, and the last
/// of them must be writable.
Result<void> Precheck::check_parent(const std::string& path) {
  const std::string parent = parent_of(path);
  bool made = false;
  for (std::string above = parent; !above.empty(); above = parent_of(above)) {
    const auto change = by_path_.find(above);
    if (change == by_path_.end()) continue;
    if (removes_directory(change->second)) {
      if (removes(by_path_.at(path).action)) break;  // on the way, as long as anything is in it
      const bool file = change->second.action == JournalAction::put;
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           file ? "'" + above + "' is a file in this transaction"
                                : "this transaction removes '" + above + "'");
    }
    if (change->second.action != JournalAction::make_directory) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + above + "' is a file in this transaction");
    }
    made = true;  // the directories above it were checked with it
  }
  if (made || parents_.contains(parent)) return success();
  for (std::string above = parent_of(parent); !above.empty(); above = parent_of(above)) {
    BOOST_OUTCOME_TRY(check_way(above, path));
  }
  BOOST_OUTCOME_TRY(Status status, check_way(parent, path));
  // An earlier trial there has already shown this.
  if (!root_.trials.has(identity_of(status.version), true, 0)) {
    BOOST_OUTCOME_TRY(staged_.check_writable(parent));
    if (may_copy_up()) {
      BOOST_OUTCOME_TRY(const Handle directory,
                        root_.checked(check_step, path, directories_.open(parent)));
      BOOST_OUTCOME_TRY(status, root_.checked(check_step, path, root_.files.stat(directory)));
    }
  }
  parents_.emplace(parent, status);
  directories_.expect(parent, identity_of(status.version));
  return success();
}

/// The last look before the journal. By its stamps the commit or a recovery tells this file from
/// one that somebody made or changed later. On a coarse clock both could have equal stamps, so it
/// waits until the tick is over. It waits once, since the other files are older by then.
Result<std::optional<Status>> Precheck::look(const std::string& path) {
  for (;; ++waits_) {
    BOOST_OUTCOME_TRY(const auto found, changes_.stat(path));
    const Handle root = root_.directory.get();
    if (preparation_ == Preparation::for_log) return found;
    if (!found || !wait_out_tick(root_.files, root_.random, root, *found, waits_)) return found;
  }
}

/// The version was compared under the target's lock, before this look.
Result<void> Precheck::check_version(const std::string& path, const std::optional<Status>& found) {
  const auto expected = expected_.find(path);
  if (expected == expected_.end()) return success();
  Target target(root_.files, root_.random, (root_.path / path).native());
  target.expected = expected->second;
  target.leaf = leaf_of(path);
  if (found) {
    BOOST_OUTCOME_TRY(target.directory,
                      root_.checked(check_step, path, directories_.open(parent_of(path))));
  }
  return check_expected(target, found);
}

Result<JournalEntry> Precheck::check(const std::string& path, Change& change) {
  JournalEntry entry;
  entry.action = change.action;
  entry.path = path;
  BOOST_OUTCOME_TRY(const auto found, look(path));
  BOOST_OUTCOME_TRY(check_version(path, found));
  if (found) {
    BOOST_OUTCOME_TRY(check_found(path, change, *found));
    entry.before = before_of(found->version);
  }
  entry.changes_type = change.changes_type;
  if (!found && (removes(change.action) || change.changes_type)) {
    return root_.failure(check_step, path, ErrorKind::conflict,
                         "somebody else removed it in the meantime");
  }
  if (found && change.moved) {
    BOOST_OUTCOME_TRY(const bool same, is_moved(change, path, found->version));
    if (!same) {
      return root_.failure(check_step, path, ErrorKind::conflict,
                           "somebody else changed it in the meantime; move it again");
    }
  }
  const auto parent = parents_.find(parent_of(path));
  const bool changes_name = change.action != JournalAction::make_directory || change.changes_type;
  if (changes_name && parent != parents_.end() && parent->second.immutable) {
    Error error =
        root_.failure(check_step, path, std::make_error_code(std::errc::operation_not_permitted));
    error.detail = "its directory is marked immutable or append-only";
    return error;
  }
  if (removes_directory(change)) {
    BOOST_OUTCOME_TRY(check_emptied(path));
  }
  if (change.action == JournalAction::make_directory) entry.mode = change.mode;
  if (change.action != JournalAction::put) return entry;
  const auto& metadata_of = change.staged.metadata_of;
  const bool same_metadata = found && metadata_of && has_stamps_of(*found, *metadata_of);
  const bool takes_metadata =
      found && found->type == FileType::regular && !change.staged.moved && !change.staged.symlink;
  if (takes_metadata && !same_metadata) {
    BOOST_OUTCOME_TRY(staged_.refresh_metadata(change.staged, path, *found));
  }
  entry.staged = change.staged.number;
  entry.staged_identity = change.staged.identity;
  entry.staged_size = change.staged.size;
  entry.staged_mtime_ns = change.staged.mtime_ns;
  auto temp = names::make_apply_temp(leaf_of(path), root_.random);
  if (!temp) return root_.failure(check_step, path, temp.error());
  entry.apply_temp = std::move(temp.value());
  return entry;
}

Result<void> Precheck::check_found(const std::string& path, const Change& change,
                                   const Status& found) {
  const auto parent = parents_.find(parent_of(path));
  const bool makes_directory = change.action == JournalAction::make_directory;
  if ((makes_directory && !change.changes_type) || parent == parents_.end()) {
    return root_.failure(check_step, path, ErrorKind::conflict,
                         "somebody else made it in the meantime");
  }
  const Status& directory = parent->second;
  const bool is_directory = removes_directory(change);
  const bool over_symlink = change.action == JournalAction::remove || makes_directory ||
                            change.staged.symlink || change.over_symlink;
  const bool file =
      found.type == FileType::regular || (found.type == FileType::symlink && over_symlink);
  if (is_directory && found.type != FileType::directory) {
    return root_.failure(check_step, path, ErrorKind::conflict,
                         "somebody else made something else of the directory in the meantime");
  }
  if (found.type == FileType::symlink && !file) {
    return root_.failure(check_step, path, ErrorKind::symlink_refused,
                         "it is a symbolic link; remove it, or name what it points at");
  }
  if (!file && !is_directory) {
    return root_.failure(check_step, path, ErrorKind::not_regular, "it is not a regular file");
  }
  if (root_.options.refuse_read_only && (found.mode & 0222U) == 0) {
    return root_.failure(check_step, path, ErrorKind::read_only,
                         "nobody may write to it (chmod u+w), and such files are to be refused");
  }
  if (found.mount_point) {
    return root_.failure(check_step, path, ErrorKind::mount_point,
                         "it is a mount point, which can't be replaced");
  }
  if (found.immutable) {
    return root_.failure(check_step, path,
                         std::make_error_code(std::errc::operation_not_permitted));
  }
  constexpr std::uint32_t sticky = 01000;
  if ((directory.mode & sticky) == 0) return success();
  const std::uint32_t user = root_.files.user();
  if (user == 0 || user == found.owner || user == directory.owner) return success();
  return root_.failure(check_step, path, std::make_error_code(std::errc::operation_not_permitted));
}

/// Whether this transaction removes all that is in the directory, which is neither a root of its
/// own nor the private one.
Result<void> Precheck::check_emptied(const std::string& path) {
  BOOST_OUTCOME_TRY(check_way(path, path));
  BOOST_OUTCOME_TRY(const Handle directory,
                    root_.checked(check_step, path, directories_.open(path)));
  BOOST_OUTCOME_TRY(const auto entries,
                    root_.checked(check_step, path, root_.files.list(directory)));
  for (const DirectoryEntry& entry : entries) {
    const auto change = by_path_.find(path + "/" + entry.name);
    if (change != by_path_.end() && removes(change->second.action)) continue;
    const std::string held = "it holds '" + entry.name + "', ";
    if (names::is_own(entry.name)) {
      return root_.failure(check_step, path, ErrorKind::conflict,
                           held + std::string(own_file_words));
    }
    return root_.failure(check_step, path, ErrorKind::conflict,
                         held + "which this transaction does not remove");
  }
  return success();
}

/// Refuses two names that a case-insensitive directory takes for one. Only where such names occur,
/// it tries with a temp whether the directory is case-insensitive.
Result<void> Precheck::check_aliases() {
  std::map<std::string, std::string> seen;
  for (const auto& [path, change] : by_path_) {
    const auto [other, fresh] = seen.emplace(names::folded(path), path);
    if (fresh) continue;
    const auto directory = directories_.open(parent_of(path));
    if (!directory) continue;  // made by this transaction, in a parent that was checked
    BOOST_OUTCOME_TRY(
        const FreshFile file,
        root_.checked(check_step, path,
                      make_fresh_file(root_.files, directory.value(), "case", root_.random, 0600)));
    std::string shouted = file.name;
    std::transform(shouted.begin(), shouted.end(), shouted.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const bool insensitive = root_.files.stat_at(directory.value(), shouted).has_value();
    BOOST_OUTCOME_TRY(
        root_.checked(check_step, path, root_.files.unlink(directory.value(), file.name)));
    if (insensitive) {
      return root_.failure(check_step, path, ErrorKind::invalid_argument,
                           "'" + other->second +
                               "' is the same file here: the directory does not "
                               "tell upper from lower case");
    }
  }
  return success();
}

}  // namespace

Result<Journal> prepare_journal(TransactionRoot& root, Changes& changes,
                                const ExpectedVersions& expected, Preparation preparation) {
  return Precheck(root, changes, expected, preparation).journal();
}

}  // namespace perdure
