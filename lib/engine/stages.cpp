// SPDX-License-Identifier: BSL-1.0
// The built-in stages of one commit.
#include <algorithm>

#include <perdure/pipeline/stages.hpp>

#include "engine/metadata.hpp"
#include "engine/publish.hpp"
#include "engine/sync.hpp"
#include "engine/temp.hpp"

namespace perdure {
namespace {

/// From this size on, to reserve the space first is worth a system call. A smaller image is one
/// write, and a full disk still shows before the publish: in that write, or in the sync.
constexpr std::uint64_t preallocate_min = std::uint64_t{1} << 20U;

constexpr std::string_view write_step = "write the new content";

Result<void> write_image(Commit& commit) {
  if (commit.image.size() < commit.written) {
    return commit.failure(write_step, ErrorKind::invalid_argument,
                          "the temp has a longer content already, whose end would stay; let "
                          "CreateTemp run before Write runs again");
  }
  commit.written = 0;  // a second write puts the image in the place of the first
  if (commit.image.size() >= preallocate_min) {
    BOOST_OUTCOME_TRY(preallocate_temp(commit, commit.image.size()));
  }
  return append_to_temp(commit, commit.image);
}

}  // namespace

Result<void> Serialize::run(Commit& commit) const {
  if (!commit.produce) return success();  // the caller's own bytes are the image
  commit.storage.clear();                 // the image of an earlier run
  BufferSink sink(commit.storage);
  BOOST_OUTCOME_TRY(commit.produce(sink));
  commit.image = commit.storage;
  return success();
}

Result<void> CreateTemp::run(Commit& commit) const {
  BOOST_OUTCOME_TRY(create_temp(commit, temp_mode(commit)));
  return label_temp(commit);
}

Result<void> Write::run(Commit& commit) const {
  return write_image(commit);
}

Result<void> WriteThrough::run(Commit& commit) const {
  BOOST_OUTCOME_TRY(write_image(commit));
  return await_temp(commit);
}

Result<void> ApplyMetadata::run(Commit& commit) const {
  return apply_metadata(commit);
}

Result<void> SyncFile::run(Commit& commit) const {
  return sync_temp(commit);
}

Result<void> Verify::run(Commit& commit) const {
  Bytes rest = commit.image;
  BOOST_OUTCOME_TRY(read_back(commit, [&](Bytes block) {
    if (block.size() > rest.size() || !std::equal(block.begin(), block.end(), rest.begin())) {
      return false;
    }
    rest = rest.subspan(block.size());
    return true;
  }));
  return rest.empty() ? Result<void>(success()) : differs(commit);
}

Result<void> Rename::run(Commit& commit) const {
  return publish(commit);
}
Result<void> RenameUnordered::run(Commit& commit) const {
  return publish(commit);
}

Result<void> SyncPublished::run(Commit& commit) const {
  return sync_durably(commit, &sync_published);
}

Result<void> SyncAll::run(Commit& commit) const {
  return sync_all(commit);
}

Result<void> SyncAllPublished::run(Commit& commit) const {
  return sync_durably(commit, &sync_all);
}

Result<void> SyncParent::run(Commit& commit) const {
  return sync_durably(commit, &sync_parent);
}

}  // namespace perdure
