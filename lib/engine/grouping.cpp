// SPDX-License-Identifier: BSL-1.0
// Groups members by device and directory.
#include "engine/grouping.hpp"

#include <algorithm>
#include <tuple>

namespace perdure {

Grouping::Grouping(std::size_t commits_max) {
  opened_.reserve(commits_max);
  entries_.reserve(commits_max);
  members_.reserve(commits_max);
  directories_.reserve(commits_max);
  devices_.reserve(commits_max);
}

std::size_t Grouping::opened_by(const BatchedCommit& member) {
  const auto found = std::find_if(opened_.begin(), opened_.end(), [&](const Opened& opened) {
    return opened.files == &member.commit->files && opened.handle == member.commit->directory;
  });
  const auto at = static_cast<std::size_t>(found - opened_.begin());
  if (found == opened_.end()) {
    opened_.push_back({&member.commit->files, member.commit->directory, {}, 0, 0});
  }
  return at;
}

/// Numbers devices and directories in the order in which they come first.
void Grouping::identify() {
  if (opened_.size() == 1) return;
  std::size_t devices = 0;
  std::size_t directories = 0;
  for (auto opened = opened_.begin(); opened != opened_.end(); ++opened) {
    if (const auto status = opened->files->stat(opened->handle)) {
      opened->version = status.value().version;
    }
    const auto shares = [&](bool directory) {
      return std::find_if(opened_.begin(), opened, [&](const Opened& other) {
        return opened->version && other.version && other.files == opened->files &&
               other.version->device == opened->version->device &&
               (!directory || other.version->inode == opened->version->inode);
      });
    };
    const auto device = shares(false);
    opened->device = device == opened ? devices++ : device->device;
    const auto directory = shares(true);
    opened->directory = directory == opened ? directories++ : directory->directory;
  }
}

/// By now, commits that share a directory stand together, and so do directories that share a
/// device.
void Grouping::divide() {
  for (const Entry& entry : entries_) members_.push_back(entry.member);
  const Opened* before = nullptr;
  const Entry* last = nullptr;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Opened& opened = opened_[entries_[i].opened];
    const bool other_device = before == nullptr || before->device != opened.device;
    if (other_device || before->directory != opened.directory) {
      directories_.emplace_back(members_.data() + i, std::size_t{0});
    }
    if (other_device) {
      devices_.push_back(
          {{members_.data() + i, std::size_t{0}}, {&directories_.back(), 0}, nullptr});
      last = nullptr;
    }
    BatchedCommits& directory = directories_.back();
    directory = BatchedCommits(directory.data(), directory.size() + 1);
    Device& device = devices_.back();
    device.members = BatchedCommits(device.members.data(), device.members.size() + 1);
    const BatchedCommits* const first = device.directories.data();
    device.directories = {first, static_cast<std::size_t>(&directory - first) + 1};
    if (last == nullptr || last->order < entries_[i].order) {
      last = &entries_[i];
      device.last = last->member;
    }
    before = &opened;
  }
}

std::span<const Grouping::Device> Grouping::group(BatchedCommits members) {
  opened_.clear();
  entries_.clear();
  members_.clear();
  directories_.clear();
  devices_.clear();
  for (BatchedCommit* member : members) {
    const std::size_t order = entries_.size();
    entries_.push_back({member, opened_by(*member), order});
  }
  identify();
  std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
    const auto key = [&](const Entry& entry) {
      const Opened& opened = opened_[entry.opened];
      return std::tuple(opened.device, opened.directory, entry.order);
    };
    return key(a) < key(b);
  });
  divide();
  return devices_;
}

}  // namespace perdure
