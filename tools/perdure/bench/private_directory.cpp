// SPDX-License-Identifier: BSL-1.0
// Makes a directory for this user alone, and removes it, by handles.
#include "bench/private_directory.hpp"

#include <array>
#include <iostream>

#include <perdure/system/environment.hpp>
#include <perdure/system/native.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

namespace {

constexpr std::uint32_t mode_own = 0700;

FileSystem& files() {
  return native_file_system();
}

Error failure(const std::string& path, std::error_code cause, std::string detail = {}) {
  return {.cause = cause,
          .step = "make a directory to measure in",
          .path = path,
          .detail = std::move(detail),
          .reading = true};
}

SysResult<std::string> fresh_name() {
  std::array<std::byte, 8> bytes{};
  BOOST_OUTCOME_TRY(native_environment().random(bytes));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name = ".perdure-bench-";
  for (const std::byte byte : bytes) {
    name += digits[std::to_integer<unsigned>(byte) >> 4U];
    name += digits[std::to_integer<unsigned>(byte) & 15U];
  }
  return name;
}

/// Whether it can be the directory that was made just now: nobody else may write to it, and it is
/// empty.
SysResult<bool> is_ours(Handle directory, const Status& status) {
  if (status.owner != files().user() || (status.mode & 0777U) != mode_own) return false;
  BOOST_OUTCOME_TRY(const auto entries, files().list(directory));
  return entries.empty();
}

/// Removes all that is in it, links not followed.
SysResult<void> empty(Handle directory) {
  BOOST_OUTCOME_TRY(const auto entries, files().list(directory));
  for (const auto& entry : entries) {
    auto removed = files().unlink(directory, entry.name);
    if (!removed && removed.error() == std::errc::is_a_directory) {
      BOOST_OUTCOME_TRY(const Handle opened, files().open_beneath(directory, entry.name));
      const OwnedHandle below(files(), opened);
      BOOST_OUTCOME_TRY(empty(below.get()));
      removed = files().remove_directory(directory, entry.name);
    }
    BOOST_OUTCOME_TRY(removed);
  }
  return success();
}

}  // namespace

PrivateDirectory::PrivateDirectory(Handle parent, std::string leaf, std::string path,
                                   OwnedHandle directory, const Version& version)
    : parent_(parent),
      leaf_(std::move(leaf)),
      path_(std::move(path)),
      directory_(std::move(directory)),
      version_(version) {}

Result<std::unique_ptr<PrivateDirectory>> PrivateDirectory::make(Handle parent,
                                                                 const std::string& path) {
  const auto named = fresh_name();
  if (!named) return failure(path, named.error());
  const std::string& leaf = named.value();
  const auto made = files().make_directory(parent, leaf, mode_own);
  if (!made) return failure(path, made.error());
  const std::string own_path = path + "/" + leaf;
  const auto opened = files().open_beneath(parent, leaf);
  if (!opened) return failure(own_path, opened.error());
  OwnedHandle directory(files(), opened.value());
  const auto status = files().stat(directory.get());
  if (!status) return failure(own_path, status.error());
  const auto ours = is_ours(directory.get(), status.value());
  if (!ours) return failure(own_path, ours.error());
  if (!ours.value()) {
    return failure(own_path, {},
                   "somebody else put another directory in its place; measure in a directory that "
                   "only you can write to");
  }
  return std::unique_ptr<PrivateDirectory>(
      new PrivateDirectory(parent, leaf, own_path, std::move(directory), status.value().version));
}

PrivateDirectory::~PrivateDirectory() {
  const auto tell = [&](const std::string& words) {
    std::cerr << "perdure: " << printable(path_) << ": " << printable(words) << '\n';
  };
  if (const auto emptied = empty(directory_.get()); !emptied) {
    tell("could not be emptied: " + emptied.error().message());
    return;
  }
  const auto there = files().stat_at(parent_, leaf_);
  const bool same = there && there.value().version.device == version_.device &&
                    there.value().version.inode == version_.inode;
  if (!same) {
    tell("somebody else moved it; it is empty, and left where it is");
    return;
  }
  // If somebody exchanges the name now, this can only remove an empty directory that they could
  // have removed themselves.
  const auto removed = files().remove_directory(parent_, leaf_);
  if (!removed) tell("could not be removed: " + removed.error().message());
}

}  // namespace perdure::cli
