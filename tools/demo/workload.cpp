// SPDX-License-Identifier: BSL-1.0
// Writes a file by a plain write, and by a commit.
#include "workload.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>

namespace perdure::demo {

namespace {

std::uint64_t word(std::uint64_t number, std::uint64_t index) {
  return number * 0x9e37'79b9'7f4a'7c15U + index;
}

constexpr std::array<std::string_view, 4> plain_stages = {"between writes", "open and truncate",
                                                          "write", "close"};

Result<void> run_plain(const std::string& path, std::size_t size, std::uint64_t first,
                       std::uint64_t end, Progress& progress) {
  for (std::uint64_t number = first; number != end; ++number) {
    const Buffer bytes = content(number, size);
    BOOST_OUTCOME_TRY(write_plainly(path, bytes, progress));
    progress.acknowledged = number;
  }
  return success();
}

/// A stage that tells when it runs: an example of a pipeline of one's own.
template <class S>
struct Observed {
  static constexpr std::string_view name = S::name;
  static constexpr Fact needs = S::needs;
  static constexpr Fact gives = S::gives;
  static constexpr Fact drops = dropped_by<S>();

  Progress* progress = nullptr;
  std::uint32_t index = 0;

  Result<void> run(Commit& commit) const {
    progress->stage = index;
    return S{}.run(commit);
  }
};

template <class... Stages>
struct ObservedPipeline {
  static constexpr std::array<std::string_view, sizeof...(Stages) + 1> stages = {"between commits",
                                                                                 Stages::name...};
  static AnyPipeline make(Progress& progress) {
    std::uint32_t index = 0;
    return Pipeline<Observed<Stages>...>{Observed<Stages>{&progress, ++index}...};
  }
};
using Observe =
    ObservedPipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, SyncParent>;

Result<void> run_perdure(const std::string& path, std::size_t size, std::uint64_t first,
                         std::uint64_t end, Progress& progress) {
  const Path target(path);
  BOOST_OUTCOME_TRY(const auto writer,
                    AtomicWriter::bind(target.parent_path(), Observe::make(progress)));
  for (std::uint64_t number = first; number != end; ++number) {
    const Buffer bytes = content(number, size);
    BOOST_OUTCOME_TRY(writer.commit(target.filename().string(), Bytes(bytes)));
    progress.stage = 0;
    progress.acknowledged = number;
  }
  return success();
}

}  // namespace

Result<void> write_plainly(const std::string& path, Bytes bytes, Progress& progress) {
  progress.stage = 1;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  progress.stage = 2;
  file.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
  progress.stage = 3;
  file.close();
  progress.stage = 0;
  if (file) return success();
  return Error{.kind = ErrorKind::system,
               .fate = Fate::unknown,
               .cause = {errno, std::generic_category()},
               .step = "write plainly",
               .path = path,
               .detail = {}};
}

Buffer content(std::uint64_t number, std::size_t size) {
  Buffer bytes(size);
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t value = word(number, at);
    std::memcpy(bytes.data() + at, &value, std::min(sizeof value, size - at));
  }
  return bytes;
}

Finding examine(const std::string& path, std::size_t size) {
  const auto found = read_file(path);
  if (!found) return {Finding::Kind::missing, 0};
  const Buffer& bytes = found.value().bytes;
  if (bytes.size() != size) return {Finding::Kind::torn, 0};
  // The first word of content n is n times an odd constant: multiply by its inverse.
  std::uint64_t first = 0;
  std::memcpy(&first, bytes.data(), sizeof first);
  std::uint64_t inverse = 1;
  for (int step = 0; step < 6; ++step) inverse *= 2 - word(1, 0) * inverse;
  const std::uint64_t number = first * inverse;
  if (bytes != content(number, size)) return {Finding::Kind::torn, 0};
  return {Finding::Kind::intact, number};
}

const Writer& plain_writer() noexcept {
  static const Writer writer{"a plain writer (std::ofstream)", plain_stages, run_plain, examine};
  return writer;
}

const Writer& perdure_writer() noexcept {
  static const Writer writer{"a perdure writer", Observe::stages, run_perdure, examine};
  return writer;
}

}  // namespace perdure::demo
