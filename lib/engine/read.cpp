// SPDX-License-Identifier: BSL-1.0
// Reads a file again until it did not change in between.
#include "engine/read.hpp"

#include <exception>

namespace perdure {
namespace {

constexpr std::string_view step = "read the file";

/// One pass over the file; false when its version changed in the meantime. All of it counts:
/// whoever writes in place can set the size and the time of modification back, and no program can
/// set the ctime.
Result<bool> read_once(const Commit& commit, Handle file, std::uint64_t size_max,
                       FileContent& content) {
  FileSystem& files = commit.files;
  const auto before = files.stat(file);
  if (!before) return commit.failure(step, before.error());
  if (before.value().type != FileType::regular) {
    return commit.failure(step, ErrorKind::not_regular, "it is not a regular file");
  }
  const std::uint64_t size = before.value().version.size;
  if (size > size_max) {
    return commit.failure(step, ErrorKind::invalid_argument,
                          "it has " + std::to_string(size) + " bytes, and " +
                              std::to_string(size_max) + " are the most allowed");
  }
  try {  // anybody can make a sparse file of any size
    content.bytes.resize(static_cast<std::size_t>(size));
  } catch (const std::exception&) {
    return commit.failure(step, std::make_error_code(std::errc::not_enough_memory));
  }
  std::size_t done = 0;
  while (done < content.bytes.size()) {
    const auto got = files.read_at(file, done, std::span(content.bytes).subspan(done));
    if (!got) return commit.failure(step, got.error());
    if (got.value() == 0) return false;
    done += got.value();
  }
  const auto after = files.stat(file);
  if (!after) return commit.failure(step, after.error());
  content.version = after.value().version;
  return content.version == before.value().version;
}

}  // namespace

Result<FileContent> read_steady(const Commit& commit, const std::string& leaf,
                                std::uint64_t size_max,
                                const std::function<Result<void>(Handle)>& opened) {
  constexpr int attempts_max = 10;
  const auto handle = commit.files.open_file(commit.directory, leaf);
  if (!handle) return commit.failure("open the file", handle.error());
  // One descriptor for all passes: a file loses its name to a commit, and that changes its ctime,
  // but it does so once. Anew by its name, a reader of a large file would meet the next commit.
  const OwnedHandle file(commit.files, handle.value());
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (opened) {
      BOOST_OUTCOME_TRY(opened(file.get()));
    }
    FileContent content;
    BOOST_OUTCOME_TRY(const bool steady, read_once(commit, file.get(), size_max, content));
    if (steady) return content;
  }
  return commit.failure(step, ErrorKind::conflict,
                        "somebody rewrites it in place all the time; ask them to stop");
}

}  // namespace perdure
