// SPDX-License-Identifier: BSL-1.0
#include "streams.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string_view>

#include <perdure/atomic_file.hpp>
#include <perdure/system/file_system.hpp>

namespace commits {
namespace {

/// Written as any program does, and synced by nobody.
void write_plainly(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) std::exit(3);
}

perdure::WriteOptions options_of(ProtocolChoice protocol) {
  perdure::WriteOptions options;
  options.protocol = protocol;
  return options;
}

template <ProtocolChoice protocol>
void commit_adopted(int version) {
  const std::string written = root() + "/.file.part";
  write_plainly(written, versions::content(version, size));
  must(perdure::AtomicFile::adopt(root() + "/file", written, options_of(protocol),
                                  system_of_files()),
       "adopt");
}

// The blocks in the middle come from another file, which file systems may share. A part of them is
// wrong there, and is written over.
template <ProtocolChoice protocol>
void commit_streamed(int version) {
  constexpr std::size_t block = 4096;
  constexpr std::size_t wrong = block + 1000;
  constexpr std::size_t wrong_size = 500;
  constexpr std::size_t tail = 2 * block + 1000;
  const std::string content = versions::content(version, size);
  const std::string_view text = content;
  std::string source = content;
  source.replace(wrong, wrong_size, std::string(wrong_size, '?'));
  write_plainly(root() + "/source", source);

  const auto at = [&](std::size_t from, std::size_t count) {
    return perdure::as_bytes(text.substr(from, count));
  };
  auto created =
      perdure::AtomicFile::create(root() + "/file", options_of(protocol), system_of_files());
  must(created, "create");
  auto& file = created.value();
  must(file.write(at(0, block)), "write");
  const int opened = versions::must(::open((root() + "/source").c_str(), O_RDONLY), "open");
  while (file.size() < 2 * block) {
    const auto copied = file.append_from(static_cast<perdure::Handle>(opened), file.size(),
                                         2 * block - file.size());
    must(copied, "append from another file");
    if (copied.value() == 0) std::exit(3);
  }
  ::close(opened);
  must(file.write_at(wrong, at(wrong, wrong_size)), "write at");
  must(file.write_at(tail, at(tail, size - tail)), "write at");
  must(file.write_at(2 * block, at(2 * block, tail - 2 * block)), "write at");
  must(file.commit(), "commit");
}

}  // namespace

Workloads stream_workloads() {
  return {
      {"adopted", {commit_adopted<ProtocolChoice::portable>, judge_durable}},
      {"automatic_adopted", {commit_adopted<ProtocolChoice::automatic>, judge_durable}},
      {"streamed", {commit_streamed<ProtocolChoice::portable>, judge_durable}},
      {"automatic_streamed", {commit_streamed<ProtocolChoice::automatic>, judge_durable}},
  };
}

}  // namespace commits
