// SPDX-License-Identifier: BSL-1.0
// Opens, marks and locks roots.
#include "transaction/root.hpp"

#include <perdure/files.hpp>

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/directory.hpp"
#include "engine/lock.hpp"
#include "engine/names.hpp"
#include "transaction/tree.hpp"

namespace perdure {
namespace {

constexpr std::string_view open_step = "open the root";
constexpr std::string_view marker_head = "perdure root 1\n";
constexpr std::uint64_t marker_size_max = 8192;

std::string marker_text(const std::string& place) {
  return std::string(marker_head).append(place).append("\n");
}

/// Where the marker says that the private directory is: one component, or an absolute path.
Result<std::string> parse_marker(const TransactionRoot& root, Bytes bytes) {
  std::string_view text = as_text(bytes);
  const bool whole =
      text.starts_with(marker_head) && text.ends_with('\n') && text.size() > marker_head.size() + 1;
  if (whole) {
    text.remove_prefix(marker_head.size());
    text.remove_suffix(1);
    const bool absolute = text.front() == '/' && text.find('\n') == std::string_view::npos &&
                          text.find('\0') == std::string_view::npos;
    if (absolute || names::fault_of_leaf(text).empty()) return std::string(text);
  }
  return root.failure(open_step, std::string(names::root_marker), ErrorKind::corrupt,
                      "it does not say where the private directory is");
}

Result<std::optional<std::string>> read_marker(const TransactionRoot& root) {
  const auto marker =
      read_file(root.path / std::string(names::root_marker), marker_size_max, root.options.system);
  if (marker) {
    BOOST_OUTCOME_TRY(auto place, parse_marker(root, marker.value().bytes));
    return std::optional(std::move(place));
  }
  if (is_missing(marker.error().cause)) {
    return std::optional<std::string>();
  }
  return marker.error();
}

/// A root in a root would have two locks for one file.
Result<void> refuse_nested(TransactionRoot& root) {
  constexpr int depth_max = 4096;
  OwnedHandle above;
  Status here = root.status;
  for (int depth = 0; depth < depth_max; ++depth) {
    const auto opened = root.files.open_directory(above ? above.get() : root.directory.get(), "..");
    if (!opened) return success();  // beyond what this user may look at
    above = OwnedHandle(root.files, opened.value());
    BOOST_OUTCOME_TRY(const auto status, root.checked(open_step, "", root.files.stat(above.get())));
    if (status.version.same_file(here.version)) return success();  // "/" is its own parent
    here = status;
    if (root.files.stat_at(above.get(), std::string(names::root_marker))) {
      return root.failure(open_step, "", ErrorKind::invalid_argument,
                          "it lies within another root (a directory above it has " +
                              std::string(names::root_marker) + "); use that one");
    }
  }
  return success();
}

/// The private directory must be this user's alone, and on the root's file system.
Result<void> check_private_directory(TransactionRoot& root, const std::string& place) {
  const auto status = root.files.stat(root.private_directory.get());
  if (!status) return root.failure(open_step, place, status.error());
  if (status.value().owner != root.files.user() || (status.value().mode & 077U) != 0) {
    return root.failure(open_step, place, ErrorKind::invalid_argument,
                        "the private directory must belong to this user, with mode 0700");
  }
  if (status.value().version.device != root.status.version.device) {
    return root.failure(open_step, place, ErrorKind::invalid_argument,
                        "the private directory must be on the same file system as the root");
  }
  root.private_status = status.value();
  return success();
}

Result<void> open_private_directory(TransactionRoot& root, const std::string& place) {
  const bool inside = place.front() != '/';
  auto opened = inside ? root.files.open_beneath(root.directory.get(), place)
                       : root.files.open_directory(Handle::working_directory, place);
  if (!opened) return root.failure(open_step, place, opened.error());
  root.private_directory = OwnedHandle(root.files, opened.value());
  if (inside) root.private_name = place;
  return check_private_directory(root, place);
}

/// First use: the private directory, durable, then the marker that says where it is.
Result<std::string> make_root(TransactionRoot& root) {
  const std::string& place = root.options.private_directory;
  const bool inside = !place.starts_with('/');
  if (place.empty() || (inside && !names::fault_of_leaf(place).empty()) ||
      place.find('\n') != std::string::npos) {
    return root.failure(
        open_step, place, ErrorKind::invalid_argument,
        "the private directory is a name directly under the root, or an absolute path");
  }
  BOOST_OUTCOME_TRY(refuse_nested(root));
  BOOST_OUTCOME_TRY(OwnedHandle outside,
                    inside ? Result<OwnedHandle>(OwnedHandle())
                           : open_directory(root.files, Path(place).parent_path()));
  const Handle above = inside ? root.directory.get() : outside.get();
  const std::string name = inside ? place : Path(place).filename().native();
  const auto made = root.files.make_directory(above, name, 0700);
  if (!made && made.error() != std::errc::file_exists) {
    return root.failure("make the private directory", place, made.error());
  }
  BOOST_OUTCOME_TRY(
      root.checked("make the private directory durable", place, root.files.sync_directory(above)));
  // No lock file for this one: of two who make the root at once the kernel picks the marker.
  WriteOptions options;
  options.existing = ExistingPolicy::keep;
  const std::string marker = marker_text(place);
  Commit commit(root.files, root.random, options);
  commit.path = root.path.native();
  commit.directory = root.directory.get();
  commit.leaf = names::root_marker;
  commit.image = as_bytes(marker);
  auto marked = run_commit(commit, PortableDurable{});
  if (!marked && marked.error().kind != ErrorKind::exists) {
    marked.error().fate = Fate::unchanged;  // it speaks of the marker, ours of the transaction
    return std::move(marked.error());
  }
  BOOST_OUTCOME_TRY(const auto place_marked, read_marker(root));
  return place_marked.value_or(place);
}

Result<std::unique_ptr<TransactionRoot>> begin_open(const Path& path,
                                                    const TransactionOptions& options) {
  auto root = std::make_unique<TransactionRoot>(path, options);
  BOOST_OUTCOME_TRY(root->directory, open_directory(root->files, path));
  const auto status = root->files.stat(root->directory.get());
  if (!status) return root->failure(open_step, "", status.error());
  root->status = status.value();
  return root;
}

}  // namespace

Error TransactionRoot::failure(std::string_view step, const std::string& relative,
                               std::error_code cause) const {
  return {.kind = ErrorKind::system,
          .fate = Fate::unchanged,
          .cause = cause,
          .step = std::string(step),
          .path = (relative.empty() ? path : path / relative).native(),
          .detail = {}};
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
    error.detail = "something is mounted on the way; make a root of what is mounted there";
  }
  return error;
}

Result<void> TransactionRoot::check_path(std::string_view step, const std::string& relative) const {
  std::string_view fault = fault_of_path(relative);
  if (fault.empty() && !private_name.empty() &&
      (relative == private_name || relative.starts_with(private_name + "/"))) {
    fault = "the path is in the root's private directory";
  }
  if (fault.empty()) return success();
  return failure(step, relative, ErrorKind::invalid_argument, std::string(fault));
}

Result<std::unique_ptr<TransactionRoot>> open_root(const Path& path,
                                                   const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto root, begin_open(path, options));
  BOOST_OUTCOME_TRY(auto place, read_marker(*root));
  if (!place) {
    BOOST_OUTCOME_TRY(place, make_root(*root));
  }
  if (*place != options.private_directory) {
    return root->failure(open_step, "", ErrorKind::invalid_argument,
                         "this root has its private directory at '" + *place + "', not at '" +
                             options.private_directory + "'; say so in the options");
  }
  BOOST_OUTCOME_TRY(open_private_directory(*root, *place));
  const auto failure = [&](std::error_code cause) {
    return root->failure("take the root's lock", "", cause);
  };
  BOOST_OUTCOME_TRY(
      root->lock, take_target_lock(root->files, root->random, root->private_directory.get(),
                                   std::string(names::root_lock), options.lock_timeout_ms, failure,
                                   "another transaction holds this root"));
  return root;
}

Result<std::unique_ptr<TransactionRoot>> look_at_root(const Path& path,
                                                      const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto root, begin_open(path, options));
  BOOST_OUTCOME_TRY(const auto place, read_marker(*root));
  if (!place) return std::unique_ptr<TransactionRoot>();
  BOOST_OUTCOME_TRY(open_private_directory(*root, *place));
  return root;
}

Result<void> sync_root(TransactionRoot& root, std::string_view step) {
  BOOST_OUTCOME_TRY(
      root.checked(step, "", root.files.sync_file_system(root.private_directory.get())));
  return success();
}

}  // namespace perdure
