// SPDX-License-Identifier: BSL-1.0
// Compares a tree with a root, and stages the difference.
#include "transaction/mirror.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/names.hpp"

namespace perdure {
namespace {

constexpr std::string_view mirror_step = "mirror the tree";
constexpr std::size_t block_size = std::size_t{256} << 10U;

class Mirror {
 public:
  Mirror(TransactionRoot& root, Changes& changes, SourceTree& source, const MirrorOptions& options)
      : root_(root), changes_(changes), source_(source), options_(options) {}

  Result<MirrorReport> run();

 private:
  Result<void> check_apart() const;
  Result<void> check_source_stays() const;
  Result<void> take(const SourceTree::Entry& entry);
  Result<void> make_room(const SourceTree::Entry& entry, const Status& found);
  Result<void> take_directory(const std::string& path, const std::optional<Status>& found);
  Result<void> take_symlink(const std::string& path, const std::optional<Status>& found);
  Result<void> take_file(const std::string& path, const std::optional<Status>& found);
  Result<bool> is_same(const std::string& path, const Status& found, SourceFile& file) const;
  [[nodiscard]] Result<void> check_alias(const std::string& directory, const std::string& path,
                                         const Status& status) const;
  Result<void> remove_others(const std::string& directory);

  TransactionRoot& root_;
  Changes& changes_;
  SourceTree& source_;
  const MirrorOptions& options_;
  std::set<std::string> wanted_;
  /// The wanted paths that were there, by directory and file.
  std::map<std::pair<std::string, Identity>, std::string> found_;
  /// Of these, the ones that change between file and directory.
  std::set<std::pair<std::string, Identity>> changing_;
  std::vector<std::string> shared_{""};  ///< Directories that were there, and are in the source.
  MirrorReport report_;
};

Result<MirrorReport> Mirror::run() {
  BOOST_OUTCOME_TRY(check_apart());
  for (const SourceTree::Entry& entry : source_.entries()) {
    wanted_.insert(entry.path);
    BOOST_OUTCOME_TRY(take(entry));
  }
  if (options_.removing) {
    for (const std::string& directory : shared_) {
      BOOST_OUTCOME_TRY(remove_others(directory));
    }
    BOOST_OUTCOME_TRY(check_source_stays());
  }
  report_.left_out = source_.left_out();
  return std::move(report_);
}

/// Fails where the transaction already has changes, which would mix with those of the mirror. Fails
/// where the source is the root or lies in it: it would change while it is read.
Result<void> Mirror::check_apart() const {
  if (!changes_.by_path().empty()) {
    return root_.failure(mirror_step, "", ErrorKind::invalid_argument,
                         "this transaction has other changes already: mirror first, then change "
                         "what shall differ");
  }
  BOOST_OUTCOME_TRY(const bool inside, source_.lies_in(root_.status.version));
  if (!inside) return success();
  return root_.failure(mirror_step, "", ErrorKind::invalid_argument,
                       "the source lies in it; name a tree elsewhere");
}

/// A mount elsewhere may show a directory of the root.
Result<void> Mirror::check_source_stays() const {
  for (const auto& [path, change] : changes_.by_path()) {
    if (!removes_directory(change)) continue;
    BOOST_OUTCOME_TRY(const auto status, changes_.stat(path));
    if (!status || !source_.is(status->version)) continue;
    return root_.failure(mirror_step, path, ErrorKind::invalid_argument,
                         "it is the source itself, by another name, and would be removed");
  }
  return success();
}

Result<void> Mirror::take(const SourceTree::Entry& entry) {
  BOOST_OUTCOME_TRY(root_.check_path(mirror_step, entry.path));
  BOOST_OUTCOME_TRY(const auto found, changes_.stat(entry.path));
  if (found) {
    BOOST_OUTCOME_TRY(make_room(entry, *found));
  }
  switch (entry.type) {
    case FileType::directory:
      return take_directory(entry.path, found);
    case FileType::symlink:
      return take_symlink(entry.path, found);
    default:
      return take_file(entry.path, found);
  }
}

/// Removes a file that is in the way of a directory, or the other way round.
Result<void> Mirror::make_room(const SourceTree::Entry& entry, const Status& found) {
  const bool is_directory = found.type == FileType::directory;
  const bool in_the_way = is_directory != (entry.type == FileType::directory);
  const std::pair here(parent_of(entry.path), identity_of(found.version));
  if (in_the_way || changing_.contains(here)) {  // by another name it may be one that stays
    BOOST_OUTCOME_TRY(check_alias(here.first, entry.path, found));
  }
  found_[here] = entry.path;
  if (!in_the_way) return success();
  if (!options_.removing) {
    return root_.failure(mirror_step, entry.path, ErrorKind::not_regular,
                         std::string(is_directory ? "it is a directory, and a file in the source"
                                                  : "it is a file, and a directory in the source") +
                             "; remove it first, or let the mirror remove (--delete)");
  }
  changing_.insert(here);
  ++report_.removed;
  return changes_.remove_all(entry.path);
}

Result<void> Mirror::take_symlink(const std::string& path, const std::optional<Status>& found) {
  BOOST_OUTCOME_TRY(const std::string text, source_.read_symlink(path));
  if (options_.comparing && found && found->type == FileType::symlink) {
    BOOST_OUTCOME_TRY(const std::string here, changes_.read_symlink(path));
    if (here == text) {
      ++report_.unchanged;
      return success();
    }
  }
  ++report_.put;
  return changes_.put_symlink(path, text);
}

Result<void> Mirror::take_directory(const std::string& path, const std::optional<Status>& found) {
  if (found && found->type == FileType::directory) {
    shared_.push_back(path);
    return success();
  }
  BOOST_OUTCOME_TRY(const std::uint32_t mode, source_.directory_mode(path));
  // The transaction has to put files there, also where its owner may not write at the source.
  return changes_.make_directory(path, mode | 0700U);
}

Result<void> Mirror::take_file(const std::string& path, const std::optional<Status>& found) {
  BOOST_OUTCOME_TRY(SourceFile file, source_.open_file(path));
  if (options_.comparing && found) {
    BOOST_OUTCOME_TRY(const bool same, is_same(path, *found, file));
    if (same) {
      ++report_.unchanged;
      return success();
    }
    file.rewind();
  }
  Metadata metadata = Metadata::preserve(file.status().mode & 0777U);
  metadata.keep_special = options_.keep_special;
  ++report_.put;
  const auto content = [&file](Sink& sink) -> Result<void> {
    Buffer block(block_size);
    while (true) {
      BOOST_OUTCOME_TRY(const std::size_t count, file.read(block));
      if (count == 0) return success();
      BOOST_OUTCOME_TRY(sink.write(Bytes(block).first(count)));
    }
  };
  BOOST_OUTCOME_TRY(changes_.put(path, metadata, {}, content));
  changes_.by_path().at(path).over_symlink = options_.removing;
  return success();
}

/// Whether the file at the path has the content of the source.
Result<bool> Mirror::is_same(const std::string& path, const Status& found, SourceFile& file) const {
  if (found.type != FileType::regular || found.version.size != file.status().version.size) {
    return false;
  }
  FileSystem& files = root_.files;
  const auto directory = changes_.directories().open(parent_of(path));
  if (!directory) return root_.closed_way(mirror_step, path, directory.error());
  const auto opened = files.open_file(directory.value(), leaf_of(path));
  if (!opened) return false;  // the put says why, where it matters
  const OwnedHandle here(files, opened.value());
  Buffer mine(block_size);
  Buffer theirs(block_size);
  for (std::uint64_t offset = 0;;) {
    BOOST_OUTCOME_TRY(const std::size_t count, file.read(theirs));
    std::size_t got = 0;
    do {
      const auto read = files.read_at(here.get(), offset + got, std::span(mine).subspan(got));
      if (!read) return root_.failure(mirror_step, path, read.error());
      if (read.value() == 0) break;
      got += read.value();
    } while (got < count);
    if (count == 0) return got == 0;
    if (got < count ||
        !std::equal(theirs.begin(), theirs.begin() + std::ptrdiff_t(count), mine.begin())) {
      return false;
    }
    offset += count;
  }
}

/// A directory that does not tell upper from lower case has one file for two names of the source.
/// So no two names may lead to the same file there, unless it has hard links.
Result<void> Mirror::check_alias(const std::string& directory, const std::string& path,
                                 const Status& status) const {
  const auto same = found_.find({directory, identity_of(status.version)});
  if (same == found_.end()) return success();
  const bool hard_link = status.type != FileType::directory && status.links > 1 &&
                         names::folded(path) != names::folded(same->second);
  if (hard_link) return success();
  return root_.failure(mirror_step, path, ErrorKind::unsupported,
                       "it is the same file as '" + same->second +
                           "' of the source: the directory does not tell upper from lower case; "
                           "give it the name that the source has");
}

/// Removes the files that the source does not have. The root's own files stay, and so do files of
/// the library that others rely on.
Result<void> Mirror::remove_others(const std::string& directory) {
  const auto opened = changes_.directories().open(directory);
  if (!opened) return root_.closed_way(mirror_step, directory, opened.error());
  BOOST_OUTCOME_TRY(const auto entries,
                    root_.checked(mirror_step, directory, root_.files.list(opened.value())));
  for (const DirectoryEntry& entry : entries) {
    const std::string path = directory.empty() ? entry.name : directory + "/" + entry.name;
    if (names::is_own(entry.name) || wanted_.contains(path)) continue;
    BOOST_OUTCOME_TRY(const auto status, changes_.stat(path));
    const bool is_private = status && status->version.same_file(root_.private_status.version);
    if (!status || is_private) continue;
    BOOST_OUTCOME_TRY(check_alias(directory, path, *status));
    BOOST_OUTCOME_TRY(changes_.remove_all(path));
    ++report_.removed;
  }
  return success();
}

}  // namespace

Result<MirrorReport> mirror_tree(TransactionRoot& root, Changes& changes, SourceTree& source,
                                 const MirrorOptions& options) {
  return Mirror(root, changes, source, options).run();
}

}  // namespace perdure
