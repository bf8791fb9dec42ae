// SPDX-License-Identifier: BSL-1.0
// Lists a tree and opens its files, by handles.
#include <algorithm>

#include <perdure/source_tree.hpp>
#include <perdure/transaction_options.hpp>

#include "base/missing.hpp"
#include "engine/names.hpp"
#include "transaction/marker.hpp"
#include "transaction/tree.hpp"

namespace perdure {

namespace {

Error failure(const std::string& path, std::error_code cause, std::string detail = {}) {
  return {.cause = cause,
          .step = "read the tree",
          .path = path,
          .detail = std::move(detail),
          .reading = true};
}

Error refusal(const std::string& path, std::string detail) {
  Error error = failure(path, {}, std::move(detail));
  error.kind = ErrorKind::not_regular;
  return error;
}

Error not_a_file(const std::string& path) {
  return refusal(path, "it is neither a file nor a directory; move it out of the tree");
}

Error unwanted_link(const std::string& path) {
  return refusal(path,
                 "it is a symbolic link; move it out of the tree, or ask for links "
                 "(SourceOptions::symlinks, --symlinks)");
}

/// Mounts are refused, since another user's program (FUSE) may serve one, and can make every read
/// wait.
Error another_mount(const std::string& path) {
  return refusal(path, "it is another mount; name what is in there by a call of its own");
}

std::string beneath(const std::string& directory, const std::string& leaf) {
  return directory.empty() ? leaf : directory + "/" + leaf;
}

Error exchanged(const std::string& path) {
  return refusal(path, "somebody exchanged it while the tree was read; try again");
}

/// A directory of the tree that can't be opened beneath it, in words.
Error closed_way(const std::string& path, std::error_code cause) {
  if (cause == std::errc::cross_device_link) return another_mount(path);
  const bool other =
      cause == std::errc::too_many_symbolic_link_levels || cause == std::errc::not_a_directory;
  return other ? exchanged(path) : failure(path, cause);
}

}  // namespace

Result<std::size_t> SourceFile::read(std::span<std::byte> out) {
  const auto got = files_->read_at(file_.get(), offset_, out);
  if (!got) return failure(path_, got.error());
  offset_ += got.value();
  return got.value();
}

std::string SourceTree::full(const std::string& relative) const {
  if (relative.empty()) return path_;
  return path_.ends_with('/') ? path_ + relative : path_ + "/" + relative;
}

Result<SourceTree> SourceTree::open(const Path& path, const System& system,
                                    const SourceOptions& options) {
  const auto opened = system.files->open_directory(Handle::working_directory, path.native());
  if (!opened) return failure(path.native(), opened.error());
  const OwnedHandle directory(*system.files, opened.value());
  return open_in(directory.get(), path, system, options);
}

Result<SourceTree> SourceTree::open_in(Handle directory, const Path& path, const System& system,
                                       const SourceOptions& options) {
  SourceTree tree(path.native(), system, options);
  const auto opened = system.files->open_beneath(directory, ".");
  if (!opened) return failure(path.native(), opened.error());
  tree.top_ = OwnedHandle(*system.files, opened.value());
  const auto status = system.files->stat(tree.top_.get());
  if (!status) return failure(path.native(), status.error());
  tree.version_ = status.value().version;
  BOOST_OUTCOME_TRY(tree.list());
  return tree;
}

Result<void> SourceTree::list() {
  std::vector<std::string> to_list{""};
  while (!to_list.empty()) {
    const std::string relative = std::move(to_list.back());
    to_list.pop_back();
    auto listed = list_directory(relative, to_list);
    const bool gone =
        !listed && options_.changing && !relative.empty() &&
        (is_missing(listed.error().cause) || listed.error().kind == ErrorKind::not_regular);
    if (gone) continue;
    BOOST_OUTCOME_TRY(std::move(listed));
  }
  std::ranges::sort(entries_, {}, &Entry::path);
  std::ranges::sort(left_out_);
  return success();
}

Result<void> SourceTree::list_directory(const std::string& relative,
                                        std::vector<std::string>& to_list) {
  BOOST_OUTCOME_TRY(const Handle directory, this->directory(relative));
  const auto listed = files().list(directory);
  if (!listed) return failure(full(relative), listed.error());
  BOOST_OUTCOME_TRY(const std::string private_directory, private_directory_of(relative, directory));
  for (const auto& [name, told] : listed.value()) {
    const std::string path = beneath(relative, name);
    // A copy of a root or of tracked states has such files. They are left out, since the target has
    // its own.
    const bool wanted = options_.previous && names::is_previous(name);
    if ((names::is_own(name) && !wanted) || name == private_directory) {
      left_out_.push_back(full(path));
      continue;
    }
    FileType type = told;
    if (type == FileType::other) {  // perhaps the file system does not say
      const auto status = files().stat_at(directory, name);
      if (!status && options_.changing && is_missing(status.error())) continue;
      if (!status) return failure(full(path), status.error());
      type = status.value().type;
    }
    if (type == FileType::symlink && !options_.symlinks) return unwanted_link(full(path));
    if (type == FileType::other) return not_a_file(full(path));
    entries_.push_back({path, type});
    if (type == FileType::directory) to_list.push_back(path);
  }
  return success();
}

/// The name of the private directory where this one is a root, "" where it is not.
Result<std::string> SourceTree::private_directory_of(const std::string& relative,
                                                     Handle directory) {
  const auto marker = files().stat_at(directory, std::string(names::root_marker));
  if (!marker || marker.value().type != FileType::regular) return std::string();
  Target root(files(), *system_.environment, full(relative));
  root.directory = directory;
  return marked_private_directory(root).value_or(TransactionOptions().private_directory);
}

Result<bool> SourceTree::lies_in(const Version& directory) const {
  const auto inside = perdure::lies_in(files(), top_.get(), directory);
  if (!inside) return failure(path_, inside.error());
  return inside.value();
}

/// Opened anew from the top, so that a deep tree takes no more descriptors than a flat one.
Result<Handle> SourceTree::directory(const std::string& relative) {
  if (relative.empty()) return top_.get();
  if (last_ && relative == last_path_) return last_.get();
  const auto opened = files().open_beneath(top_.get(), relative);
  if (!opened) return closed_way(full(relative), opened.error());
  last_ = OwnedHandle(files(), opened.value());
  last_path_ = relative;
  return last_.get();
}

Result<Status> SourceTree::status(const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle parent, parent_of(path));
  auto status = files().stat_at(parent, leaf_of(path));
  if (!status) return failure(full(path), status.error());
  return std::move(status.value());
}

Result<std::uint32_t> SourceTree::directory_mode(const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle opened, directory(path));
  const auto status = files().stat(opened);
  if (!status) return failure(full(path), status.error());
  return status.value().mode & 0777U;
}

Result<Handle> SourceTree::parent_of(const std::string& relative) {
  const auto slash = relative.rfind('/');
  return directory(slash == std::string::npos ? "" : relative.substr(0, slash));
}

Result<std::string> SourceTree::read_symlink(const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle directory, parent_of(path));
  const auto opened = files().open_link(directory, leaf_of(path));
  if (!opened) return failure(full(path), opened.error());
  const OwnedHandle link(files(), opened.value());
  const auto status = files().stat(link.get());
  if (!status) return failure(full(path), status.error());
  if (status.value().type != FileType::symlink) return exchanged(full(path));
  auto text = files().read_link(link.get());
  if (!text) return failure(full(path), text.error());
  return std::move(text.value());
}

Result<SourceFile> SourceTree::open_file(const std::string& path) {
  BOOST_OUTCOME_TRY(const Handle directory, parent_of(path));
  const auto opened = files().open_file(directory, leaf_of(path));
  if (!opened) {
    if (opened.error() == std::errc::too_many_symbolic_link_levels) return exchanged(full(path));
    const bool leased = opened.error() == std::errc::resource_unavailable_try_again;
    return failure(full(path), opened.error(),
                   leased ? "a program holds a lease on it; try again once it let go" : "");
  }
  OwnedHandle file(files(), opened.value());
  const auto status = files().stat(file.get());
  if (!status) return failure(full(path), status.error());
  if (status.value().type != FileType::regular) return not_a_file(full(path));
  if (status.value().mount_point) return another_mount(full(path));
  return SourceFile(files(), std::move(file), status.value(), full(path));
}

}  // namespace perdure
