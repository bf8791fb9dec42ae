// SPDX-License-Identifier: BSL-1.0
// A download that goes on where a crash ended it, and appears whole or not at all. The server is a
// file here, read in blocks.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>

namespace pd = perdure;
namespace fs = std::filesystem;

namespace app {

/// The part that is known to be on the disk. The file may have more: that is downloaded again.
struct Progress {
  std::string source;
  std::uint64_t size = 0;  ///< Bytes of the part that are durable.
};
BOOST_DESCRIBE_STRUCT(Progress, (), (source, size))

constexpr std::size_t block_size = 64 << 10;
constexpr int blocks_for_each_save = 8;

class Download {
 public:
  Download(std::string source, std::string target)
      : source_(std::move(source)), target_(std::move(target)), part_("." + target_ + ".part") {}

  /// `blocks_max`: the power fails after so many, to show what is left.
  pd::Result<bool> run(int blocks_max) {
    BOOST_OUTCOME_TRY(auto progress, pd::StateTracker<Progress>::open("." + target_ + ".json"));
    const std::uint64_t begin = resume_at(*progress.state());
    std::cout << "from byte " << begin << '\n';
    std::ifstream in(source_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(begin));
    std::fstream out(part_, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(begin));
    std::string block(block_size, '\0');
    std::uint64_t size = begin;
    for (int blocks = 0; in.read(block.data(), block_size), in.gcount() > 0;) {
      if (blocks == blocks_max) return false;
      out.write(block.data(), in.gcount()).flush();
      size += static_cast<std::uint64_t>(in.gcount());
      if (++blocks % blocks_for_each_save != 0) continue;
      BOOST_OUTCOME_TRY(note(progress, size));
    }
    out.close();
    // Synced, given its name, and the name synced: until then nobody sees a part of it.
    BOOST_OUTCOME_TRY(pd::AtomicFile::adopt(target_, part_));
    BOOST_OUTCOME_TRY(progress.update([](Progress& p) { p = {}; }));
    return true;
  }

 private:
  /// The part file has at least what the state says, or it is another file.
  [[nodiscard]] std::uint64_t resume_at(const Progress& known) const {
    const bool same =
        known.source == source_ && fs::exists(part_) && fs::file_size(part_) >= known.size;
    if (!same) std::ofstream(part_, std::ios::trunc | std::ios::binary);
    return same ? known.size : 0;
  }

  /// The bytes first, then the state that speaks of them.
  pd::Result<void> note(pd::StateTracker<Progress>& progress, std::uint64_t size) {
    auto& files = pd::native_file_system();
    const auto opened = files.open_file(pd::Handle::working_directory, part_);
    if (!opened) return pd::Error::system(opened.error(), "open the part");
    const pd::OwnedHandle file(files, opened.value());
    const auto synced = files.sync_data(file.get());
    if (!synced) return pd::Error::system(synced.error(), "sync the part");
    return progress.update([&](Progress& p) { p = {source_, size}; });
  }

  std::string source_;
  std::string target_;
  std::string part_;
};

}  // namespace app

int main() {
  std::ofstream("server", std::ios::binary) << std::string(3 << 20, 'x') << "the end";
  app::Download download("server", "video.bin");
  const auto cut = download.run(20);
  if (!cut || cut.value() || fs::exists("video.bin")) return 1;
  const auto whole = download.run(1 << 20);
  if (!whole) std::cerr << whole.error() << '\n';
  const bool same = whole && fs::file_size("video.bin") == fs::file_size("server");
  std::cout << (same ? "video.bin is whole\n" : "video.bin is not whole\n");
  return same ? 0 : 1;
}
