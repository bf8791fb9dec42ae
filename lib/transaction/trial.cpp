// SPDX-License-Identifier: BSL-1.0
// Tries links and directories before the journal is written.
#include "transaction/trial.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "base/hard_link.hpp"
#include "base/missing.hpp"
#include "engine/names.hpp"

namespace perdure {
namespace {

constexpr std::string_view step = "try out the way into place";

/// The needs of a commit in a directory that is there.
struct Needs {
  const JournalEntry* file = nullptr;       ///< The one with the longest name on its way.
  const JournalEntry* directory = nullptr;  ///< The one to be made with the longest name.
  std::vector<const JournalEntry*> each;    ///< Whatever the others say.
};

/// Makes sure that a name that is tried is removed again, even if something is thrown.
class Tried {
 public:
  Tried(FileSystem& files, Handle directory, std::string name, JournalAction action)
      : files_(files), directory_(directory), name_(std::move(name)), action_(action) {}
  Tried(const Tried&) = delete;
  Tried& operator=(const Tried&) = delete;
  ~Tried() {
    try {
      if (!gone_) (void)remove();
    } catch (...) {  // NOLINT(bugprone-empty-catch): `clean` removes it
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  /// It is somebody else's.
  void leave() { gone_ = true; }
  SysResult<void> remove() {
    const auto removed = action_ == JournalAction::put ? files_.unlink(directory_, name_)
                                                       : files_.remove_directory(directory_, name_);
    gone_ = removed || is_missing(removed.error());
    return gone_ ? SysResult<void>(success()) : removed;
  }

 private:
  FileSystem& files_;
  Handle directory_;
  std::string name_;
  JournalAction action_;
  bool gone_ = false;
};

/// Advice about a refusal that is permanent, where Error::message has none.
std::string advice(std::error_code cause, JournalAction action, std::size_t length) {
  const bool link = action == JournalAction::put;
  switch (cause.value()) {
    case EXDEV:
      return "no hard link from the private directory leads there: it is another mount, or has a "
             "project quota of its own; make a root of that directory";
    case EPERM:
    case EACCES:
    case EOPNOTSUPP:
    case ENOSYS:
      return link ? "hard links from the private directory are refused there: look at the file "
                    "system and at security modules, or write these files one by one"
                  : "directories can't be made there: look at the file system and at security "
                    "modules";
    case EMLINK:
      return link ? "the file has as many hard links as the file system allows: remove one"
                  : "there are as many directories as the file system allows: remove one";
    case ENAMETOOLONG:
      return "a name of " + std::to_string(length) +
             " bytes is needed on the way, and the file system takes shorter ones only";
    default:
      return {};
  }
}

Result<void> try_name(TransactionRoot& root, const Journal& journal, const JournalEntry& entry,
                      Handle directory) {
  FileSystem& files = root.files;
  const std::string leaf = leaf_of(entry.path);
  const bool link = entry.action == JournalAction::put;
  // A temp's name, so that `clean` knows it; no longer than the directory's own name.
  auto name =
      link ? names::make_temp(leaf, root.random) : names::make_temp(leaf, root.random, leaf.size());
  if (!name) return root.failure(step, entry.path, name.error());
  const std::string staged = names::staged_of(journal.id, entry.staged);
  const Handle private_directory = root.private_directory.get();
  Tried stand_in(files, private_directory, staged, JournalAction::put);
  if (link && entry.staged_identity == Identity{}) {  // its content is in memory
    BOOST_OUTCOME_TRY(
        const Handle made,
        root.checked(step, entry.path, files.create(private_directory, staged, 0600)));
    (void)files.close(made);
  } else {
    stand_in.leave();
  }
  Tried tried(files, directory, std::move(name.value()), entry.action);
  const auto made = link ? files.link(private_directory, staged, directory, tried.name())
                         : files.make_directory(directory, tried.name(), 0700);
  if (!made) {
    if (made.error() == std::errc::file_exists) tried.leave();
    // In other cases the name may have been made all the same; nobody else knows it.
    Error error = root.failure(step, entry.path, made.error());
    error.detail = advice(made.error(), entry.action, tried.name().size());
    if (link && refuses_hard_links(made.error())) error.kind = ErrorKind::unsupported;
    return error;
  }
  const auto removed = tried.remove();
  if (removed) return success();
  Error error = root.failure(step, entry.path, removed.error());
  error.detail = "'" + tried.name() + "' is left beside it; `perdure clean` removes it";
  return error;
}

/// Of the longest name that the entry needs.
std::size_t name_size(const JournalEntry& entry) {
  return std::max(leaf_of(entry.path).size(), entry.apply_temp.size());
}

}  // namespace

Result<void> try_out(TransactionRoot& root, const Journal& journal,
                     const std::set<std::uint64_t>& each, Directories& directories) {
  std::set<std::string> made;
  std::map<std::string, Needs> needs;
  for (const auto& entry : journal.entries) {  // one that is made comes before what is in it
    if (removes(entry.action)) continue;
    std::string host = parent_of(entry.path);
    while (made.contains(host)) host = parent_of(host);
    Needs& of = needs[host];
    if (entry.action == JournalAction::make_directory) {
      made.insert(entry.path);
      const bool longer = of.directory == nullptr ||
                          leaf_of(of.directory->path).size() < leaf_of(entry.path).size();
      if (longer) of.directory = &entry;
    } else if (each.contains(entry.staged)) {
      of.each.push_back(&entry);
    } else if (of.file == nullptr || of.file->apply_temp.size() < entry.apply_temp.size()) {
      of.file = &entry;
    }
  }
  for (auto& [host, of] : needs) {
    const auto known = std::ranges::find(journal.directories, host, &JournalDirectory::path);
    const auto is_tried = [&](const JournalEntry* entry, bool of_file) {
      return entry == nullptr || (known != journal.directories.end() &&
                                  root.trials.has(known->identity, of_file, name_size(*entry)));
    };
    if (!is_tried(of.file, true)) of.each.push_back(of.file);
    if (!is_tried(of.directory, false)) of.each.push_back(of.directory);
    if (of.each.empty()) continue;
    const auto directory = directories.open(host);
    if (!directory) return root.failure(step, host, directory.error());
    for (const JournalEntry* entry : of.each) {
      BOOST_OUTCOME_TRY(try_name(root, journal, *entry, directory.value()));
    }
    if (known == journal.directories.end()) continue;
    if (of.file != nullptr) root.trials.note(known->identity, true, name_size(*of.file));
    if (of.directory != nullptr) {
      root.trials.note(known->identity, false, name_size(*of.directory));
    }
  }
  return success();
}

}  // namespace perdure
