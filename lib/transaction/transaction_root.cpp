// SPDX-License-Identifier: BSL-1.0
// A root of transactions that is open: its errors, its paths, and how it is let go.
#include "transaction/transaction_root.hpp"

#include <algorithm>
#include <new>

#include <perdure/recovery_report.hpp>
#include <perdure/system/observer.hpp>

#include "base/advice.hpp"
#include "base/make_error.hpp"
#include "engine/confirm.hpp"
#include "engine/directory.hpp"
#include "engine/explain.hpp"
#include "engine/names.hpp"
#include "engine/protocol.hpp"
#include "transaction/tree.hpp"

namespace perdure {

void TransactionRoot::tell(const RecoveryReport& report) const {
  const bool found = report.journal || report.discarded > 0;
  if (found && options.system.observer != nullptr) {
    options.system.observer->recovered(path.native(), report);
  }
}

bool KnownTrials::has(const Identity& directory, bool of_file, std::size_t length) const {
  const std::lock_guard lock(mutex_);
  const auto found = longest_.find({directory.inode, directory.birth_ns, of_file});
  return found != longest_.end() && found->second >= length;
}

void KnownTrials::note(const Identity& directory, bool of_file, std::size_t length) {
  constexpr std::size_t known_max = 10'000;
  const std::lock_guard lock(mutex_);
  if (longest_.size() > known_max) longest_.clear();
  std::size_t& longest = longest_[{directory.inode, directory.birth_ns, of_file}];
  longest = std::max(longest, length);
}

Result<PrivatePlace> private_place(const TransactionRoot& root,
                                   const std::string& private_directory) {
  if (private_directory.front() != '/') {
    return PrivatePlace{OwnedHandle(), root.directory.get(), private_directory};
  }
  const Path path(private_directory);
  BOOST_OUTCOME_TRY(OwnedHandle outside, open_directory(root.files, path.parent_path()));
  const Handle above = outside.get();
  return PrivatePlace{std::move(outside), above, path.filename().native()};
}

namespace {

void remove_private_directory(TransactionRoot& root) noexcept {
  try {
    const auto place = private_place(root, root.options.private_directory);
    if (!place) return;
    const std::string lock = names::lock_of(names::root_lock);
    if (!root.files.unlink(root.private_directory.get(), lock)) return;
    (void)root.files.remove_directory(place.value().above, place.value().name);
  } catch (const std::bad_alloc&) {  // then it stays, too
  }
}

}  // namespace

Error TransactionRoot::failure(std::string_view step, const std::string& relative,
                               std::error_code cause) const {
  Error error = make_error(step, (relative.empty() ? path : path / relative).native(), cause);
  explain(error, files, directory.get(), {});
  return error;
}

Error TransactionRoot::failure(std::string_view step, const std::string& relative, ErrorKind kind,
                               std::string detail) const {
  Error error = failure(step, relative, {});
  error.kind = kind;
  error.detail = std::move(detail);
  return error;
}

Error TransactionRoot::closed_way(std::string_view step, const std::string& relative,
                                  std::error_code cause) const {
  Error error = failure(step, relative, cause);
  if (cause == std::errc::cross_device_link) {
    error.detail = circumstance::mount_on_the_way;
  } else if (cause == std::errc::too_many_symbolic_link_levels) {
    error.detail = circumstance::link_on_the_way;
  }
  return error;
}

Result<void> TransactionRoot::synced(std::string_view step, const std::string& relative,
                                     const SysResult<void>& result) const {
  const auto answer = as_asked(result, options.durability);
  if (answer) return success();
  Error error = failure(step, relative, answer.error());
  explain_directory_sync(error);
  return error;
}

Result<void> TransactionRoot::check_path(std::string_view step, const std::string& relative,
                                         Naming naming) const {
  std::string_view fault = fault_of_path(relative);
  if (fault.empty() && naming == Naming::of_users && names::is_previous(leaf_of(relative))) {
    fault = "the path names a previous generation of a state, which its tracker keeps";
  }
  if (fault.empty() && !private_name.empty() &&
      (relative == private_name || relative.starts_with(private_name + "/"))) {
    fault = "the path is in the root's private directory";
  }
  if (fault.empty()) return success();
  return failure(step, relative, ErrorKind::invalid_argument, std::string(fault));
}

void TransactionRoot::release() noexcept {
  // Others who wait for the lock see that its file is gone. This only tidies up: after a failure,
  // or with somebody else's file in it, the directory stays, and the next committer uses it.
  const bool unused = lock && private_directory_made && !marked && made_by.this_process();
  if (unused) remove_private_directory(*this);
  lock.reset();
}

bool renames_at_once(TransactionRoot& root) {
  if (!root.renames_at_once) {
    const auto info = root.files.describe(root.private_directory.get());
    root.renames_at_once = info && renames_at_once(info.value());
  }
  return *root.renames_at_once;
}

Result<void> sync_root(TransactionRoot& root, std::string_view step) {
  const Handle at = root.private_directory.get();
  return root.checked(step, "", noted(root.files, at, root.files.sync_file_system(at)));
}

}  // namespace perdure
