// SPDX-License-Identifier: BSL-1.0
// Opens and locks roots, with their private directories.
#include "transaction/open_root.hpp"

#include <sstream>

#include "base/advice.hpp"
#include "base/missing.hpp"
#include "engine/confirm.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/names.hpp"
#include "transaction/marker.hpp"

namespace perdure {
namespace {

constexpr std::string_view lock_step = "take the root's lock";

/// Whether this user may use a private directory of this status. He may use his own. Root, the
/// user, may also use that of the root directory's owner, who may do as he likes there anyway.
/// Files that root makes in it become the owner's.
bool is_for_user(const TransactionRoot& root, const Status& found) {
  const std::uint32_t user = root.files.user();
  if (is_same_user(root.files, found.owner, user)) return true;
  return user == 0 && is_same_user(root.files, found.owner, root.status.owner);
}

/// The private directory must be this user's alone, and on the root's file system.
Result<void> check_private_directory(TransactionRoot& root, const std::string& private_directory) {
  const auto status = root.files.stat(root.private_directory.get());
  if (!status) return root.failure(open_step, private_directory, status.error());
  const Status& found = status.value();
  if (!is_for_user(root, found) || (found.mode & 077U) != 0) {
    std::ostringstream words;
    words << "the private directory must belong to this user, with mode 0700; it belongs to user "
          << found.owner << ", with mode 0" << std::oct << found.mode << ": "
          << (is_for_user(root, found) ? "take the rights of others away (chmod 700)"
                                       : "give it to the user who is to commit here (chown)")
          << ", or choose another root";
    return root.failure(open_step, private_directory, ErrorKind::invalid_argument, words.str());
  }
  if (found.version.device != root.status.version.device) {
    return root.failure(open_step, private_directory, ErrorKind::invalid_argument,
                        "the private directory must be on the same file system as the root");
  }
  if (!is_same_user(root.files, found.owner, root.files.user())) {
    root.keeper = Keeper{found.owner, found.group};
  }
  root.private_status = found;
  return success();
}
Result<void> open_private_directory(TransactionRoot& root, const std::string& private_directory) {
  const bool inside = private_directory.front() != '/';
  auto opened = inside ? root.files.open_beneath(root.directory.get(), private_directory)
                       : root.files.open_directory(Handle::working_directory, private_directory);
  if (!opened) return root.failure(open_step, private_directory, opened.error());
  root.private_directory = OwnedHandle(root.files, opened.value());
  if (inside) root.private_name = private_directory;
  return success();
}

Result<void> check_private_name(const TransactionRoot& root) {
  const std::string& name = root.options.private_directory;
  const bool inside = !name.starts_with('/');
  if (!name.empty() && !(inside && !names::fault_of_leaf(name).empty()) &&
      name.find('\n') == std::string::npos) {
    return success();
  }
  return root.failure(
      open_step, name, ErrorKind::invalid_argument,
      "the private directory is a name directly under the root, or an absolute path");
}
/// Whether a directory is as we made it a moment ago: ours, shut and empty. Somebody may have put
/// another directory of root's under its name; that one must not be given away.
SysResult<bool> is_as_made(FileSystem& files, Handle directory, const Status& status) {
  if (status.owner != files.user() || (status.mode & 077U) != 0) return false;
  BOOST_OUTCOME_TRY(const auto entries, files.list(directory));
  return entries.empty();
}
/// Gives the private directory that root has just made to the keeper of the place.
Result<void> keep_for_owner(TransactionRoot& root, Handle above, const std::string& name,
                            const std::string& private_directory) {
  constexpr std::string_view step = "give the private directory to the root's owner";
  BOOST_OUTCOME_TRY(const auto keeper,
                    root.checked(step, private_directory, keeper_at(root.files, above, name)));
  if (!keeper) return success();
  BOOST_OUTCOME_TRY(const Handle opened,
                    root.checked(step, private_directory, root.files.open_beneath(above, name)));
  const OwnedHandle made(root.files, opened);
  BOOST_OUTCOME_TRY(const Status status,
                    root.checked(step, private_directory, root.files.stat(opened)));
  BOOST_OUTCOME_TRY(const bool as_made,
                    root.checked(step, private_directory, is_as_made(root.files, opened, status)));
  if (!as_made) return success();  // exchanged: the check will tell
  return root.checked(step, private_directory, give_to(root.files, opened, *keeper));
}
/// First use, by a committer. The directory stays once a marker names it (mark_root).
Result<void> make_private_directory(TransactionRoot& root) {
  BOOST_OUTCOME_TRY(refuse_nested(root));
  BOOST_OUTCOME_TRY(check_names_go(root.status, root.path.native()));
  const std::string& private_directory = root.options.private_directory;
  BOOST_OUTCOME_TRY(const PrivatePlace place, private_place(root, private_directory));
  const auto made = root.files.make_directory(place.above, place.name, 0700);
  if (!made && made.error() != std::errc::file_exists) {
    return root.failure("make the private directory", private_directory, made.error());
  }
  root.private_directory_made = made.has_value();
  if (!made) return success();
  return keep_for_owner(root, place.above, place.name, private_directory);
}

/// A marked root has lost its private directory: git, for example, does not keep empty directories.
/// The marker's owner gets a new one. The journal and staged files are lost with the old one.
Result<void> restore_private_directory(TransactionRoot& root,
                                       const std::string& private_directory) {
  constexpr std::string_view step = "make the private directory again";
  BOOST_OUTCOME_TRY(
      const Status marker,
      root.checked(step, std::string(names::root_marker),
                   root.files.stat_at(root.directory.get(), std::string(names::root_marker))));
  const std::uint32_t user = root.files.user();
  if (marker.owner != user && user != 0) {
    return root.failure(step, private_directory, ErrorKind::invalid_argument,
                        "the root's marker belongs to user " + std::to_string(marker.owner) +
                            "; let that user, or root, recover it");
  }
  BOOST_OUTCOME_TRY(const PrivatePlace place, private_place(root, private_directory));
  BOOST_OUTCOME_TRY(const Status above,
                    root.checked(step, private_directory, root.files.stat(place.above)));
  if (above.version.device != root.status.version.device) {
    return root.failure(step, private_directory, ErrorKind::invalid_argument,
                        "it would lie on another file system than the root; is one not mounted?");
  }
  BOOST_OUTCOME_TRY(root.checked(step, private_directory,
                                 root.files.make_directory(place.above, place.name, 0700)));
  BOOST_OUTCOME_TRY(open_private_directory(root, private_directory));
  if (marker.owner != user) {
    // Somebody may have put another directory there: only our own is given away.
    BOOST_OUTCOME_TRY(
        const Status made,
        root.checked(step, private_directory, root.files.stat(root.private_directory.get())));
    BOOST_OUTCOME_TRY(const bool as_made,
                      root.checked(step, private_directory,
                                   is_as_made(root.files, root.private_directory.get(), made)));
    if (!as_made) {
      return root.failure(step, private_directory, ErrorKind::conflict,
                          "somebody else changed it in the meantime; look at it");
    }
    BOOST_OUTCOME_TRY(root.checked(
        step, private_directory,
        root.files.set_owner(root.private_directory.get(), marker.owner, marker.group)));
  }
  BOOST_OUTCOME_TRY(root.synced(step, private_directory, sync_entries(root.files, place.above)));
  root.restored = true;
  return success();
}
/// `directory`: the directory of this path, if it is open already.
Result<std::unique_ptr<TransactionRoot>> begin_open(const Path& path,
                                                    const TransactionOptions& options,
                                                    OwnedHandle directory = {}) {
  auto root = std::make_unique<TransactionRoot>(path, options);
  if (options.durability == Durability::none) {
    return root->failure("read the options", "", ErrorKind::invalid_argument,
                         "a transaction is 'durable' or 'ordered', never 'none'");
  }
  root->directory = std::move(directory);
  if (!root->directory) {
    BOOST_OUTCOME_TRY(root->directory, open_named_directory(root->files, path));
  }
  const auto status = root->files.stat(root->directory.get());
  if (!status) return root->failure(open_step, "", status.error());
  root->status = status.value();
  return root;
}

enum class Purpose { commit, recover, abandon };

/// Finds or makes the private directory; false where recovery finds none to look into.
Result<bool> find_private_directory(TransactionRoot& root, Purpose purpose) {
  const std::string& wanted = root.options.private_directory;
  BOOST_OUTCOME_TRY(check_private_name(root));
  BOOST_OUTCOME_TRY(const auto named, read_marker(root));
  root.marked = named.has_value();
  if (named && *named != wanted) {
    return root.failure(open_step, "", ErrorKind::invalid_argument,
                        "this root has its private directory at '" + *named + "', not at '" +
                            wanted + "'; say so in the options");
  }
  if (!named && purpose == Purpose::commit) {
    BOOST_OUTCOME_TRY(make_private_directory(root));
  }
  auto opened = open_private_directory(root, wanted);
  if (opened) {
    BOOST_OUTCOME_TRY(check_private_directory(root, wanted));
    return true;
  }
  if (!is_missing(opened.error().cause)) return std::move(opened.error());
  if (!named) return false;
  if (purpose == Purpose::recover) {
    BOOST_OUTCOME_TRY(restore_private_directory(root, wanted));
    return true;
  }
  opened.error().detail = circumstance::private_directory_gone;
  return std::move(opened.error());
}

Result<std::unique_ptr<TransactionRoot>> open_and_lock(const Path& path,
                                                       const TransactionOptions& options,
                                                       Purpose purpose) {
  constexpr int attempts_max = 10;
  for (int attempt = 1;; ++attempt) {
    BOOST_OUTCOME_TRY(auto root, begin_open(path, options));
    BOOST_OUTCOME_TRY(const bool found, find_private_directory(*root, purpose));
    if (!found && purpose != Purpose::commit) return std::unique_ptr<TransactionRoot>();
    if (root->restored) return root;
    auto lock = found ? take_root_lock(*root)
                      : Result<OwnedHandle>(root->failure(
                            lock_step, "", make_error_code(std::errc::no_such_file_or_directory)));
    if (lock) {
      root->lock = std::move(lock.value());
      if (root->marked) return root;
      BOOST_OUTCOME_TRY(const auto named, read_marker(*root));
      root->marked = named == options.private_directory;
      if (root->marked || !named) return root;
    } else if (root->marked || !is_missing(lock.error().cause) || attempt == attempts_max) {
      return std::move(lock.error());
    }
    // Another committer removed the private directory that both had found or made, since it was
    // refused. Or it made the directory a root in the meantime, with another private directory.
  }
}

}  // namespace

Result<OwnedHandle> take_root_lock(TransactionRoot& root) {
  const auto failure = [&](std::error_code cause) { return root.failure(lock_step, "", cause); };
  return take_target_lock(
      root.files, root.random, root.private_directory.get(), std::string(names::root_lock),
      {root.options.lock_timeout_ms, root.options.stop}, failure, root.options.system.observer,
      "another transaction holds this root", root.private_status);
}

Result<std::unique_ptr<TransactionRoot>> open_root(const Path& path,
                                                   const TransactionOptions& options) {
  return open_and_lock(path, options, Purpose::commit);
}

Result<std::unique_ptr<TransactionRoot>> open_root_to_recover(const Path& path,
                                                              const TransactionOptions& options) {
  return open_and_lock(path, options, Purpose::recover);
}

Result<std::unique_ptr<TransactionRoot>> open_root_to_abandon(const Path& path,
                                                              const TransactionOptions& options) {
  return open_and_lock(path, options, Purpose::abandon);
}

namespace {

/// Whether this user need not look into the private directory. It is another user's, or there is
/// none within the root, so a crash can have left nothing.
Result<bool> is_closed(TransactionRoot& root, const std::string& private_directory) {
  const auto opened = open_private_directory(root, private_directory);
  if (!opened) {
    const std::error_code cause = opened.error().cause;
    if (cause == std::errc::permission_denied || cause == std::errc::operation_not_permitted) {
      return true;
    }
    if (is_missing(cause) && private_directory.front() != '/') return true;
    return opened.error();
  }
  BOOST_OUTCOME_TRY(
      const Status found,
      root.checked(open_step, private_directory, root.files.stat(root.private_directory.get())));
  return !is_for_user(root, found);
}

}  // namespace

Result<std::unique_ptr<TransactionRoot>> look_at_root(const Path& path,
                                                      const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto root, begin_open(path, options));
  BOOST_OUTCOME_TRY(const auto private_directory, read_marker(*root));
  if (!private_directory) return std::unique_ptr<TransactionRoot>();
  BOOST_OUTCOME_TRY(open_private_directory(*root, *private_directory));
  BOOST_OUTCOME_TRY(check_private_directory(*root, *private_directory));
  return root;
}

Result<std::unique_ptr<TransactionRoot>> look_at_open_root(const Path& path,
                                                           const TransactionOptions& options,
                                                           OwnedHandle directory) {
  BOOST_OUTCOME_TRY(auto root, begin_open(path, options, std::move(directory)));
  BOOST_OUTCOME_TRY(const auto private_directory, read_marker(*root));
  if (!private_directory) return std::unique_ptr<TransactionRoot>();
  BOOST_OUTCOME_TRY(const bool closed, is_closed(*root, *private_directory));
  if (closed) return std::unique_ptr<TransactionRoot>();
  BOOST_OUTCOME_TRY(check_private_directory(*root, *private_directory));
  return root;
}

}  // namespace perdure
