// SPDX-License-Identifier: BSL-1.0
// Reads and makes files with their metadata.
#include "transaction/image_io.hpp"

#include <span>
#include <utility>

#include "engine/temp.hpp"
#include "engine/unlink.hpp"

namespace perdure {

Result<FileImage> read_image(const TransactionRoot& root, std::string_view step,
                             const std::string& path, Handle file) {
  FileSystem& files = root.files;
  BOOST_OUTCOME_TRY(const Status status, root.checked(step, path, files.stat(file)));
  FileImage image{.mode = status.mode,
                  .owner = status.owner,
                  .group = status.group,
                  .xattrs = {},
                  .content = Buffer(static_cast<std::size_t>(status.version.size))};
  std::size_t done = 0;
  while (done < image.content.size()) {
    BOOST_OUTCOME_TRY(
        const std::size_t count,
        root.checked(step, path,
                     files.read_at(file, done, std::span(image.content).subspan(done))));
    if (count == 0) {
      return root.failure(step, path, ErrorKind::conflict, "somebody changed its staged file");
    }
    done += count;
  }
  BOOST_OUTCOME_TRY(const auto names, root.checked(step, path, files.list_xattrs(file)));
  for (const std::string& name : names) {
    BOOST_OUTCOME_TRY(auto value, root.checked(step, path, files.get_xattr(file, name)));
    image.xattrs.push_back({name, std::move(value)});
  }
  return image;
}

Result<OwnedHandle> make_from_image(TransactionRoot& root, std::string_view step,
                                    const std::string& path, const std::string& name,
                                    const FileImage& image) {
  const Handle directory = root.private_directory.get();
  const WriteOptions options;
  Commit commit(root.files, root.random, options);
  commit.path = (root.path / path).native();
  BOOST_OUTCOME_TRY(root.checked(step, path, unlink_if_there(root.files, directory, name)));
  BOOST_OUTCOME_TRY(const Handle made,
                    root.checked(step, path, root.files.create(directory, name, 0600)));
  commit.temp = OwnedHandle(root.files, made);
  BOOST_OUTCOME_TRY(append_to_temp(commit, image.content));
  MetadataSource source{.status = {}, .xattrs = image.xattrs};
  source.status.mode = image.mode;
  source.status.owner = image.owner;
  source.status.group = image.group;
  BOOST_OUTCOME_TRY(copy_metadata(commit, source));
  return std::move(commit.temp);
}

}  // namespace perdure
