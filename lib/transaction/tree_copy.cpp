// SPDX-License-Identifier: BSL-1.0
// Fills the work directory of a copy, checks it, and gives it its name.
#include "transaction/tree_copy.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <perdure/pipeline/commit.hpp>
#include <perdure/source_tree.hpp>

#include "base/checksum.hpp"
#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/sync.hpp"
#include "engine/temp.hpp"
#include "engine/unlink.hpp"
#include "engine/version.hpp"
#include "transaction/tree.hpp"

namespace perdure {
namespace {

constexpr std::string_view copy_step = "copy the root";
constexpr std::size_t block_size = std::size_t{256} << 10U;

/// A path of the copy, as it was taken.
struct Taken {
  FileType type = FileType::regular;
  bool settled = false;       ///< The stamps tell every later change.
  Version version{};          ///< Of the source.
  Checksum::Digest digest{};  ///< Of a file's content.
  std::string text{};         ///< Of a symbolic link.
  bool kept = false;          ///< An earlier call wrote it.
  MetadataSource metadata{};  ///< Of a directory, which gets them last.
};

class TreeCopy {
 public:
  TreeCopy(const OpenTree& root, const Path& destination, const CopyOptions& options,
           const TransactionOptions& root_options)
      : root_(root),
        destination_(destination),
        options_(options),
        root_options_(root_options),
        files_(*root_options.system.files),
        environment_(*root_options.system.environment) {}
  TreeCopy(const TreeCopy&) = delete;
  TreeCopy& operator=(const TreeCopy&) = delete;
  ~TreeCopy() = default;

  Result<CopyReport> run(const Quietly& quietly);

 private:
  Result<void> open_places();
  Result<void> check_outside() const;
  Result<void> open_work();
  Result<void> mark_work();
  Result<void> pass();
  Result<void> take(SourceTree& source, const SourceTree::Entry& entry);
  Result<void> take_directory(SourceTree& source, const std::string& path);
  Result<void> take_symlink(SourceTree& source, const std::string& path);
  Result<void> take_file(SourceTree& source, const std::string& path);
  Result<Taken> copy_file(SourceFile& file, const std::string& path);
  Result<bool> keep_file(SourceFile& file, const std::string& path, Taken& taken);
  Result<void> write_file(SourceFile& file, const std::string& path, Taken& taken);
  Result<MetadataSource> metadata_of(const std::string& path, Handle file,
                                     const Status& status) const;
  /// Gives the file back, open.
  Result<OwnedHandle> give_metadata(const std::string& path, OwnedHandle file,
                                    MetadataSource metadata);
  Result<void> remove(const std::string& path);
  Result<void> remove_others();
  Result<void> finish_directories();
  Result<void> flush();
  Result<void> check();
  Result<void> publish();
  SysResult<void> unmark();
  [[nodiscard]] CopyReport report();

  Result<Handle> parent(const std::string& path);
  [[nodiscard]] Error failure(const std::string& path, std::error_code cause) const {
    return make_error(copy_step, path.empty() ? destination_.native() : at(path), cause);
  }
  [[nodiscard]] Error failure(const std::string& path, ErrorKind kind, std::string detail) const {
    return make_error(copy_step, path.empty() ? destination_.native() : at(path), kind,
                      std::move(detail));
  }
  [[nodiscard]] std::string at(const std::string& path) const {
    return (destination_ / path).native();
  }
  template <class T>
  Result<T> checked(const std::string& path, SysResult<T> result) const {
    if (!result) return failure(path, result.error());
    if constexpr (std::is_void_v<T>) {
      return success();
    } else {
      return std::move(result.value());
    }
  }

  const OpenTree& root_;
  const Path& destination_;
  const CopyOptions& options_;
  const TransactionOptions& root_options_;
  FileSystem& files_;
  Environment& environment_;
  const WriteOptions write_options_{};
  std::string leaf_;
  std::string work_name_;
  OwnedHandle above_;  ///< The directory that the copy is to lie in.
  OwnedHandle lock_;
  OwnedHandle work_;
  std::optional<Directories> directories_;  ///< Beneath `work_`.
  std::map<std::string, Taken> taken_;      ///< In the order of their paths.
  std::uint64_t changed_ = 0;               ///< Bytes and names that the pass had to copy.
  std::uint64_t mark_ = failed_syncs();
  CopyReport report_;
};

Result<void> TreeCopy::open_places() {
  leaf_ = destination_.filename().native();
  if (const auto fault = names::fault_of_leaf(leaf_); !fault.empty() || names::is_own(leaf_)) {
    return failure("", ErrorKind::invalid_argument,
                   fault.empty() ? "the name is one of perdure's own" : std::string(fault));
  }
  work_name_ = names::copy_of(leaf_);
  BOOST_OUTCOME_TRY(above_, open_directory(files_, destination_.parent_path()));
  BOOST_OUTCOME_TRY(check_outside());
  const auto words = [this](std::error_code cause) { return failure("", cause); };
  BOOST_OUTCOME_TRY(lock_, take_target_lock(files_, environment_, above_.get(), leaf_,
                                            {root_options_.lock_timeout_ms, root_options_.stop},
                                            words, root_options_.system.observer,
                                            "another process makes this copy; wait for it"));
  const auto there = files_.stat_at(above_.get(), leaf_);
  if (there) {
    return failure("", ErrorKind::exists, "a copy never replaces anything; name a new directory");
  }
  if (!is_missing(there.error())) return failure("", there.error());
  return open_work();
}

/// Else it would copy itself.
Result<void> TreeCopy::check_outside() const {
  BOOST_OUTCOME_TRY(const Status status, checked("", files_.stat(root_.directory)));
  BOOST_OUTCOME_TRY(const bool inside, checked("", lies_in(files_, above_.get(), status.version)));
  if (!inside) return success();
  return failure("", ErrorKind::invalid_argument,
                 "it would lie in the root that is copied; name a directory elsewhere");
}

/// The work directory, new or of an earlier call.
Result<void> TreeCopy::open_work() {
  const auto made = files_.make_directory(above_.get(), work_name_, 0700);
  if (!made && made.error() != std::errc::file_exists) return failure("", made.error());
  BOOST_OUTCOME_TRY(const Handle opened,
                    checked("", files_.open_beneath(above_.get(), work_name_)));
  work_ = OwnedHandle(files_, opened);
  directories_.emplace(files_, work_.get());
  return mark_work();
}

Result<void> TreeCopy::mark_work() {
  const std::string marker(names::copy_marker);
  BOOST_OUTCOME_TRY(const Status status, checked("", files_.stat(work_.get())));
  BOOST_OUTCOME_TRY(const auto entries, checked("", files_.list(work_.get())));
  const auto found = files_.stat_at(work_.get(), marker);
  const bool marked =
      found && found.value().type == FileType::regular && found.value().owner == files_.user();
  if (status.owner != files_.user() || (!entries.empty() && !marked)) {
    return failure("", ErrorKind::untrusted,
                   "somebody made '" + work_name_ + "' beside it, in which a copy is made; move " +
                       "that away, or name another directory");
  }
  if (marked) return success();
  BOOST_OUTCOME_TRY(const Handle made, checked("", files_.create(work_.get(), marker, 0600)));
  (void)files_.close(made);
  return success();
}

Result<Handle> TreeCopy::parent(const std::string& path) {
  return checked(path, directories_->open(parent_of(path)));
}

/// One look at all of the root; copies what is not copied yet.
Result<void> TreeCopy::pass() {
  ++report_.passes;
  changed_ = 0;
  BOOST_OUTCOME_TRY(auto source, SourceTree::open_in(root_.directory, root_.path,
                                                     root_options_.system, {.symlinks = true}));
  std::set<std::string> there{""};
  BOOST_OUTCOME_TRY(take_directory(source, ""));
  for (const SourceTree::Entry& entry : source.entries()) {
    BOOST_OUTCOME_TRY(take(source, entry));
    there.insert(entry.path);
    if (options_.progress) options_.progress(there.size() - 1, source.entries().size());
  }
  for (auto item = taken_.begin(); item != taken_.end();) {
    if (there.contains(item->first)) {
      ++item;
      continue;
    }
    BOOST_OUTCOME_TRY(remove(item->first));
    ++changed_;
    item = taken_.erase(item);
  }
  report_.left_out = source.left_out();
  return success();
}

Result<void> TreeCopy::take(SourceTree& source, const SourceTree::Entry& entry) {
  const auto known = taken_.find(entry.path);
  if (known != taken_.end() && known->second.type != entry.type) {
    BOOST_OUTCOME_TRY(remove(entry.path));
    const std::string beneath = entry.path + "/";
    std::erase_if(taken_, [&](const auto& item) {
      return item.first == entry.path || item.first.starts_with(beneath);
    });
  }
  switch (entry.type) {
    case FileType::directory:
      return take_directory(source, entry.path);
    case FileType::symlink:
      return take_symlink(source, entry.path);
    default:
      return take_file(source, entry.path);
  }
}

Result<void> TreeCopy::take_directory(SourceTree& source, const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle directory, source.directory(path));
  const auto status = files_.stat(directory);
  if (!status) return reading(failure(path, status.error()));
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, directory, status.value()));
  if (!path.empty() && !taken_.contains(path)) {
    ++changed_;
    BOOST_OUTCOME_TRY(const Handle above, parent(path));
    const auto found = files_.stat_at(above, leaf_of(path));
    if (found && found.value().type != FileType::directory) {
      BOOST_OUTCOME_TRY(remove(path));
    }
    const auto made = files_.make_directory(above, leaf_of(path), 0700);
    if (!made && made.error() != std::errc::file_exists) return failure(path, made.error());
    if (!made) {  // of an earlier call, which may have given it its own mode
      BOOST_OUTCOME_TRY(const Handle own, checked(path, directories_->open(path)));
      BOOST_OUTCOME_TRY(checked(path, files_.set_mode(own, 0700)));
    }
  }
  Taken& taken = taken_[path];
  taken.type = FileType::directory;
  taken.metadata = std::move(metadata);
  return success();
}

Result<void> TreeCopy::take_symlink(SourceTree& source, const std::string& path) {
  BOOST_OUTCOME_TRY(std::string text, source.read_symlink(path));
  const auto known = taken_.find(path);
  if (known != taken_.end() && known->second.text == text) return success();
  ++changed_;
  BOOST_OUTCOME_TRY(remove(path));
  BOOST_OUTCOME_TRY(const Handle above, parent(path));
  BOOST_OUTCOME_TRY(checked(path, files_.make_symlink(above, leaf_of(path), text)));
  Taken& taken = taken_[path];
  taken.type = FileType::symlink;
  taken.text = std::move(text);
  return success();
}

Result<void> TreeCopy::take_file(SourceTree& source, const std::string& path) {
  constexpr int attempts_max = 3;
  const auto known = taken_.find(path);
  if (known != taken_.end() && known->second.settled) {
    BOOST_OUTCOME_TRY(const Status status, source.status(path));
    if (has_stamps_of(status, known->second.version)) return success();
  }
  for (int attempt = 1; attempt <= attempts_max; ++attempt) {
    BOOST_OUTCOME_TRY(SourceFile file, source.open_file(path));
    BOOST_OUTCOME_TRY(Taken taken, copy_file(file, path));
    const auto after = files_.stat(file.handle());
    if (!after) return reading(failure(path, after.error()));
    if (!has_stamps_of(after.value(), file.status().version)) continue;
    taken.version = after.value().version;
    taken.settled = is_settled(files_, file.handle(), after.value());
    taken_[path] = std::move(taken);
    return success();
  }
  return reading(make_error(copy_step, (root_.path / path).native(), ErrorKind::conflict,
                            "somebody writes into it all the time, without a commit; let that "
                            "program rest"));
}

Result<Taken> TreeCopy::copy_file(SourceFile& file, const std::string& path) {
  Taken taken;
  BOOST_OUTCOME_TRY(taken.kept, keep_file(file, path, taken));
  if (!taken.kept) {
    file.rewind();
    BOOST_OUTCOME_TRY(write_file(file, path, taken));
  } else if (const auto known = taken_.find(path); known != taken_.end()) {
    taken.kept = known->second.kept;  // this call wrote it before
  }
  return taken;
}

/// Whether the copy has this content already. Compares by hashes, each of which reads all bytes.
Result<bool> TreeCopy::keep_file(SourceFile& file, const std::string& path, Taken& taken) {
  BOOST_OUTCOME_TRY(const Handle above, parent(path));
  const auto found = files_.stat_at(above, leaf_of(path));
  if (!found && is_missing(found.error())) return false;
  if (!found) return failure(path, found.error());
  if (found.value().type != FileType::regular ||
      found.value().version.size != file.status().version.size) {
    return false;
  }
  BOOST_OUTCOME_TRY(const Handle opened, checked(path, files_.open_file(above, leaf_of(path))));
  OwnedHandle own(files_, opened);
  Checksum here;
  Buffer block(block_size);
  for (std::uint64_t offset = 0;;) {
    BOOST_OUTCOME_TRY(const std::size_t got,
                      checked(path, files_.read_at(own.get(), offset, block)));
    if (got == 0) break;
    here.update(Bytes(block).first(got));
    offset += got;
  }
  Checksum there;
  while (true) {
    BOOST_OUTCOME_TRY(const std::size_t got, file.read(block));
    if (got == 0) break;
    there.update(Bytes(block).first(got));
  }
  if (here.digest() != there.digest()) return false;
  taken.digest = here.digest();
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, file.handle(), file.status()));
  BOOST_OUTCOME_TRY(own, give_metadata(path, std::move(own), std::move(metadata)));
  return true;
}

Result<void> TreeCopy::write_file(SourceFile& file, const std::string& path, Taken& taken) {
  BOOST_OUTCOME_TRY(remove(path));
  BOOST_OUTCOME_TRY(const Handle above, parent(path));
  BOOST_OUTCOME_TRY(const Handle made, checked(path, files_.create(above, leaf_of(path), 0600)));
  Commit commit(files_, environment_, write_options_);
  commit.path = at(path);
  commit.temp = OwnedHandle(files_, made);
  Checksum checksum;
  Buffer block(block_size);
  while (true) {
    BOOST_OUTCOME_TRY(const std::size_t got, file.read(block));
    if (got == 0) break;
    checksum.update(Bytes(block).first(got));
    BOOST_OUTCOME_TRY(append_to_temp(commit, Bytes(block).first(got)));
  }
  changed_ += 1 + commit.written;
  taken.digest = checksum.digest();
  (void)files_.start_writeback(made);  // a hint: the sync has the last word
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, file.handle(), file.status()));
  BOOST_OUTCOME_TRY(commit.temp, give_metadata(path, std::move(commit.temp), std::move(metadata)));
  return success();
}

Result<MetadataSource> TreeCopy::metadata_of(const std::string& path, Handle file,
                                             const Status& status) const {
  MetadataSource metadata{.status = status, .xattrs = {}};
  const auto listed = files_.list_xattrs(file);
  if (!listed) return reading(failure(path, listed.error()));
  for (const std::string& name : listed.value()) {
    // Only root may give these.
    const bool special = name.starts_with("security.") || name.starts_with("trusted.");
    if (special && files_.user() != 0) continue;
    auto value = files_.get_xattr(file, name);
    if (!value) return reading(failure(path, value.error()));
    metadata.xattrs.push_back({name, std::move(value.value())});
  }
  return metadata;
}

/// Others than root give no file away: theirs are their own, without the bits that would lend their
/// rights.
Result<OwnedHandle> TreeCopy::give_metadata(const std::string& path, OwnedHandle file,
                                            MetadataSource metadata) {
  constexpr std::uint32_t special = 06000;
  Commit commit(files_, environment_, write_options_);
  commit.path = at(path);
  BOOST_OUTCOME_TRY(const Status now, checked(path, files_.stat(file.get())));
  if (files_.user() != 0) {
    const bool own = metadata.status.owner == now.owner && metadata.status.group == now.group;
    if (!own) metadata.status.mode &= ~special;
    metadata.status.owner = now.owner;
    metadata.status.group = now.group;
  }
  metadata.temp = now;
  commit.temp = std::move(file);
  BOOST_OUTCOME_TRY(copy_metadata(commit, metadata));
  return std::move(commit.temp);
}

/// Removes the path from the copy, a directory with all that is in it; nothing where it is not
/// there.
Result<void> TreeCopy::remove(const std::string& path) {
  std::vector<std::string> to_remove{path};
  while (!to_remove.empty()) {
    const std::string next = to_remove.back();
    BOOST_OUTCOME_TRY(const auto found, checked(next, directories_->stat(next)));
    if (!found || found->type != FileType::directory) {
      to_remove.pop_back();
      if (!found) continue;
      BOOST_OUTCOME_TRY(const Handle above, parent(next));
      BOOST_OUTCOME_TRY(checked(next, unlink_if_there(files_, above, leaf_of(next))));
      continue;
    }
    BOOST_OUTCOME_TRY(const Handle opened, checked(next, directories_->open(next)));
    BOOST_OUTCOME_TRY(checked(next, files_.set_mode(opened, 0700)));
    BOOST_OUTCOME_TRY(const auto entries, checked(next, files_.list(opened)));
    if (entries.empty()) {
      to_remove.pop_back();
      directories_->look_anew();
      BOOST_OUTCOME_TRY(const Handle above, parent(next));
      BOOST_OUTCOME_TRY(checked(next, files_.remove_directory(above, leaf_of(next))));
    }
    for (const DirectoryEntry& entry : entries) to_remove.push_back(next + "/" + entry.name);
  }
  return success();
}

/// Removes what an earlier call copied, and the root does not have any more.
Result<void> TreeCopy::remove_others() {
  for (const auto& [path, taken] : taken_) {
    if (taken.type != FileType::directory) continue;
    BOOST_OUTCOME_TRY(const Handle opened, checked(path, directories_->open(path)));
    BOOST_OUTCOME_TRY(const auto entries, checked(path, files_.list(opened)));
    for (const DirectoryEntry& entry : entries) {
      const std::string own = path.empty() ? entry.name : path + "/" + entry.name;
      if (taken_.contains(own) || own == names::copy_marker) continue;
      BOOST_OUTCOME_TRY(remove(own));
    }
  }
  return success();
}

/// The deepest first: the mode of a directory may forbid to write there. The copy itself keeps the
/// bits that its last steps need.
Result<void> TreeCopy::finish_directories() {
  for (auto item = taken_.rbegin(); item != taken_.rend(); ++item) {
    auto& [path, taken] = *item;
    if (taken.type != FileType::directory) continue;
    MetadataSource metadata = taken.metadata;
    if (path.empty()) metadata.status.mode |= 0700U;
    BOOST_OUTCOME_TRY(const Handle opened,
                      checked(path, files_.open_beneath(work_.get(), path.empty() ? "." : path)));
    BOOST_OUTCOME_TRY(const OwnedHandle own,
                      give_metadata(path, OwnedHandle(files_, opened), std::move(metadata)));
    BOOST_OUTCOME_TRY(checked(path, files_.sync_directory(own.get())));
  }
  return success();
}

/// A failed sync is told once: what an earlier call wrote, and the disk refused, is found by
/// reading it back.
Result<void> TreeCopy::flush() {
  for (const auto& [path, taken] : taken_) {
    if (taken.type != FileType::regular) continue;
    BOOST_OUTCOME_TRY(const Handle above, parent(path));
    BOOST_OUTCOME_TRY(const Handle opened, checked(path, files_.open_file(above, leaf_of(path))));
    const OwnedHandle file(files_, opened);
    BOOST_OUTCOME_TRY(checked(path, files_.sync_file(file.get())));
  }
  return success();
}

Result<void> TreeCopy::check() {
  for (const auto& [path, taken] : taken_) {
    if (taken.type != FileType::regular || !(options_.checking || taken.kept)) continue;
    BOOST_OUTCOME_TRY(const Handle above, parent(path));
    BOOST_OUTCOME_TRY(const Handle opened, checked(path, files_.open_file(above, leaf_of(path))));
    Commit commit(files_, environment_, write_options_);
    commit.path = at(path);
    commit.temp = OwnedHandle(files_, opened);
    Checksum checksum;
    BOOST_OUTCOME_TRY(read_back(commit, [&](Bytes block) {
      checksum.update(block);
      return true;
    }));
    if (checksum.digest() != taken.digest) return differs(commit);
  }
  return success();
}

/// The marker goes when the copy has its name: a kill in between leaves it there, and does no harm.
Result<void> TreeCopy::publish() {
  const auto renamed =
      files_.rename(above_.get(), work_name_, above_.get(), leaf_, RenameMode::no_replace);
  if (!renamed) {
    const bool taken = renamed.error() == std::errc::file_exists;
    return taken ? failure("", ErrorKind::exists, "somebody else made it meanwhile")
                 : failure("", renamed.error());
  }
  const auto synced = sync_directory_durably(files_, above_.get(), mark_);
  if (!synced) {
    Error error = failure("", synced.error());
    error.fate = Fate::visible;
    return error;
  }
  const auto done = unmark();
  if (done) return success();
  Error error = failure("", done.error());
  error.fate = Fate::durable;
  return error;
}

SysResult<void> TreeCopy::unmark() {
  BOOST_OUTCOME_TRY(unlink_if_there(files_, work_.get(), std::string(names::copy_marker)));
  const std::uint32_t mode = taken_.at("").metadata.status.mode;
  return (mode | 0700U) == mode ? SysResult<void>(success()) : files_.set_mode(work_.get(), mode);
}

CopyReport TreeCopy::report() {
  for (const auto& [path, taken] : taken_) {
    if (path.empty()) continue;
    switch (taken.type) {
      case FileType::directory:
        ++report_.directories;
        break;
      case FileType::symlink:
        ++report_.symlinks;
        break;
      default:
        ++report_.files;
        report_.bytes += taken.version.size;
        report_.kept += taken.kept ? 1U : 0U;
    }
  }
  return std::move(report_);
}

Result<CopyReport> TreeCopy::run(const Quietly& quietly) {
  constexpr std::uint64_t little = std::uint64_t{1} << 20U;
  BOOST_OUTCOME_TRY(open_places());
  for (int n = 0; n < options_.passes_max; ++n) {
    const auto passed = pass();
    // A tree that changes while it is read: the last pass says whether that is all.
    if (!passed && !passed.error().reading) return passed.error();
    if (passed && (changed_ == 0 || (n > 0 && changed_ < little))) break;
  }
  BOOST_OUTCOME_TRY(quietly([this] {
    const auto begin = environment_.monotonic();
    auto passed = pass();
    report_.held = environment_.monotonic() - begin;
    return passed;
  }));
  BOOST_OUTCOME_TRY(remove_others());
  BOOST_OUTCOME_TRY(flush());
  BOOST_OUTCOME_TRY(check());
  BOOST_OUTCOME_TRY(finish_directories());
  BOOST_OUTCOME_TRY(publish());
  return report();
}

}  // namespace

Result<CopyReport> copy_tree(const OpenTree& root, const Path& destination,
                             const CopyOptions& options, const TransactionOptions& root_options,
                             const Quietly& quietly) {
  return TreeCopy(root, destination, options, root_options).run(quietly);
}

}  // namespace perdure
