// SPDX-License-Identifier: BSL-1.0
// The marker of a root: where its private directory is.
#include "transaction/marker.hpp"

#include <string_view>

#include "base/missing.hpp"
#include "engine/commit.hpp"
#include "engine/confirm.hpp"
#include "engine/names.hpp"
#include "engine/read.hpp"

namespace perdure {
namespace {

constexpr std::string_view marker_head = "perdure root 1\n";
constexpr std::uint64_t marker_size_max = 8192;
std::string marker_text(const std::string& private_directory) {
  return std::string(marker_head).append(private_directory).append("\n");
}

/// The private directory that the marker names: one component, or an absolute path.
std::optional<std::string> parse_marker(Bytes bytes) {
  std::string_view text = as_text(bytes);
  const bool framed =
      text.starts_with(marker_head) && text.ends_with('\n') && text.size() > marker_head.size() + 1;
  if (framed) {
    text.remove_prefix(marker_head.size());
    text.remove_suffix(1);
    const bool absolute = text.front() == '/' && text.find('\n') == std::string_view::npos &&
                          text.find('\0') == std::string_view::npos;
    if (absolute || names::fault_of_leaf(text).empty()) return std::string(text);
  }
  return {};
}
}  // namespace

/// A user who planted a link at the marker would choose the private directory. So the marker is
/// read from the root's own handle, and no link is followed.
Result<std::optional<std::string>> read_marker(const TransactionRoot& root) {
  const std::string name(names::root_marker);
  Target target(root.files, *root.options.system.environment, (root.path / name).native());
  target.directory = root.directory.get();
  target.directory_status = root.status;
  const auto check = [&](Handle file) -> Result<void> {
    if (!do_owners_matter(root.status)) return success();
    const auto status = root.files.stat(file);
    if (!status) return root.failure(open_step, name, status.error());
    return check_owner(target, open_step, "the root's marker", status.value().owner);
  };
  const auto marker = read_steady(target, name, marker_size_max, check);
  if (marker) {
    auto private_directory = parse_marker(marker.value().bytes);
    if (private_directory) return private_directory;
    return root.failure(open_step, name, ErrorKind::corrupt,
                        "it does not say where the private directory is");
  }
  if (is_missing(marker.error().cause)) {
    return std::optional<std::string>();
  }
  return marker.error();
}

std::optional<std::string> marked_private_directory(const Target& root) {
  const auto marker = read_steady(root, std::string(names::root_marker), marker_size_max,
                                  [](Handle) -> Result<void> { return success(); });
  return marker ? parse_marker(marker.value().bytes) : std::nullopt;
}

bool has_marker(FileSystem& files, Handle directory, const Status& status) {
  const auto marker = files.stat_at(directory, std::string(names::root_marker));
  return marker && is_owner_trusted(files, status, marker.value().owner);
}

SysResult<std::optional<RootAbove>> find_root_above(FileSystem& files, Handle directory,
                                                    const Status& status) {
  constexpr int steps_max = 4096;
  OwnedHandle here;
  Status status_here = status;
  for (int steps = 1; steps <= steps_max; ++steps) {
    const auto opened = files.open_directory(here ? here.get() : directory, "..");
    if (!opened) break;  // beyond what this user may look at
    here = OwnedHandle(files, opened.value());
    BOOST_OUTCOME_TRY(const Status above, files.stat(here.get()));
    if (above.version.same_file(status_here.version)) break;  // "/" is its own parent
    status_here = above;
    if (has_marker(files, here.get(), above)) return RootAbove{std::move(here), steps};
  }
  return std::optional<RootAbove>();
}

/// A root in a root would have two locks for one file.
Result<void> refuse_nested(TransactionRoot& root) {
  BOOST_OUTCOME_TRY(
      const auto above,
      root.checked(open_step, "", find_root_above(root.files, root.directory.get(), root.status)));
  if (!above) return success();
  return root.failure(open_step, "", ErrorKind::invalid_argument,
                      "it lies within another root (a directory above it has " +
                          std::string(names::root_marker) + "); use that one");
}

Result<void> mark_root(TransactionRoot& root) {
  if (root.marked) return success();
  const std::string& private_directory = root.options.private_directory;
  BOOST_OUTCOME_TRY(refuse_nested(root));
  BOOST_OUTCOME_TRY(const PrivatePlace place, private_place(root, private_directory));
  // A power cut that kept the marker and lost the directory that it names would leave a broken
  // root. So the directory is synced first.
  BOOST_OUTCOME_TRY(root.synced("make the private directory durable", private_directory,
                                sync_entries(root.files, place.above)));
  // Two committers with different private directories hold different locks. So the kernel decides
  // which of their markers stays.
  WriteOptions options;
  options.existing = ExistingPolicy::keep;
  options.durability = root.options.durability;
  if (root.keeper) {
    options.metadata = Metadata::fixed(0644);
    options.metadata.owner = root.keeper->owner;
    options.metadata.group = root.keeper->group;
  }
  const std::string marker = marker_text(private_directory);
  Commit commit(root.files, root.random, options);
  commit.path = root.path.native();
  commit.directory = root.directory.get();
  commit.leaf = names::root_marker;
  commit.image = as_bytes(marker);
  root.marked = true;  // also where that can't be told
  auto done = run_commit(commit, make_pipeline(options, Protocol::portable));
  if (done) return success();
  if (done.error().kind == ErrorKind::exists) {
    return root.failure("mark the root", "", ErrorKind::conflict,
                        "somebody else made it a root in the meantime; begin again");
  }
  done.error().fate = Fate::unchanged;  // that fate is the marker's, ours the transaction's
  return std::move(done.error());
}
}  // namespace perdure
