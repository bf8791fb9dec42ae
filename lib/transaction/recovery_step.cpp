// SPDX-License-Identifier: BSL-1.0
// Compares each path of a journal with the file there now: by numbers and times, or, where the
// numbers are others, by times and content.
#include "transaction/recovery_step.hpp"

#include <algorithm>

#include "base/missing.hpp"
#include "engine/names.hpp"
#include "engine/version.hpp"
#include "transaction/journal_file.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "look at the path";

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t part_of_second(std::int64_t time_ns) {
  return (time_ns % second_ns + second_ns) % second_ns;
}

/// Whether a put may have staged a file of this type.
bool is_content(FileType type) {
  return type == FileType::regular || type == FileType::symlink;
}

/// The staged file of an entry, as it is now.
struct Staged {
  std::optional<Status> found;
  bool whole = false;  ///< It is the one that was staged, or has all of its content.
};

/// Judges paths. A file with another number is another file, unless all files have other numbers:
/// then its size, its time of modification and its content tell.
class Judge {
 public:
  Judge(TransactionRoot& root, const Journal& journal, Numbers numbers)
      : root_(root), journal_(journal), kept_(numbers == Numbers::kept) {}

  Result<RecoveryStep> put(const JournalEntry& entry, const std::optional<Status>& now) const;
  Result<RecoveryStep> removal(const JournalEntry& entry, const std::optional<Status>& now) const;
  Result<RecoveryStep> directory(const JournalEntry& entry, const std::optional<Status>& now) const;
  [[nodiscard]] RecoveryStep removal_of_directory(const JournalEntry& entry,
                                                  const std::optional<Status>& now) const;

 private:
  [[nodiscard]] bool has_identity(const Status& now, const Identity& identity) const;
  [[nodiscard]] bool is_before(const Status& now, const Before& before) const;
  [[nodiscard]] bool is_directory_before(const Status& now, const JournalEntry& entry) const;
  [[nodiscard]] bool is_to_be_put(const JournalEntry& entry,
                                  const std::optional<Status>& now) const;
  [[nodiscard]] Result<Staged> find_staged(const JournalEntry& entry) const;
  /// Whether the file at the path has the content of the staged one.
  [[nodiscard]] Result<bool> has_content(const JournalEntry& entry, const Status& now,
                                         const Staged& staged) const;
  [[nodiscard]] Result<std::uint64_t> hash(const std::string& path, Handle directory,
                                           const std::string& name) const;
  [[nodiscard]] Result<std::string> text(const std::string& path, Handle directory,
                                         const std::string& name) const;
  [[nodiscard]] RecoveryStep theirs() const {
    return kept_ ? RecoveryStep::foreign : RecoveryStep::unclear;
  }

  TransactionRoot& root_;
  const Journal& journal_;
  bool kept_;
};

/// Among new numbers an old one may mean another file by now. A time of birth tells the two apart;
/// some file systems have none.
bool Judge::has_identity(const Status& now, const Identity& identity) const {
  return identity_of(now.version) == identity && (kept_ || identity.birth_ns != 0);
}

/// Whether nobody changed the file since. Its time may even be older: a power cut may take unsynced
/// writes, and their time of modification with them.
bool Judge::is_before(const Status& now, const Before& before) const {
  if (has_identity(now, before.identity)) return now.version.mtime_ns <= before.mtime_ns;
  if (now.type == FileType::directory || now.version.size != before.size) return false;
  if (!kept_) return is_copied_time(now.version.mtime_ns, before.mtime_ns);
  // Somebody put a copy of it in its place, with its times.
  return is_exact_time(now.version.mtime_ns, before.mtime_ns);
}

/// The directory is removed only if it is empty, so a copy of it may be removed, too.
bool Judge::is_directory_before(const Status& now, const JournalEntry& entry) const {
  if (now.type != FileType::directory) return false;
  return !kept_ || (entry.before && has_identity(now, entry.before->identity));
}

bool Judge::is_to_be_put(const JournalEntry& entry, const std::optional<Status>& now) const {
  if (!entry.before) return !now;
  if (entry.changes_type) return !now || is_directory_before(*now, entry);
  if (now) return is_before(*now, *entry.before);
  // The file was there before and is missing. Somebody removed it; or, where a rename is several
  // steps on the disk, this is our rename, half done.
  return !renames_at_once(root_);
}

Result<Staged> Judge::find_staged(const JournalEntry& entry) const {
  Staged staged;
  const auto found = root_.files.stat_at(root_.private_directory.get(),
                                         names::staged_of(journal_.id, entry.staged));
  if (!found && is_missing(found.error())) return staged;
  if (!found) return root_.failure(step, entry.path, found.error());
  staged.found = found.value();
  // A copy may have been cut off: only the journal knows how much there was.
  const Version& version = found.value().version;
  staged.whole = has_identity(found.value(), entry.staged_identity) ||
                 (!kept_ && journal_.format >= 3 && is_content(found.value().type) &&
                  version.size == entry.staged_size &&
                  is_copied_time(version.mtime_ns, entry.staged_mtime_ns));
  return staged;
}

Result<std::uint64_t> Judge::hash(const std::string& path, Handle directory,
                                  const std::string& name) const {
  BOOST_OUTCOME_TRY(const Handle opened,
                    root_.checked(step, path, root_.files.open_file(directory, name)));
  const OwnedHandle file(root_.files, opened);
  return root_.checked(step, path, content_hash(root_.files, file.get()));
}

Result<std::string> Judge::text(const std::string& path, Handle directory,
                                const std::string& name) const {
  BOOST_OUTCOME_TRY(const Handle opened,
                    root_.checked(step, path, root_.files.open_link(directory, name)));
  const OwnedHandle link(root_.files, opened);
  return root_.checked(step, path, root_.files.read_link(link.get()));
}

Result<bool> Judge::has_content(const JournalEntry& entry, const Status& now,
                                const Staged& staged) const {
  if (!staged.whole || !is_content(now.type) || now.type != staged.found->type ||
      now.version.size != staged.found->version.size) {
    return false;
  }
  Directories directories(root_.files, root_.directory.get());
  BOOST_OUTCOME_TRY(const Handle directory,
                    root_.checked(step, entry.path, directories.open(parent_of(entry.path))));
  const Handle staged_in = root_.private_directory.get();
  const std::string name = names::staged_of(journal_.id, entry.staged);
  if (now.type == FileType::symlink) {
    BOOST_OUTCOME_TRY(const auto here, text(entry.path, directory, leaf_of(entry.path)));
    BOOST_OUTCOME_TRY(const auto there, text(entry.path, staged_in, name));
    return here == there;
  }
  BOOST_OUTCOME_TRY(const auto here, hash(entry.path, directory, leaf_of(entry.path)));
  BOOST_OUTCOME_TRY(const auto there, hash(entry.path, staged_in, name));
  return here == there;
}

Result<RecoveryStep> Judge::put(const JournalEntry& entry, const std::optional<Status>& now) const {
  if (now && has_identity(*now, entry.staged_identity)) return RecoveryStep::done;
  BOOST_OUTCOME_TRY(const Staged staged, find_staged(entry));
  // There is nothing left to do: a rename between two names of one file does nothing (rename(2)).
  if (now && staged.found && now->version.same_file(staged.found->version)) {
    return RecoveryStep::done;
  }
  const bool to_do = is_to_be_put(entry, now);
  if (to_do && staged.whole) return RecoveryStep::redo;
  if (to_do) return kept_ || !staged.found ? RecoveryStep::lost : RecoveryStep::unclear;
  if (!now) return theirs();
  BOOST_OUTCOME_TRY(const bool done, has_content(entry, *now, staged));
  return done ? RecoveryStep::done : theirs();
}

Result<RecoveryStep> Judge::removal(const JournalEntry& entry,
                                    const std::optional<Status>& now) const {
  if (!now) return RecoveryStep::done;
  if (!entry.before) return theirs();
  if (is_before(*now, *entry.before)) return RecoveryStep::redo;
  // The transaction moves the file to another of its names. Somebody may have written into it
  // since: the file keeps that content, and only this name is removed.
  const auto moved = std::ranges::find_if(journal_.entries, [&](const JournalEntry& other) {
    return other.action == JournalAction::put && other.staged_identity == entry.before->identity;
  });
  if (moved == journal_.entries.end()) return theirs();
  if (kept_) {
    return has_identity(*now, entry.before->identity) ? RecoveryStep::redo : RecoveryStep::foreign;
  }
  BOOST_OUTCOME_TRY(const Staged staged, find_staged(*moved));
  const bool same = staged.found && now->version.same_file(staged.found->version);
  return same ? RecoveryStep::redo : RecoveryStep::unclear;
}

Result<RecoveryStep> Judge::directory(const JournalEntry& entry,
                                      const std::optional<Status>& now) const {
  if (!now) return RecoveryStep::redo;
  if (now->type == FileType::directory) return RecoveryStep::done;
  return entry.changes_type ? removal(entry, now) : RecoveryStep::foreign;
}

RecoveryStep Judge::removal_of_directory(const JournalEntry& entry,
                                         const std::optional<Status>& now) const {
  if (!now) return RecoveryStep::done;
  return is_directory_before(*now, entry) ? RecoveryStep::redo : RecoveryStep::foreign;
}

}  // namespace

bool is_copied_time(std::int64_t now_ns, std::int64_t then_ns) {
  return now_ns == then_ns || now_ns == then_ns - part_of_second(then_ns);
}

bool is_exact_time(std::int64_t now_ns, std::int64_t then_ns) {
  return now_ns == then_ns && part_of_second(then_ns) != 0;
}

Result<Numbers> numbers_of(TransactionRoot& root, const Journal& journal) {
  if (journal.format >= 3 &&
      journal.private_directory != identity_of(root.private_status.version)) {
    return Numbers::changed;
  }
  for (const auto& entry : journal.entries) {
    if (entry.action != JournalAction::put) continue;
    const auto staged = root.files.stat_at(root.private_directory.get(),
                                           names::staged_of(journal.id, entry.staged));
    if (!staged && is_missing(staged.error())) continue;
    if (!staged) return root.failure(step, entry.path, staged.error());
    if (identity_of(staged.value().version) != entry.staged_identity) return Numbers::changed;
  }
  return Numbers::kept;
}

Result<RecoveryStep> recovery_step_of(TransactionRoot& root, const Journal& journal,
                                      Numbers numbers, const JournalEntry& entry,
                                      Directories& directories) {
  const auto replaced = directories.is_replaced(parent_of(entry.path));
  if (!replaced) return root.failure(step, entry.path, replaced.error());
  if (replaced.value()) return RecoveryStep::foreign;
  BOOST_OUTCOME_TRY(const auto now, root.checked(step, entry.path, directories.stat(entry.path)));
  const Judge judge(root, journal, numbers);
  switch (entry.action) {
    case JournalAction::put:
      return judge.put(entry, now);
    case JournalAction::remove:
      return judge.removal(entry, now);
    case JournalAction::make_directory:
      return judge.directory(entry, now);
    case JournalAction::remove_directory:
      return judge.removal_of_directory(entry, now);
  }
  return RecoveryStep::foreign;
}

Result<void> check_decided(const TransactionRoot& root, const std::string& path,
                           RecoveryStep step_of) {
  if (step_of != RecoveryStep::lost && step_of != RecoveryStep::unclear) return success();
  const std::string fault =
      step_of == RecoveryStep::lost
          ? "its staged file is gone, or a copy of the one that was"
          : "the root was copied or restored, and neither the time nor the content of this file "
            "tells whether it is the old one";
  Error error = root.failure(recover_step, path, ErrorKind::recovery_required,
                             fault + std::string(refused_journal_advice));
  error.fate = Fate::committed;
  return error;
}

std::string_view to_string(RecoveryStep step_to_name) noexcept {
  switch (step_to_name) {
    case RecoveryStep::done:
      return "done";
    case RecoveryStep::redo:
      return "redo";
    case RecoveryStep::foreign:
      return "foreign";
    case RecoveryStep::lost:
      return "lost";
    case RecoveryStep::unclear:
      return "unclear";
  }
  return "";
}

}  // namespace perdure
