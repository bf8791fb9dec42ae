// SPDX-License-Identifier: BSL-1.0
// Makes, fills and flushes staged files.
#include "transaction/staged_file.hpp"

#include <algorithm>
#include <utility>

#include "base/hard_link.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/fresh_file.hpp"
#include "engine/metadata.hpp"
#include "engine/names.hpp"
#include "engine/temp.hpp"
#include "engine/unlink.hpp"
#include "engine/version.hpp"
#include "transaction/image_io.hpp"

namespace perdure {
namespace {

/// Notes the facts by which the file is known later.
void note(StagedFile& staged, const Version& version) {
  staged.identity = identity_of(version);
  staged.size = version.size;
  staged.mtime_ns = version.mtime_ns;
}

/// So many staged files are synced at a time: their writeback overlaps, and the first sync's
/// journal commit serves the others.
constexpr std::size_t unflushed_max = 64;

}  // namespace

std::string StagedFiles::name_of(const StagedFile& staged) const {
  return names::staged_of(id_, staged.number);
}

/// The place of the existing file whose metadata the new one gets: the path, or the private
/// directory, where it waits for its path. A file that is in memory alone is written to the private
/// directory for that, and removed with the transaction.
Result<void> StagedFiles::locate(Commit& commit, const std::string& path) {
  BOOST_OUTCOME_TRY(const LeftFile* const left, root_.unpublished.find(path));
  if (left != nullptr && !left->removed) {
    commit.directory = root_.private_directory.get();
    commit.leaf = left->staged;
    if (!commit.leaf.empty()) return success();
    return show(commit, path, *left->image);
  }
  commit.leaf = leaf_of(path);
  BOOST_OUTCOME_TRY(commit.directory,
                    root_.checked(stage_step, path, directories_.open(parent_of(path))));
  return success();
}

/// Makes a file of the metadata that memory has.
Result<void> StagedFiles::show(Commit& commit, const std::string& path, const FileImage& image) {
  commit.leaf = names::staged_of(id_, next_++);
  FileImage shown = image;
  shown.content.clear();
  BOOST_OUTCOME_TRY(make_from_image(root_, stage_step, path, commit.leaf, shown));
  shown_.push_back(commit.leaf);
  return success();
}

/// Tells the commit which file it takes metadata from. The target is `existing`; another file has a
/// name of its own.
Result<void> StagedFiles::locate_source(Commit& commit, const std::string& path,
                                        const MetadataOf& from) {
  if (!from.status) return success();
  if (from.image || !from.staged.empty()) {
    commit.directory = root_.private_directory.get();
    commit.leaf = from.staged;
    if (from.image) {
      BOOST_OUTCOME_TRY(show(commit, from.path, *from.image));
    }
  } else {
    BOOST_OUTCOME_TRY(locate(commit, from.path));
  }
  if (from.path == path) return success();
  commit.metadata_name = commit.leaf;
  commit.metadata_status = from.status;
  commit.leaf = leaf_of(path);
  return success();
}

/// The image with which a content in memory begins. It is made if the file at the path waits in
/// memory, too. That file must not have special bits or labels, which new content must not get.
/// Null otherwise.
Result<std::shared_ptr<FileImage>> StagedFiles::image_like(const std::string& path) const {
  constexpr std::uint32_t special = 06000;
  const auto lock = root_.unpublished.hold();
  BOOST_OUTCOME_TRY(const LeftFile* const left, root_.unpublished.find(path));
  if (left == nullptr || left->removed) return nullptr;
  const FileImage& image = *left->image;
  const bool trusted = std::ranges::any_of(
      image.xattrs, [](const Xattr& xattr) { return xattr.name.starts_with("security."); });
  if (trusted || (image.mode & special) != 0) return nullptr;
  return std::make_shared<FileImage>(FileImage{
      .mode = image.mode,
      .owner = image.owner,
      .group = image.group,
      .xattrs = image.xattrs,
      .content = {},
  });
}

/// The same for metadata that need not be asked of the kernel.
Result<std::shared_ptr<FileImage>> StagedFiles::held_like(const std::string& path,
                                                          const MetadataOf& from,
                                                          const Metadata& metadata) const {
  const bool plain = metadata.preserved && !metadata.exact && !metadata.owner && !metadata.group &&
                     !metadata.keep_special;
  if (!root_.unpublished.expected || !plain || !from.status || from.path != path) return nullptr;
  return image_like(path);
}

Result<void> StagedFiles::begin_file(Commit& commit, StagedFile& staged, const std::string& path,
                                     const MetadataOf& from) {
  if (from.status) {
    const auto lock = root_.unpublished.hold();
    BOOST_OUTCOME_TRY(locate_source(commit, path, from));
    // If the stamps are not settled, the metadata may change without a new stamp: then the last
    // look reads them again.
    if (commit.existing && is_settled(root_.files, commit.directory, *commit.existing)) {
      staged.metadata_of = commit.existing->version;
    }
    BOOST_OUTCOME_TRY(read_xattrs(commit));
  }
  const auto made =
      root_.files.create(root_.private_directory.get(), name_of(staged), temp_mode(commit));
  if (!made) return root_.failure(stage_step, path, made.error());
  commit.temp = OwnedHandle(root_.files, made.value());
  return label_temp(commit);
}

Result<void> StagedFiles::end_file(Commit& commit, StagedFile& staged, const std::string& path,
                                   const MetadataOf& from) {
  BOOST_OUTCOME_TRY(const Status status,
                    root_.checked(stage_step, path, root_.files.stat(commit.temp.get())));
  {
    const auto lock = root_.unpublished.hold();
    BOOST_OUTCOME_TRY(locate_source(commit, path, from));  // it may have got its path
    BOOST_OUTCOME_TRY(give_metadata(commit, path, status));
  }
  note(staged, status.version);
  if (!root_.unpublished.expected) {  // one that gets its path later may never need the disk
    BOOST_OUTCOME_TRY(
        root_.checked(stage_step, path, start_writeback(root_.files, commit.temp.get())));
  }
  unflushed_.emplace_back(staged.number, std::move(commit.temp));
  return flush_if_many();
}

Result<StagedFile> StagedFiles::stage(const std::string& path, const MetadataOf& from,
                                      const Metadata& metadata,
                                      const std::function<Result<void>(Sink&)>& source) {
  WriteOptions options;
  options.metadata = metadata;
  Commit commit(root_.files, root_.random, options);
  commit.path = (root_.path / path).native();
  if (from.path == path) commit.existing = from.status;
  StagedFile staged;
  staged.metadata = metadata;
  staged.number = next_++;
  BOOST_OUTCOME_TRY(staged.held, held_like(path, from, metadata));
  if (!staged.held) {
    BOOST_OUTCOME_TRY(begin_file(commit, staged, path, from));
  }
  Checksum checksum;
  const auto append = [&](Bytes bytes) -> Result<void> {
    checksum.update(bytes);
    if (!staged.held) return append_to_temp(commit, bytes);
    Buffer& content = staged.held->content;
    if (content.size() + bytes.size() <= root_.unpublished.content_max) {
      content.insert(content.end(), bytes.begin(), bytes.end());
      return success();
    }
    const auto held = std::exchange(staged.held, nullptr);
    BOOST_OUTCOME_TRY(begin_file(commit, staged, path, from));
    BOOST_OUTCOME_TRY(append_to_temp(commit, held->content));
    return append_to_temp(commit, bytes);
  };
  GatheringSink sink(append);
  BOOST_OUTCOME_TRY(source(sink));
  BOOST_OUTCOME_TRY(sink.flush());
  staged.checksum = checksum.digest();
  if (staged.held) {
    staged.size = staged.held->content.size();
    return staged;
  }
  BOOST_OUTCOME_TRY(end_file(commit, staged, path, from));
  return staged;
}

Result<void> StagedFiles::make_file(StagedFile& staged, const std::string& path) {
  BOOST_OUTCOME_TRY(OwnedHandle made,
                    make_from_image(root_, stage_step, path, name_of(staged), *staged.held));
  BOOST_OUTCOME_TRY(const Status status,
                    root_.checked(stage_step, path, root_.files.stat(made.get())));
  staged.held.reset();
  staged.identity = identity_of(status.version);
  staged.mtime_ns = status.version.mtime_ns;
  unflushed_.emplace_back(staged.number, std::move(made));
  return flush_if_many();
}

/// No sync of its own: its text is as durable as its name.
Result<StagedFile> StagedFiles::make_symlink(const std::string& path, const std::string& text) {
  StagedFile staged{.number = next_++, .symlink = true};
  const Handle directory = root_.private_directory.get();
  const auto made = root_.files.make_symlink(directory, name_of(staged), text);
  if (!made) {
    Error error = root_.failure(stage_step, path, made.error());
    if (made.error() == std::errc::operation_not_permitted) {  // symlink(2)
      error.kind = ErrorKind::unsupported;
      error.detail = "the file system has no symbolic links";
    }
    return error;
  }
  BOOST_OUTCOME_TRY(
      const Status status,
      root_.checked(stage_step, path, root_.files.stat_at(directory, name_of(staged))));
  note(staged, status.version);
  return staged;
}

Result<StagedFile> StagedFiles::link(std::string_view step, Handle directory,
                                     const std::string& from) {
  const Handle private_directory = root_.private_directory.get();
  StagedFile staged{.number = next_++, .moved = true};
  const std::string name = name_of(staged);
  const auto linked = root_.files.link(directory, leaf_of(from), private_directory, name);
  if (!linked) {
    Error error = root_.failure(step, from, linked.error());
    const auto source = root_.files.stat_at(directory, leaf_of(from));
    const bool immutable = source && source.value().immutable;  // lsattr tells
    if (refuses_hard_links(linked.error()) && !immutable) {
      error.kind = ErrorKind::unsupported;
      error.detail =
          "a move needs a hard link to the file, and none can be made: the file system has none, "
          "or it is another user's; put its content at the new path and remove the old one";
    }
    return error;
  }
  const auto opened = root_.files.open_file(private_directory, name);
  staged.symlink = !opened && opened.error() == std::errc::too_many_symbolic_link_levels;
  if (!opened && !staged.symlink) return root_.failure(step, from, opened.error());
  OwnedHandle file;
  if (opened) file = OwnedHandle(root_.files, opened.value());
  BOOST_OUTCOME_TRY(const Status status,
                    root_.checked(step, from,
                                  staged.symlink ? root_.files.stat_at(private_directory, name)
                                                 : root_.files.stat(file.get())));
  note(staged, status.version);
  if (file) unflushed_.emplace_back(staged.number, std::move(file));
  return staged;
}

Result<void> StagedFiles::remove(const StagedFile& staged, const std::string& path) {
  if (staged.held) return success();
  return root_.checked(stage_step, path,
                       root_.files.unlink(root_.private_directory.get(), name_of(staged)));
}

Result<void> StagedFiles::give_metadata(Commit& commit, const std::string& path,
                                        const std::optional<Status>& temp) {
  const std::optional<Status>& source =
      commit.metadata_name.empty() ? commit.existing : commit.metadata_status;
  const bool like_source = source && source->type == FileType::regular;
  const Metadata& wanted = commit.options.metadata;
  if (like_source || !wanted.preserved || wanted.exact) return apply_metadata(commit, temp);
  BOOST_OUTCOME_TRY(const auto from, inherited(parent_of(path), wanted.mode & 0777U));
  MetadataSource of_new{.status = from->status, .xattrs = from->xattrs, .temp = temp};
  of_new.status.mode |= wanted.mode & 07000U;
  of_new.status.owner = wanted.owner.value_or(of_new.status.owner);
  of_new.status.group = wanted.group.value_or(of_new.status.group);
  return copy_metadata(commit, of_new);
}

Result<void> StagedFiles::check_writable(const std::string& parent) {
  const auto known = inherited_.lower_bound({parent, 0});  // by any mode
  if (known != inherited_.end() && known->first.first == parent) return success();
  BOOST_OUTCOME_TRY(inherited(parent, root_.options.metadata.mode & 0777U));
  return success();
}

Result<std::shared_ptr<const StagedFiles::Inherited>> StagedFiles::inherited(
    const std::string& parent, std::uint32_t mode) {
  if (const auto found = inherited_.find({parent, mode}); found != inherited_.end()) {
    return found->second;
  }
  // A directory that this transaction makes inherits from the one above it.
  std::string at = parent;
  auto directory = directories_.open(at);
  while (!directory && is_missing(directory.error()) && !at.empty()) {
    at = parent_of(at);
    directory = directories_.open(at);
  }
  if (!directory) return root_.failure(check_step, at, directory.error());
  std::shared_ptr<const Inherited> shown;
  if (const auto above = inherited_.find({at, mode}); above != inherited_.end()) {
    shown = above->second;
  } else {
    BOOST_OUTCOME_TRY(shown, show_inherited(at, directory.value(), mode));
    inherited_[{at, mode}] = shown;
  }
  inherited_[{parent, mode}] = shown;
  return shown;
}

Result<std::shared_ptr<const StagedFiles::Inherited>> StagedFiles::show_inherited(
    const std::string& path, Handle directory, std::uint32_t mode) {
  FileSystem& files = root_.files;
  const auto unnamed = files.create_unnamed(directory, mode);
  if (unnamed) {
    const OwnedHandle file(files, unnamed.value());
    return read_inherited(path, file.get());
  }
  if (unnamed.error() != std::errc::operation_not_supported) {
    return root_.failure(check_step, path, unnamed.error());
  }
  BOOST_OUTCOME_TRY(const FreshFile fresh,
                    root_.checked(check_step, path,
                                  make_fresh_file(files, directory, "new", root_.random, mode)));
  auto shown = read_inherited(path, fresh.handle.get());
  const auto removed = unlink_if_there(files, directory, fresh.name);
  if (removed) return shown;
  Error error = root_.failure(check_step, path, removed.error());
  error.detail = "'" + fresh.name + "' is left there; `perdure clean` removes it";
  return error;
}

Result<std::shared_ptr<const StagedFiles::Inherited>> StagedFiles::read_inherited(
    const std::string& path, Handle file) {
  auto shown = std::make_shared<Inherited>();
  BOOST_OUTCOME_TRY(shown->status, root_.checked(check_step, path, root_.files.stat(file)));
  BOOST_OUTCOME_TRY(const auto names,
                    root_.checked(check_step, path, root_.files.list_xattrs(file)));
  for (const auto& name : names) {
    BOOST_OUTCOME_TRY(auto value,
                      root_.checked(check_step, path, root_.files.get_xattr(file, name)));
    shown->xattrs.push_back({name, std::move(value)});
  }
  return std::shared_ptr<const Inherited>(std::move(shown));
}

Result<void> StagedFiles::refresh_metadata(StagedFile& staged, const std::string& path,
                                           const Status& found) {
  if (staged.held) {
    BOOST_OUTCOME_TRY(const auto like, image_like(path));
    if (like) {
      like->content = std::move(staged.held->content);
      staged.held = like;
      return success();
    }
    BOOST_OUTCOME_TRY(make_file(staged, path));  // it was put in place, or its metadata are special
  }
  WriteOptions options;
  options.metadata = staged.metadata;
  Commit commit(root_.files, root_.random, options);
  commit.path = (root_.path / path).native();
  commit.existing = found;
  const auto held = root_.unpublished.hold();
  BOOST_OUTCOME_TRY(locate(commit, path));
  const auto opened = root_.files.open_file(root_.private_directory.get(), name_of(staged));
  if (!opened) return root_.failure(check_step, path, opened.error());
  commit.temp = OwnedHandle(root_.files, opened.value());
  BOOST_OUTCOME_TRY(const Status status,
                    root_.checked(check_step, path, root_.files.stat(opened.value())));
  // Root, the user, may work in the private directory of the root's owner. The owner can put
  // another file of root's under this name, and would get that file.
  if (identity_of(status.version) != staged.identity) {
    return root_.failure(check_step, path, ErrorKind::conflict,
                         "somebody put another file in the place of its staged one");
  }
  BOOST_OUTCOME_TRY(read_xattrs(commit));
  BOOST_OUTCOME_TRY(give_metadata(commit, path, status));
  staged.metadata_of = found.version;
  unflushed_.emplace_back(staged.number, std::move(commit.temp));
  return success();
}

Result<void> StagedFiles::flush() {
  for (auto& [number, file] : unflushed_) {
    SysResult<void> flushed = success();
    if (protocol_ == Protocol::portable) flushed = root_.files.sync_file(file.get());
    if (protocol_ == Protocol::fast) flushed = root_.files.await_writeback(file.get());
    if (!flushed) return root_.failure("flush the staged files", "", flushed.error());
    file.reset();
  }
  unflushed_.clear();
  return success();
}

Result<FileImage> StagedFiles::image(const StagedFile& staged, const std::string& path) {
  if (staged.held) return *staged.held;
  const auto unflushed =
      std::ranges::find(unflushed_, staged.number, [](const auto& item) { return item.first; });
  OwnedHandle opened;
  if (unflushed == unflushed_.end()) {
    BOOST_OUTCOME_TRY(
        const Handle file,
        root_.checked(stage_step, path,
                      root_.files.open_file(root_.private_directory.get(), name_of(staged))));
    opened = OwnedHandle(root_.files, file);
  }
  const Handle file = opened ? opened.get() : unflushed->second.get();
  BOOST_OUTCOME_TRY(FileImage image, read_image(root_, stage_step, path, file));
  // The disk may have refused the blocks, so that the cache dropped them and read the old ones
  // back.
  if (Checksum::of(image.content) == staged.checksum) return image;
  return root_.failure(stage_step, path, ErrorKind::system,
                       "its staged file does not hold what was written: the disk failed, or "
                       "somebody changed it; do it again");
}

Result<void> StagedFiles::flush_if_many() {
  return unflushed_.size() < unflushed_max ? success() : flush();
}

Result<void> StagedFiles::sync_names() {
  if (next_ == 0) return success();
  return root_.synced("sync the staged files' names", "",
                      sync_entries(root_.files, root_.private_directory.get()));
}

/// If there is no memory for a name, its file stays; the next recovery discards it.
void StagedFiles::discard() noexcept try {
  unflushed_.clear();
  for (const std::string& name : shown_) {
    (void)root_.files.unlink(root_.private_directory.get(), name);
  }
  if (kept_) return;
  for (std::uint64_t number = 0; number < next_; ++number) {
    (void)root_.files.unlink(root_.private_directory.get(), names::staged_of(id_, number));
  }
} catch (...) {  // NOLINT(bugprone-empty-catch)
}

}  // namespace perdure
