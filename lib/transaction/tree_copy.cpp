// SPDX-License-Identifier: BSL-1.0
// Fills a copy pass by pass, and makes it durable.
#include "transaction/tree_copy.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <perdure/pipeline/commit.hpp>
#include <perdure/source_tree.hpp>

#include "base/checksum.hpp"
#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/temp.hpp"
#include "engine/version.hpp"
#include "transaction/copy_place.hpp"

namespace perdure {
namespace {

constexpr std::size_t block_size = std::size_t{256} << 10U;
/// So many files are synced at a time, by the handles that wrote them. Their writeback overlaps,
/// and no failure of it is lost with a closed file.
constexpr std::size_t unflushed_max = 64;

constexpr std::uint32_t writable = 0200;  // by its owner

enum class Pass { beside_others, last };

/// A path of the copy, as it was copied.
struct Taken {
  FileType type = FileType::regular;
  bool settled = false;                        ///< The stamps tell every later change.
  bool kept = false;                           ///< An earlier call wrote it.
  bool narrowed = false;                       ///< It gives others fewer rights than the source.
  int pass = 0;                                ///< In which it was seen last.
  Version version{};                           ///< Of the source.
  Checksum::Digest digest{};                   ///< Of a file's content.
  std::string text{};                          ///< Of a symbolic link.
  std::unique_ptr<MetadataSource> metadata{};  ///< Of a directory, which gets them last.
};

class TreeCopy {
 public:
  TreeCopy(const OpenTree& root, const Path& destination, const CopyOptions& options,
           const TransactionOptions& root_options)
      : root_(root),
        options_(options),
        root_options_(root_options),
        files_(*root_options.system.files),
        environment_(*root_options.system.environment),
        place_(destination, root_options) {}
  TreeCopy(const TreeCopy&) = delete;
  TreeCopy& operator=(const TreeCopy&) = delete;
  ~TreeCopy() = default;

  Result<CopyReport> run(const Quietly& quietly);

 private:
  Result<void> pass(Pass which);
  Result<void> check_no_root_within(const SourceTree& source) const;
  Result<void> take(SourceTree& source, const SourceTree::Entry& entry);
  Result<void> take_directory(SourceTree& source, const std::string& path);
  Result<void> take_symlink(SourceTree& source, const std::string& path);
  Result<void> take_file(SourceTree& source, const std::string& path);
  Result<Taken> copy_file(SourceFile& file, const std::string& path);
  Result<bool> keep_file(SourceFile& file, const std::string& path, Taken& taken);
  Result<void> write_file(SourceFile& file, const std::string& path, Taken& taken);
  Result<Checksum::Digest> digest_of(SourceFile& file) const;
  Result<MetadataSource> metadata_of(const std::string& path, Handle file,
                                     const Status& status) const;
  void take_over(Handle file, Status& now, MetadataSource& metadata, Taken& taken) const;
  /// Gives the file back, open.
  Result<OwnedHandle> give_metadata(const std::string& path, OwnedHandle file,
                                    MetadataSource metadata, Taken& taken);
  Result<void> flush_later(const std::string& path, OwnedHandle file);
  Result<void> flush();
  void forget(const std::string& path);
  Result<void> remove_others();
  Result<void> check();
  Result<void> finish_directories();
  [[nodiscard]] CopyReport report();

  /// An error of reading the root.
  [[nodiscard]] Error unread(const std::string& path, std::error_code cause) const {
    return reading(make_error(copy_step, (root_.path / path).native(), cause));
  }
  [[nodiscard]] Error unread(const std::string& path, ErrorKind kind, std::string detail) const {
    return reading(make_error(copy_step, (root_.path / path).native(), kind, std::move(detail)));
  }

  const OpenTree& root_;
  const CopyOptions& options_;
  const TransactionOptions& root_options_;
  FileSystem& files_;
  Environment& environment_;
  const WriteOptions write_options_{};
  CopyPlace place_;
  std::map<std::string, Taken> taken_;  ///< In the order of their paths: "" is the top.
  std::vector<std::pair<std::string, OwnedHandle>> unflushed_;
  std::uint64_t changed_ = 0;  ///< Bytes and names that the pass had to copy.
  CopyReport report_;
};

/// One look at all of the root; copies paths that are not copied yet. While others commit, a path
/// that is removed or changes is left to the next pass.
Result<void> TreeCopy::pass(Pass which) {
  const bool beside = which == Pass::beside_others;
  ++report_.passes;
  changed_ = 0;
  BOOST_OUTCOME_TRY(auto source,
                    SourceTree::open_in(root_.directory, root_.path, root_options_.system,
                                        {.symlinks = true, .previous = true, .changing = beside}));
  BOOST_OUTCOME_TRY(check_no_root_within(source));
  BOOST_OUTCOME_TRY(take(source, {.path = "", .type = FileType::directory}));
  std::vector<std::string> left;  // directories that went, with a slash
  std::uint64_t done = 0;
  for (const SourceTree::Entry& entry : source.entries()) {
    const bool went = std::ranges::any_of(
        left, [&](const std::string& above) { return entry.path.starts_with(above); });
    auto taken = went ? Result<void>(success()) : take(source, entry);
    if (!taken && beside && taken.error().reading) {
      forget(entry.path);
      ++changed_;
      if (entry.type == FileType::directory) left.push_back(entry.path + "/");
      taken = success();
    }
    BOOST_OUTCOME_TRY(std::move(taken));
    ++done;
    if (options_.progress) options_.progress(done, source.entries().size());
  }
  std::erase_if(taken_, [&](const auto& item) { return item.second.pass != report_.passes; });
  report_.left_out = source.left_out();
  return success();
}

/// A root within has a lock of its own, and the copy would leave its journal out: it is refused.
Result<void> TreeCopy::check_no_root_within(const SourceTree& source) const {
  const std::string own = (root_.path / std::string(names::root_marker)).native();
  for (const std::string& path : source.left_out()) {
    if (leaf_of(path) != names::root_marker || path == own) continue;
    return make_error(copy_step, path, ErrorKind::unsupported,
                      "it marks a root of its own, whose transactions are not held back; copy that "
                      "by itself, from a place outside");
  }
  return success();
}

Result<void> TreeCopy::take(SourceTree& source, const SourceTree::Entry& entry) {
  Result<void> taken = success();
  switch (entry.type) {
    case FileType::directory:
      taken = take_directory(source, entry.path);
      break;
    case FileType::symlink:
      taken = take_symlink(source, entry.path);
      break;
    default:
      taken = take_file(source, entry.path);
  }
  if (taken) taken_.at(entry.path).pass = report_.passes;
  return taken;
}

/// Forgets the path and all that is in it: their copies can't be relied on.
void TreeCopy::forget(const std::string& path) {
  taken_.erase(path);
  const auto first = taken_.lower_bound(path + "/");
  auto last = first;
  while (last != taken_.end() && last->first.starts_with(path + "/")) ++last;
  taken_.erase(first, last);
}

Result<void> TreeCopy::take_directory(SourceTree& source, const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle directory, source.directory(path));
  const auto status = files_.stat(directory);
  if (!status) return unread(path, status.error());
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, directory, status.value()));
  const auto known = taken_.find(path);
  const bool there = known != taken_.end() && known->second.type == FileType::directory;
  if (!path.empty() && !there) {
    forget(path);
    ++changed_;
    BOOST_OUTCOME_TRY(const auto found, place_.checked(path, place_.directories().stat(path)));
    if (found && found->type != FileType::directory) {
      BOOST_OUTCOME_TRY(place_.remove(path));
    }
    BOOST_OUTCOME_TRY(const Handle above, place_.parent(path));
    const auto made = files_.make_directory(above, leaf_of(path), 0700);
    if (!made && made.error() != std::errc::file_exists) return place_.failure(path, made.error());
    if (!made) {  // of an earlier call, which may have given it its own mode
      BOOST_OUTCOME_TRY(const Handle own, place_.checked(path, place_.directories().open(path)));
      BOOST_OUTCOME_TRY(place_.checked(path, files_.set_mode(own, 0700)));
    }
  }
  Taken& taken = taken_[path];
  taken.type = FileType::directory;
  taken.metadata = std::make_unique<MetadataSource>(std::move(metadata));
  return success();
}

Result<void> TreeCopy::take_symlink(SourceTree& source, const std::string& path) {
  BOOST_OUTCOME_TRY(std::string text, source.read_symlink(path));
  const auto known = taken_.find(path);
  if (known != taken_.end() && known->second.type == FileType::symlink &&
      known->second.text == text) {
    return success();
  }
  forget(path);
  ++changed_;
  BOOST_OUTCOME_TRY(place_.remove(path));
  BOOST_OUTCOME_TRY(const Handle above, place_.parent(path));
  BOOST_OUTCOME_TRY(place_.checked(path, files_.make_symlink(above, leaf_of(path), text)));
  if (files_.user() == 0) {
    BOOST_OUTCOME_TRY(const Status status, source.status(path));
    BOOST_OUTCOME_TRY(const Handle opened,
                      place_.checked(path, files_.open_link(above, leaf_of(path))));
    const OwnedHandle link(files_, opened);
    BOOST_OUTCOME_TRY(
        place_.checked(path, files_.set_owner(link.get(), status.owner, status.group)));
  }
  Taken& taken = taken_[path];
  taken.type = FileType::symlink;
  taken.text = std::move(text);
  return success();
}

Result<void> TreeCopy::take_file(SourceTree& source, const std::string& path) {
  constexpr int attempts_max = 3;
  const auto known = taken_.find(path);
  if (known != taken_.end() && known->second.type == FileType::regular && known->second.settled) {
    BOOST_OUTCOME_TRY(const Status status, source.status(path));
    if (has_stamps_of(status, known->second.version)) return success();
  }
  for (int attempt = 1; attempt <= attempts_max; ++attempt) {
    BOOST_OUTCOME_TRY(SourceFile file, source.open_file(path));
    BOOST_OUTCOME_TRY(Taken taken, copy_file(file, path));
    const auto after = files_.stat(file.handle());
    if (!after) return unread(path, after.error());
    const bool steady = has_stamps_of(after.value(), file.status().version);
    taken.version = after.value().version;
    taken.settled = steady && is_settled(files_, file.handle(), after.value());
    taken_.insert_or_assign(path, std::move(taken));
    if (steady) return success();
  }
  return unread(path, ErrorKind::conflict,
                "somebody writes into it all the time, without a commit; let that program rest");
}

Result<Taken> TreeCopy::copy_file(SourceFile& file, const std::string& path) {
  const auto known = taken_.find(path);
  const bool written = known != taken_.end() && !known->second.kept;  // by this call
  forget(path);                                                       // until it is done
  Taken taken;
  BOOST_OUTCOME_TRY(const bool same, keep_file(file, path, taken));
  taken.kept = same && !written;
  if (!same) {
    file.rewind();
    BOOST_OUTCOME_TRY(write_file(file, path, taken));
  }
  return taken;
}

/// Of all that is left to read.
Result<Checksum::Digest> TreeCopy::digest_of(SourceFile& file) const {
  Checksum checksum;
  Buffer block(block_size);
  while (true) {
    BOOST_OUTCOME_TRY(const std::size_t got, file.read(block));
    if (got == 0) return checksum.digest();
    checksum.update(Bytes(block).first(got));
  }
}

/// Whether the copy has this content already. Compares hashes, for which all bytes are read.
Result<bool> TreeCopy::keep_file(SourceFile& file, const std::string& path, Taken& taken) {
  BOOST_OUTCOME_TRY(const auto found, place_.checked(path, place_.directories().stat(path)));
  if (!found || found->type != FileType::regular ||
      found->version.size != file.status().version.size) {
    return false;
  }
  BOOST_OUTCOME_TRY(const Handle above, place_.parent(path));
  const auto opened = files_.open_file(above, leaf_of(path));
  if (!opened && opened.error() == std::errc::permission_denied) return false;  // its own mode
  if (!opened) return place_.failure(path, opened.error());
  OwnedHandle own(files_, opened.value());
  Checksum here;
  Buffer block(block_size);
  for (std::uint64_t offset = 0;;) {
    const auto got = files_.read_at(own.get(), offset, block);
    if (!got) return false;  // a power cut may leave what can't be read: it is written anew
    if (got.value() == 0) break;
    here.update(Bytes(block).first(got.value()));
    offset += got.value();
  }
  BOOST_OUTCOME_TRY(taken.digest, digest_of(file));
  if (here.digest() != taken.digest) return false;
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, file.handle(), file.status()));
  BOOST_OUTCOME_TRY(own, give_metadata(path, std::move(own), std::move(metadata), taken));
  BOOST_OUTCOME_TRY(flush_later(path, std::move(own)));
  return true;
}

Result<void> TreeCopy::write_file(SourceFile& file, const std::string& path, Taken& taken) {
  BOOST_OUTCOME_TRY(place_.remove(path));
  BOOST_OUTCOME_TRY(const Handle above, place_.parent(path));
  BOOST_OUTCOME_TRY(const Handle made,
                    place_.checked(path, files_.create(above, leaf_of(path), 0600)));
  Commit commit(files_, environment_, write_options_);
  commit.path = place_.at(path);
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
  BOOST_OUTCOME_TRY(place_.checked(path, start_writeback(files_, made)));
  BOOST_OUTCOME_TRY(MetadataSource metadata, metadata_of(path, file.handle(), file.status()));
  BOOST_OUTCOME_TRY(OwnedHandle own,
                    give_metadata(path, std::move(commit.temp), std::move(metadata), taken));
  return flush_later(path, std::move(own));
}

Result<MetadataSource> TreeCopy::metadata_of(const std::string& path, Handle file,
                                             const Status& status) const {
  MetadataSource metadata{.status = status, .xattrs = {}};
  const auto listed = files_.list_xattrs(file);
  if (!listed) return unread(path, listed.error());
  for (const std::string& name : listed.value()) {
    // Only root may give these.
    const bool special = name.starts_with("security.") || name.starts_with("trusted.");
    if (special && files_.user() != 0) continue;
    auto value = files_.get_xattr(file, name);
    if (!value) return unread(path, value.error());
    metadata.xattrs.push_back({name, std::move(value.value())});
  }
  return metadata;
}

/// Only root may give a file away. A caller keeps a group that he belongs to. Otherwise the copy
/// has another group, which gets no more rights than everybody.
void TreeCopy::take_over(Handle file, Status& now, MetadataSource& metadata, Taken& taken) const {
  constexpr std::uint32_t special = 06000;
  constexpr std::uint32_t of_group = 070;
  Status& wanted = metadata.status;
  if (wanted.owner == now.owner && wanted.group == now.group) return;
  wanted.mode &= ~special;
  wanted.owner = now.owner;
  if (wanted.group == now.group) return;
  if (files_.set_owner(file, now.owner, wanted.group)) {
    now.group = wanted.group;
    return;
  }
  wanted.group = now.group;
  const std::uint32_t everybody = (wanted.mode & 07U) << 3U;
  taken.narrowed = (wanted.mode & of_group & ~everybody) != 0;
  wanted.mode &= ~of_group | everybody;
  taken.narrowed |= std::erase_if(metadata.xattrs, [](const Xattr& xattr) {
                      return xattr.name.starts_with("system.posix_acl_");
                    }) != 0;
}

/// The mode is set last where it would keep the owner from setting the rest.
Result<OwnedHandle> TreeCopy::give_metadata(const std::string& path, OwnedHandle file,
                                            MetadataSource metadata, Taken& taken) {
  Commit commit(files_, environment_, write_options_);
  commit.path = place_.at(path);
  BOOST_OUTCOME_TRY(Status now, place_.checked(path, files_.stat(file.get())));
  taken.narrowed = false;
  if (files_.user() != 0) take_over(file.get(), now, metadata, taken);
  const std::uint32_t mode = metadata.status.mode;
  if (files_.user() != 0) metadata.status.mode |= writable;
  metadata.temp = now;
  commit.temp = std::move(file);
  auto given = copy_metadata(commit, metadata);
  if (!given) {
    std::string& detail = given.error().detail;
    detail += std::string(detail.empty() ? "" : "; ") + "copy as root, or take it off in the root";
    return std::move(given.error());
  }
  if (metadata.status.mode != mode) {
    BOOST_OUTCOME_TRY(place_.checked(path, files_.set_mode(commit.temp.get(), mode)));
  }
  return std::move(commit.temp);
}

Result<void> TreeCopy::flush_later(const std::string& path, OwnedHandle file) {
  unflushed_.emplace_back(path, std::move(file));
  return unflushed_.size() < unflushed_max ? success() : flush();
}

Result<void> TreeCopy::flush() {
  for (auto& [path, file] : unflushed_) {
    BOOST_OUTCOME_TRY(
        place_.checked(path, noted(files_, file.get(), files_.sync_file(file.get()))));
    file.reset();
  }
  unflushed_.clear();
  return success();
}

/// Removes files that the root does not have: it lost them since, or an earlier call copied them.
/// First it finds out whether each name of the root leads to a file of its own here.
Result<void> TreeCopy::remove_others() {
  std::vector<std::string> others;
  for (const auto& [path, taken] : taken_) {
    if (taken.type != FileType::directory) continue;
    BOOST_OUTCOME_TRY(const Handle opened, place_.checked(path, place_.directories().open(path)));
    BOOST_OUTCOME_TRY(const auto entries, place_.checked(path, files_.list(opened)));
    const std::string prefix = path.empty() ? "" : path + "/";
    std::size_t known = 0;
    for (const DirectoryEntry& entry : entries) {
      const bool own = taken_.contains(prefix + entry.name);
      known += own ? 1U : 0U;
      if (!own) others.push_back(prefix + entry.name);
    }
    std::size_t wanted = 0;
    for (auto item = taken_.lower_bound(prefix);
         item != taken_.end() && item->first.starts_with(prefix); ++item) {
      const bool within = item->first.find('/', prefix.size()) == std::string::npos;
      wanted += within && !item->first.empty() ? 1U : 0U;
    }
    if (known == wanted) continue;
    return place_.failure(path, ErrorKind::unsupported,
                          "names of the root that differ in upper and lower case are one here; "
                          "copy it to a file system that tells them apart");
  }
  for (const std::string& path : others) {
    BOOST_OUTCOME_TRY(place_.remove(path));
  }
  return success();
}

/// Finds content that the disk lost, also of an earlier call: the kernel reports a failed sync
/// once.
Result<void> TreeCopy::check() {
  for (const auto& [path, taken] : taken_) {
    if (taken.type != FileType::regular || !(options_.checking || taken.kept)) continue;
    BOOST_OUTCOME_TRY(const Handle above, place_.parent(path));
    BOOST_OUTCOME_TRY(const Handle opened,
                      place_.checked(path, files_.open_file(above, leaf_of(path))));
    Commit commit(files_, environment_, write_options_);
    commit.path = place_.at(path);
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

/// The deepest directory comes first, since its parent's mode may forbid to write there. The top
/// keeps the write bit that its rename into another directory needs.
Result<void> TreeCopy::finish_directories() {
  for (auto item = taken_.rbegin(); item != taken_.rend(); ++item) {
    auto& [path, taken] = *item;
    if (taken.type != FileType::directory) continue;
    MetadataSource metadata = *taken.metadata;
    if (path.empty()) metadata.status.mode |= writable;
    BOOST_OUTCOME_TRY(
        const Handle opened,
        place_.checked(path, files_.open_beneath(place_.tree(), path.empty() ? "." : path)));
    BOOST_OUTCOME_TRY(const OwnedHandle own,
                      give_metadata(path, OwnedHandle(files_, opened), std::move(metadata), taken));
    BOOST_OUTCOME_TRY(place_.checked(path, sync_entries(files_, own.get())));
  }
  return success();
}

CopyReport TreeCopy::report() {
  for (const auto& [path, taken] : taken_) {
    report_.narrowed += taken.narrowed ? 1U : 0U;
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
  BOOST_OUTCOME_TRY(place_.open(root_.directory));
  for (int n = 0; n < options_.passes_max; ++n) {
    BOOST_OUTCOME_TRY(pass(Pass::beside_others));
    if (changed_ == 0 || (n > 0 && changed_ < little)) break;
  }
  BOOST_OUTCOME_TRY(quietly([this] {
    const auto begin = environment_.monotonic();
    auto passed = pass(Pass::last);
    report_.held = environment_.monotonic() - begin;
    return passed;
  }));
  BOOST_OUTCOME_TRY(flush());
  BOOST_OUTCOME_TRY(remove_others());
  BOOST_OUTCOME_TRY(check());
  BOOST_OUTCOME_TRY(finish_directories());
  BOOST_OUTCOME_TRY(place_.publish(writable & ~taken_.at("").metadata->status.mode));
  return report();
}

}  // namespace

Result<CopyReport> copy_tree(const OpenTree& root, const Path& destination,
                             const CopyOptions& options, const TransactionOptions& root_options,
                             const Quietly& quietly) {
  return TreeCopy(root, destination, options, root_options).run(quietly);
}

}  // namespace perdure
