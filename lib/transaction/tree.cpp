// SPDX-License-Identifier: BSL-1.0
// Looks at the paths beneath a root.
#include "transaction/tree.hpp"

#include "base/missing.hpp"
#include "engine/names.hpp"

namespace perdure {

std::string_view fault_of_path(std::string_view path) {
  if (path.empty()) return "the path is empty";
  if (path.size() > path_size_max) return "the path is too long";
  if (path.front() == '/') return "the path is absolute: name it relative to the root";
  while (true) {
    const auto end = path.find('/');
    const auto component = path.substr(0, end);
    if (component.empty()) return "the path has an empty component";
    if (component.size() > names::length_max) return "a component of the path is too long";
    if (const auto fault = names::fault_of_leaf(component); !fault.empty()) {
      return "the path has a component '.' or '..' or a zero byte";
    }
    const bool last = end == std::string_view::npos;
    if (names::is_own(component) && !(last && names::is_previous(component))) {
      return "the path names one of the library's own files: a lock, a temp or a root's marker";
    }
    if (last) return {};
    path.remove_prefix(end + 1);
  }
}

std::string parent_of(const std::string& relative) {
  const auto slash = relative.rfind('/');
  return slash == std::string::npos ? std::string() : relative.substr(0, slash);
}

std::string leaf_of(const std::string& relative) {
  const auto slash = relative.rfind('/');
  return slash == std::string::npos ? relative : relative.substr(slash + 1);
}

SysResult<bool> lies_in(FileSystem& files, Handle directory, const Version& other) {
  constexpr int steps_max = 4096;
  OwnedHandle above;
  BOOST_OUTCOME_TRY(Status here, files.stat(directory));
  for (int step = 0; step < steps_max; ++step) {
    if (here.version.same_file(other)) return true;
    const auto opened = files.open_directory(above ? above.get() : directory, "..");
    if (!opened) break;
    above = OwnedHandle(files, opened.value());
    BOOST_OUTCOME_TRY(const Status next, files.stat(above.get()));
    if (next.version.same_file(here.version)) break;  // "/" is its own parent
    here = next;
  }
  return false;
}

SysResult<void> rename_directory(FileSystem& files, Handle from_directory, const std::string& from,
                                 Handle to_directory, const std::string& to) {
  const auto renamed = files.rename(from_directory, from, to_directory, to, RenameMode::no_replace);
  const bool unknown = !renamed && (renamed.error() == std::errc::invalid_argument ||
                                    renamed.error() == std::errc::function_not_supported ||
                                    renamed.error() == std::errc::operation_not_supported);
  if (!unknown) return renamed;
  const auto there = files.stat_at(to_directory, to);
  if (there) return std::make_error_code(std::errc::file_exists);
  if (!is_missing(there.error())) return there.error();
  return files.rename(from_directory, from, to_directory, to, RenameMode::replace);
}

namespace {

/// Whether the way to a path leads through something other than directories of one file system.
bool is_closed(const std::error_code& cause) {
  return cause == std::errc::not_a_directory || cause == std::errc::too_many_symbolic_link_levels ||
         cause == std::errc::cross_device_link;
}

}  // namespace

SysResult<bool> Directories::lies_in_file(const std::string& relative) {
  for (std::string at = relative; !at.empty(); at = parent_of(at)) {
    if (!files_or_not_.contains(at)) continue;
    BOOST_OUTCOME_TRY(const auto status, stat(at));
    if (status && status->type != FileType::directory) return true;
  }
  return false;
}

SysResult<Handle> Directories::open(const std::string& relative) {
  constexpr std::size_t open_max = 128;
  if (relative.empty()) return root_;
  if (const auto known = open_.find(relative); known != open_.end()) return known->second.get();
  for (auto above = parent_of(relative); !above.empty(); above = parent_of(above)) {
    if (!expected_.contains(above)) continue;
    BOOST_OUTCOME_TRY(open(above));
    break;  // that looked at those above it
  }
  if (open_.size() >= open_max) open_.clear();
  const auto found = files_.open_beneath(root_, relative);
  if (!found && is_closed(found.error())) {
    BOOST_OUTCOME_TRY(const bool in_file, lies_in_file(relative));
    if (in_file) return missing_cause();
  }
  BOOST_OUTCOME_TRY(const Handle opened, found);
  OwnedHandle directory(files_, opened);
  if (const auto expected = expected_.find(relative); expected != expected_.end()) {
    BOOST_OUTCOME_TRY(const Status status, files_.stat(opened));
    if (identity_of(status.version) != expected->second) {
      return missing_cause();
    }
  }
  open_.emplace(relative, std::move(directory));
  return opened;
}

SysResult<std::optional<Status>> Directories::stat(const std::string& relative) {
  const auto directory = open(parent_of(relative));
  if (!directory && is_missing(directory.error())) return std::optional<Status>();
  if (!directory) return directory.error();
  const auto status = files_.stat_at(directory.value(), leaf_of(relative));
  if (status) return std::optional(status.value());
  if (is_missing(status.error())) return std::optional<Status>();
  return status.error();
}

void Directories::expect(const std::string& relative, const Identity& identity) {
  if (!relative.empty()) expected_.insert_or_assign(relative, identity);
}

SysResult<bool> Directories::is_blocked(const std::string& relative, std::error_code cause) {
  const bool by_mount = cause == std::errc::cross_device_link;
  BOOST_OUTCOME_TRY(const Status root, files_.stat(root_));
  Handle above = root_;
  OwnedHandle opened;
  for (std::size_t end = 0; end != std::string::npos;) {
    end = relative.find('/', end == 0 ? 0 : end + 1);
    const std::string at = relative.substr(0, end);
    const auto status = files_.stat_at(above, leaf_of(at));
    // Another user's FUSE mount lets not even root look at it (mount.fuse3(8), allow_other).
    if (!status && by_mount && status.error() == std::errc::permission_denied) return true;
    if (!status) return status.error();
    if (status.value().type != FileType::directory) return true;
    const auto next = files_.open_beneath(root_, at);
    if (!next && by_mount && is_closed(next.error())) {
      const Version& there = status.value().version;
      const auto expected = expected_.find(at);
      return there.device != root.version.device ||
             (expected != expected_.end() && identity_of(there) != expected->second);
    }
    if (!next) return next.error();
    opened = OwnedHandle(files_, next.value());
    above = opened.get();
  }
  return false;
}

SysResult<bool> Directories::is_replaced(const std::string& relative) {
  auto opened = open(relative);
  if (opened) return false;
  // Looks at the path as well, since this answer leaves a part of a transaction out.
  if (is_closed(opened.error())) {
    const std::error_code cause = opened.error();
    const auto blocked = is_blocked(relative, cause);
    if (blocked && blocked.value()) return true;
    return cause;
  }
  if (!is_missing(opened.error())) return opened.error();
  // From the top: the first that is missing decides, since nothing beneath it can be there.
  for (std::size_t end = 0; end != std::string::npos;) {
    end = relative.find('/', end == 0 ? 0 : end + 1);
    const std::string at = relative.substr(0, end);
    if (!expected_.contains(at)) continue;
    opened = open(at);
    if (opened) continue;
    if (!is_missing(opened.error())) return opened.error();
    if (!removed_.contains(at)) return true;
    BOOST_OUTCOME_TRY(const auto there, stat(at));
    return there && (there->type == FileType::directory || !files_or_not_.contains(at));
  }
  return false;
}

SysResult<std::optional<Handle>> Directories::open_if_ours(const std::string& relative) {
  const auto opened = open(relative);
  if (opened) return std::optional(opened.value());
  if (is_missing(opened.error())) return std::optional<Handle>();
  BOOST_OUTCOME_TRY(const bool replaced, is_replaced(relative));
  if (replaced) return std::optional<Handle>();
  return opened.error();
}

}  // namespace perdure
