// SPDX-License-Identifier: BSL-1.0
// Takes the changes of a transaction, path by path.
#include "transaction/changes.hpp"

#include "base/missing.hpp"
#include "engine/read.hpp"

namespace perdure {
namespace {

/// Of a file that memory has, and no directory yet.
Status status_of(const TransactionRoot& root, const FileImage& image) {
  Status status;
  status.type = FileType::regular;
  status.mode = image.mode;
  status.owner = image.owner;
  status.group = image.group;
  status.version.device = root.status.version.device;
  status.version.size = image.content.size();
  return status;
}

Result<Buffer> content_of(const Target& target, const FileImage& image, std::uint64_t size_max) {
  if (image.content.size() <= size_max) return image.content;
  return target.failure("read the file", ErrorKind::invalid_argument,
                        "it has " + std::to_string(image.content.size()) + " bytes, and " +
                            std::to_string(size_max) + " are the most allowed");
}

}  // namespace

Result<void> Changes::put(const std::string& path, const Metadata& metadata,
                          const std::optional<std::string>& like,
                          const std::function<Result<void>(Sink&)>& source) {
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop(path));
  BOOST_OUTCOME_TRY(const auto existing, stat(path));
  MetadataOf from{.path = path, .status = existing};
  if (!existing && like) {
    from.path = *like;
    BOOST_OUTCOME_TRY(from.status, stat(*like));
  }
  BOOST_OUTCOME_TRY(const StagedFile staged, staged_.stage(path, from, metadata, source));
  bytes_ += staged.size;
  changes_[path] = Change{.staged = staged};
  broken_ = false;
  return success();
}

/// Forgets what was to become of the path so far, its staged file included.
Result<void> Changes::drop(const std::string& path) {
  const auto found = changes_.find(path);
  if (found == changes_.end()) return success();
  const Change change = found->second;
  changes_.erase(found);
  if (change.action != JournalAction::put) return success();
  if (!change.staged.moved) bytes_ -= change.staged.size;
  return staged_.remove(change.staged, path);
}

Result<std::optional<Status>> Changes::stat(const std::string& path) {
  const auto held = root_.unpublished.hold();
  BOOST_OUTCOME_TRY(const LeftFile* const left, root_.unpublished.find(path));
  if (left != nullptr) {
    if (left->removed) return std::optional<Status>();
    if (left->staged.empty()) return std::optional(status_of(root_, *left->image));
    BOOST_OUTCOME_TRY(Status found, root_.checked(check_step, path,
                                                  root_.files.stat_at(root_.private_directory.get(),
                                                                      left->staged)));
    return std::optional<Status>(std::move(found));
  }
  const auto found = directories_.stat(path);
  if (!found) return root_.closed_way(check_step, path, found.error());
  return found.value();
}

Result<void> Changes::remove(const std::string& path) {
  constexpr std::string_view step = "remove the file";
  const auto change = changes_.find(path);
  const bool put = change != changes_.end() && change->second.action == JournalAction::put;
  if (change != changes_.end() && !put) {
    return root_.failure(step, path, ErrorKind::invalid_argument,
                         "this transaction removes it already, or makes a directory of it");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (!found && !put) {
    return root_.failure(step, path, missing_cause());
  }
  if (found && found->type == FileType::directory) {
    return root_.failure(step, path, ErrorKind::not_regular, "it is a directory");
  }
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop(path));
  if (found) changes_[path] = Change{.action = JournalAction::remove};
  broken_ = false;
  return success();
}

Result<void> Changes::make_directory(const std::string& path, std::uint32_t mode) {
  constexpr std::string_view step = "make the directory";
  if (const auto change = changes_.find(path); change != changes_.end()) {
    if (change->second.action == JournalAction::make_directory) return success();
    return root_.failure(step, path, ErrorKind::invalid_argument,
                         "this transaction makes a file of it, or removes it");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (found && found->type == FileType::directory) return success();
  if (found) return root_.failure(step, path, ErrorKind::exists, "there is a file of that name");
  changes_[path] = Change{.action = JournalAction::make_directory, .mode = mode};
  return success();
}

Result<void> Changes::move(const std::string& from, const std::string& to) {
  constexpr std::string_view step = "move the file";
  if (from == to) {
    return root_.failure(step, from, ErrorKind::invalid_argument, "it has that name already");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(from));
  if (const auto own = changes_.find(from); own != changes_.end()) {
    if (own->second.action != JournalAction::put) {
      return root_.failure(step, from, ErrorKind::invalid_argument,
                           "this transaction removes it, or makes a directory of it");
    }
    const Change change = own->second;
    broken_ = true;
    BOOST_OUTCOME_TRY(drop(to));
    changes_.erase(from);
    if (found) changes_[from] = Change{.action = JournalAction::remove};
    changes_[to] = change;
    broken_ = false;
    return success();
  }
  if (!found) return root_.failure(step, from, missing_cause());
  if (found->type != FileType::regular) {
    return root_.failure(step, from, ErrorKind::not_regular, "only files can be moved");
  }
  BOOST_OUTCOME_TRY(const Handle directory,
                    root_.checked(step, from, directories_.open(parent_of(from))));
  broken_ = true;
  BOOST_OUTCOME_TRY(drop(to));
  BOOST_OUTCOME_TRY(const StagedFile staged, staged_.link(step, directory, from));
  changes_[to] = Change{.staged = staged};
  changes_[from] = Change{.action = JournalAction::remove, .moved = staged.identity};
  BOOST_OUTCOME_TRY(staged_.flush_if_many());
  broken_ = false;
  return success();
}

Result<void> Changes::make_files() {
  for (auto& [path, change] : changes_) {
    if (!change.staged.held) continue;
    BOOST_OUTCOME_TRY(staged_.make_file(change.staged, path));
  }
  return success();
}

Result<Buffer> Changes::read(const std::string& path, std::uint64_t size_max) {
  constexpr std::string_view step = "read the file";
  Target target(root_.files, root_.random, (root_.path / path).native());
  std::string leaf = leaf_of(path);
  auto held = root_.unpublished.hold();
  const auto change = changes_.find(path);
  const LeftFile* left = nullptr;
  if (change == changes_.end()) {
    BOOST_OUTCOME_TRY(left, root_.unpublished.find(path));
  }
  const bool own = change != changes_.end();
  if (own ? change->second.action != JournalAction::put : left != nullptr && left->removed) {
    return root_.failure(step, path, missing_cause());
  }
  if (own && change->second.staged.held) {
    return content_of(target, *change->second.staged.held, size_max);
  }
  if (left != nullptr && left->staged.empty()) {
    const auto image = left->image;
    if (held.owns_lock()) held.unlock();
    return content_of(target, *image, size_max);
  }
  if (own || left != nullptr) {
    target.directory = root_.private_directory.get();
    leaf = own ? staged_.name_of(change->second.staged) : left->staged;
  } else {
    BOOST_OUTCOME_TRY(target.directory,
                      root_.checked(step, path, directories_.open(parent_of(path))));
  }
  const auto let_go = [&](Handle /*opened*/) -> Result<void> {
    if (held.owns_lock()) held.unlock();  // the file stays the same whatever its name
    return success();
  };
  BOOST_OUTCOME_TRY(auto content, read_steady(target, leaf, size_max, let_go));
  return std::move(content.bytes);
}

}  // namespace perdure
