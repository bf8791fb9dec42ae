// SPDX-License-Identifier: BSL-1.0
// Opens the work directory of a copy, clears it, and renames the copy out of it.
#include "transaction/copy_place.hpp"

#include <vector>

#include "base/make_error.hpp"
#include "base/missing.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/names.hpp"
#include "engine/sync.hpp"
#include "engine/unlink.hpp"

namespace perdure {

Error CopyPlace::failure(const std::string& path, std::error_code cause) const {
  return make_error(copy_step, at(path), cause);
}

Error CopyPlace::failure(const std::string& path, ErrorKind kind, std::string detail) const {
  return make_error(copy_step, at(path), kind, std::move(detail));
}

Result<Handle> CopyPlace::parent(const std::string& path) {
  return checked(path, directories_->open(parent_of(path)));
}

Result<void> CopyPlace::open(Handle root) {
  BOOST_OUTCOME_TRY(check_name(root));
  const auto words = [this](std::error_code cause) { return failure("", cause); };
  BOOST_OUTCOME_TRY(lock_, take_target_lock(files_, environment_, above_.get(), leaf_,
                                            {options_.lock_timeout_ms, options_.stop}, words,
                                            options_.system.observer,
                                            "another process makes this copy; wait for it"));
  const auto there = files_.stat_at(above_.get(), leaf_);
  if (there) {
    return failure("", ErrorKind::exists, "a copy never replaces anything; name a new directory");
  }
  if (!is_missing(there.error())) return failure("", there.error());
  return open_work();
}

Result<void> CopyPlace::check_name(Handle root) {
  leaf_ = destination_.filename().native();
  if (const auto fault = names::fault_of_leaf(leaf_); !fault.empty() || names::is_own(leaf_)) {
    return failure("", ErrorKind::invalid_argument,
                   fault.empty() ? "the name is one of perdure's own" : std::string(fault));
  }
  work_name_ = names::copy_of(leaf_);
  BOOST_OUTCOME_TRY(above_, open_directory(files_, destination_.parent_path()));
  BOOST_OUTCOME_TRY(const Status status, checked("", files_.stat(root)));
  BOOST_OUTCOME_TRY(const bool inside, checked("", lies_in(files_, above_.get(), status.version)));
  if (!inside) return success();
  return failure("", ErrorKind::invalid_argument,
                 "it would lie in the root that is copied; name a directory elsewhere");
}

Result<void> CopyPlace::open_work() {
  const auto made = files_.make_directory(above_.get(), work_name_, 0700);
  if (!made && made.error() != std::errc::file_exists) return failure("", made.error());
  BOOST_OUTCOME_TRY(const Handle opened,
                    checked("", files_.open_beneath(above_.get(), work_name_)));
  work_ = OwnedHandle(files_, opened);
  BOOST_OUTCOME_TRY(mark(made.has_value()));
  const std::string name(names::copy_tree);
  const auto tree = files_.make_directory(work_.get(), name, 0700);
  if (!tree && tree.error() != std::errc::file_exists) return failure("", tree.error());
  BOOST_OUTCOME_TRY(const Handle within, checked("", files_.open_beneath(work_.get(), name)));
  tree_ = OwnedHandle(files_, within);
  if (!tree) {  // an earlier call may have given it its own mode
    BOOST_OUTCOME_TRY(checked("", files_.set_mode(tree_.get(), 0700)));
  }
  directories_.emplace(files_, tree_.get());
  return success();
}

Result<void> CopyPlace::mark(bool made) {
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
  if (!made) {
    BOOST_OUTCOME_TRY(checked("", files_.set_mode(work_.get(), 0700)));
  }
  if (marked) return success();
  BOOST_OUTCOME_TRY(const Handle created, checked("", files_.create(work_.get(), marker, 0600)));
  (void)files_.close(created);
  return checked("", sync_entries(files_, work_.get()));
}

Result<void> CopyPlace::remove(const std::string& path) {
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

/// Runs after the copy has its name, durably. Earlier, a power cut could keep the removal and lose
/// the rename.
SysResult<void> CopyPlace::tidy() {
  BOOST_OUTCOME_TRY(unlink_if_there(files_, work_.get(), std::string(names::copy_marker)));
  return files_.remove_directory(above_.get(), work_name_);
}

SysResult<void> CopyPlace::sync_name(std::uint32_t surplus) {
  if (surplus != 0) {
    BOOST_OUTCOME_TRY(const Status now, files_.stat(tree_.get()));
    BOOST_OUTCOME_TRY(files_.set_mode(tree_.get(), now.mode & ~surplus));
  }
  BOOST_OUTCOME_TRY(sync_entries(files_, tree_.get()));
  return sync_directory_durably(files_, above_.get(), mark_);
}

bool CopyPlace::has_copy(Handle directory, const std::string& name) {
  const auto there = files_.stat_at(directory, name);
  const auto copy = files_.stat(tree_.get());
  return there && copy && there.value().version.same_file(copy.value().version);
}

Result<void> CopyPlace::check_published() {
  if (has_copy(above_.get(), leaf_)) return success();
  Error error = failure("", ErrorKind::untrusted,
                        "somebody put another directory in the place of the copy; look at both");
  error.fate = Fate::unknown;
  return error;
}

/// The answer to the rename may be lost, on a network for example. Then the copy has its name, or
/// has it no more.
Result<void> CopyPlace::check_renamed(const SysResult<void>& renamed) {
  if (renamed || has_copy(above_.get(), leaf_)) return success();
  const bool taken = renamed.error() == std::errc::file_exists ||
                     renamed.error() == std::errc::directory_not_empty;
  Error error = taken ? failure("", ErrorKind::exists, "somebody else made it in the meantime")
                      : failure("", renamed.error());
  if (!has_copy(work_.get(), std::string(names::copy_tree))) error.fate = Fate::unknown;
  return error;
}

Result<void> CopyPlace::publish(std::uint32_t surplus) {
  BOOST_OUTCOME_TRY(check_renamed(
      rename_directory(files_, work_.get(), std::string(names::copy_tree), above_.get(), leaf_)));
  const auto synced = sync_name(surplus);
  if (!synced) {
    Error error = failure("", synced.error());
    error.fate = Fate::visible;
    return error;
  }
  BOOST_OUTCOME_TRY(check_published());
  const auto tidied = tidy();
  if (tidied) return success();
  Error error = failure("", tidied.error());
  error.fate = Fate::durable;
  return error;
}

}  // namespace perdure
