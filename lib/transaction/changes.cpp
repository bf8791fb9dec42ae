// SPDX-License-Identifier: BSL-1.0
// Takes the changes of a transaction, path by path.
#include "transaction/changes.hpp"

#include "base/missing.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"
#include "engine/version.hpp"

namespace perdure {
namespace {

constexpr std::string_view read_step = "read the file";
constexpr std::string_view remove_directory_step = "remove the directory";

/// The status of a file that memory has, and that lies in no directory yet.
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
  return target.failure(read_step, ErrorKind::invalid_argument,
                        "it has " + std::to_string(image.content.size()) + " bytes, and " +
                            std::to_string(size_max) + " are the most allowed");
}

Change removal(bool of_directory) {
  return {.action = of_directory ? JournalAction::remove_directory : JournalAction::remove};
}

}  // namespace

Result<void> Changes::put(const std::string& path, const Metadata& metadata,
                          const std::optional<std::string>& like,
                          const std::function<Result<void>(Sink&)>& source) {
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(const bool over_directory, drop(path));
  BOOST_OUTCOME_TRY(const auto existing, stat(path));
  MetadataOf from{.path = path, .status = existing};
  const bool none_to_give = over_directory || (existing && existing->type == FileType::symlink);
  if (none_to_give) from.status.reset();
  if (!from.status && like) {
    BOOST_OUTCOME_TRY(from, metadata_of(*like));
  }
  BOOST_OUTCOME_TRY(const StagedFile staged, staged_.stage(path, from, metadata, source));
  bytes_ += staged.size;
  changes_[path] = Change{.staged = staged, .changes_type = over_directory};
  broken_ = false;
  return success();
}

Result<void> Changes::put_symlink(const std::string& path, const std::string& text) {
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(const bool over_directory, drop(path));
  BOOST_OUTCOME_TRY(const StagedFile staged, staged_.make_symlink(path, text));
  changes_[path] = Change{.staged = staged, .changes_type = over_directory};
  broken_ = false;
  return success();
}

/// The metadata that the path would have after the commit.
Result<MetadataOf> Changes::metadata_of(const std::string& path) {
  MetadataOf of{.path = path, .status = {}};
  const auto own = changes_.find(path);
  if (own == changes_.end()) {
    BOOST_OUTCOME_TRY(of.status, stat(path));
    return of;
  }
  const StagedFile& staged = own->second.staged;
  if (own->second.action != JournalAction::put || staged.symlink) return of;
  if (staged.held) {
    of.status = status_of(root_, *staged.held);
    of.image = staged.held;
    return of;
  }
  of.staged = staged_.name_of(staged);
  BOOST_OUTCOME_TRY(of.status,
                    root_.checked(check_step, path,
                                  root_.files.stat_at(root_.private_directory.get(), of.staged)));
  return of;
}

/// Forgets the change of the path so far, its staged file included. True if the change removes a
/// directory that is there.
Result<bool> Changes::drop(const std::string& path) {
  const auto found = changes_.find(path);
  if (found == changes_.end()) return false;
  const Change change = found->second;
  changes_.erase(found);
  directories_.is_what_it_is(path);
  if (change.action == JournalAction::put) {
    if (!change.staged.moved && !change.staged.symlink) bytes_ -= change.staged.size;
    BOOST_OUTCOME_TRY(staged_.remove(change.staged, path));
  }
  return removes_directory(change);
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
  const bool over_directory = put && removes_directory(change->second);
  if (found && found->type == FileType::directory && !over_directory) {
    return root_.failure(step, path, ErrorKind::not_regular, "it is a directory");
  }
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop(path));
  if (found) changes_[path] = removal(over_directory);
  broken_ = false;
  return success();
}

Result<void> Changes::remove_directory(const std::string& path) {
  if (const auto change = changes_.find(path); change != changes_.end()) {
    if (change->second.action == JournalAction::remove_directory) return success();
    return root_.failure(remove_directory_step, path, ErrorKind::invalid_argument,
                         "this transaction makes something of that name, or removes a file of it");
  }
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (!found) return root_.failure(remove_directory_step, path, missing_cause());
  if (found->type != FileType::directory) {
    return root_.failure(remove_directory_step, path, ErrorKind::invalid_argument,
                         "it is not a directory; remove it as a file");
  }
  changes_[path] = Change{.action = JournalAction::remove_directory};
  return success();
}

Result<void> Changes::remove_all(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto found, stat(path));
  if (found && found->type != FileType::directory) {
    const auto change = changes_.find(path);
    if (change == changes_.end() || change->second.action == JournalAction::put) {
      return remove(path);
    }
    const Change removal{.action = JournalAction::remove, .moved = change->second.moved};
    broken_ = true;  // until it is done
    BOOST_OUTCOME_TRY(drop_beneath(path));
    changes_[path] = removal;
    broken_ = false;
    return success();
  }
  const auto beneath = changes_.lower_bound(path + "/");
  const bool any = changes_.contains(path) ||
                   (beneath != changes_.end() && beneath->first.starts_with(path + "/"));
  if (!found && !any) return root_.failure(remove_directory_step, path, missing_cause());
  broken_ = true;  // until it is done
  BOOST_OUTCOME_TRY(drop_beneath(path));
  if (found) {
    BOOST_OUTCOME_TRY(remove_tree(path));
  }
  broken_ = false;
  return success();
}

/// Forgets the changes of the path and of all paths in it.
Result<void> Changes::drop_beneath(const std::string& path) {
  BOOST_OUTCOME_TRY(drop(path));
  for (;;) {
    const auto next = changes_.lower_bound(path + "/");
    if (next == changes_.end() || !next->first.starts_with(path + "/")) return success();
    const std::string beneath = next->first;
    BOOST_OUTCOME_TRY(drop(beneath));
  }
}

/// Removes the directory with its content of now. The last look before the journal finds files that
/// came later.
Result<void> Changes::remove_tree(const std::string& path) {
  std::vector<std::string> to_list{path};
  while (!to_list.empty()) {
    const std::string directory = std::move(to_list.back());
    to_list.pop_back();
    BOOST_OUTCOME_TRY(const Handle opened, root_.checked(remove_directory_step, directory,
                                                         directories_.open(directory)));
    BOOST_OUTCOME_TRY(const auto entries,
                      root_.checked(remove_directory_step, directory, root_.files.list(opened)));
    for (const DirectoryEntry& entry : entries) {
      const std::string beneath = directory + "/" + entry.name;
      if (names::is_lock(entry.name) || names::is_temp(entry.name)) {
        return root_.failure(remove_directory_step, beneath, ErrorKind::conflict,
                             "it is " + std::string(own_file_words));
      }
      BOOST_OUTCOME_TRY(
          root_.check_path(remove_directory_step, beneath, TransactionRoot::Naming::of_states));
      BOOST_OUTCOME_TRY(const auto status, stat(beneath));
      if (!status) continue;  // somebody removed it since
      if (status->type == FileType::directory) {
        to_list.push_back(beneath);
      } else {
        changes_[beneath] = Change{.action = JournalAction::remove};
      }
    }
    changes_[directory] = Change{.action = JournalAction::remove_directory};
  }
  return success();
}

Result<void> Changes::make_directory(const std::string& path, std::uint32_t mode) {
  constexpr std::string_view step = "make the directory";
  if (const auto change = changes_.find(path); change != changes_.end()) {
    Change& so_far = change->second;
    switch (so_far.action) {
      case JournalAction::make_directory:
        return success();
      case JournalAction::remove_directory:  // its content is removed all the same
        changes_.erase(change);
        return success();
      case JournalAction::remove:
        so_far.action = JournalAction::make_directory;
        so_far.changes_type = true;
        so_far.mode = mode;
        directories_.may_be_file(path);
        return success();
      case JournalAction::put:
        return root_.failure(step, path, ErrorKind::invalid_argument,
                             "this transaction makes a file of it");
    }
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
    Change change = own->second;
    broken_ = true;
    BOOST_OUTCOME_TRY(const bool over_directory, drop(to));
    changes_.erase(from);
    if (found) changes_[from] = removal(change.changes_type);
    change.changes_type = over_directory;
    changes_[to] = change;
    broken_ = false;
    return success();
  }
  if (!found) return root_.failure(step, from, missing_cause());
  if (found->type != FileType::regular && found->type != FileType::symlink) {
    return root_.failure(step, from, ErrorKind::not_regular,
                         "only files and symbolic links can be moved");
  }
  BOOST_OUTCOME_TRY(const Handle directory,
                    root_.checked(step, from, directories_.open(parent_of(from))));
  broken_ = true;
  BOOST_OUTCOME_TRY(const bool over_directory, drop(to));
  BOOST_OUTCOME_TRY(const StagedFile staged, staged_.link(step, directory, from));
  changes_[to] = Change{.staged = staged, .changes_type = over_directory};
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

/// The file, or the memory, that has the content which the path would get.
struct Changes::Located {
  std::shared_lock<std::shared_mutex> held;  ///< Names in the private directory stay.
  Target target;
  std::string leaf;                          ///< In the target's directory.
  std::shared_ptr<const FileImage> image{};  ///< The content itself, where memory has it.
};

Result<Changes::Located> Changes::locate(const std::string& path) {
  Located found{root_.unpublished.hold(),
                Target(root_.files, root_.random, (root_.path / path).native()), leaf_of(path)};
  const auto change = changes_.find(path);
  const bool own = change != changes_.end();
  const LeftFile* left = nullptr;
  if (!own) {
    BOOST_OUTCOME_TRY(left, root_.unpublished.find(path));
  }
  if (own ? change->second.action != JournalAction::put : left != nullptr && left->removed) {
    return root_.failure(read_step, path, missing_cause());
  }
  if (own && change->second.staged.symlink) {
    return root_.failure(read_step, path, ErrorKind::symlink_refused,
                         "this transaction makes a symbolic link of it");
  }
  if (own) found.image = change->second.staged.held;
  if (left != nullptr && left->staged.empty()) found.image = left->image;
  if (own || left != nullptr) {
    found.target.directory = root_.private_directory.get();
    found.leaf = own ? staged_.name_of(change->second.staged) : left->staged;
  } else {
    BOOST_OUTCOME_TRY(found.target.directory,
                      root_.checked(read_step, path, directories_.open(parent_of(path))));
  }
  return found;
}

Result<Buffer> Changes::read(const std::string& path, std::uint64_t size_max) {
  BOOST_OUTCOME_TRY(Located found, locate(path));
  const auto let_go = [&](Handle /*opened*/) -> Result<void> {
    if (found.held.owns_lock()) found.held.unlock();  // the file stays the same whatever its name
    return success();
  };
  if (found.image) {
    BOOST_OUTCOME_TRY(let_go(Handle::none));
    return content_of(found.target, *found.image, size_max);
  }
  BOOST_OUTCOME_TRY(auto content, read_steady(found.target, found.leaf, size_max, let_go));
  return std::move(content.bytes);
}

Result<std::string> Changes::read_symlink(const std::string& path) {
  const auto directory = directories_.open(parent_of(path));
  if (!directory) return root_.closed_way(read_step, path, directory.error());
  BOOST_OUTCOME_TRY(
      const Handle opened,
      root_.checked(read_step, path, root_.files.open_link(directory.value(), leaf_of(path))));
  const OwnedHandle link(root_.files, opened);
  return root_.checked(read_step, path, root_.files.read_link(link.get()));
}

Result<void> Changes::copy(const std::string& path, Sink& sink) {
  BOOST_OUTCOME_TRY(Located found, locate(path));
  OwnedHandle file;
  if (!found.image) {
    BOOST_OUTCOME_TRY(file, open_named(found.target, found.leaf));
  }
  if (found.held.owns_lock()) found.held.unlock();
  return found.image ? sink.write(found.image->content)
                     : copy_steady(found.target, file.get(), sink);
}

}  // namespace perdure
