// SPDX-License-Identifier: BSL-1.0
// A download that goes on where a crash ended it, and appears whole or not at all. The server is a
// file here, read in blocks.
#include <cerrno>
#include <cstdio>
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
    BOOST_OUTCOME_TRY(const std::uint64_t begin, resume_at(*progress.state()));
    std::cout << "from byte " << begin << '\n';
    std::ifstream in(source_, std::ios::binary);
    if (!in.seekg(static_cast<std::streamoff>(begin))) return failed("open the source");
    std::fstream out(part_, std::ios::in | std::ios::out | std::ios::binary);
    if (!out.seekp(static_cast<std::streamoff>(begin))) return failed("open the part");
    std::string block(block_size, '\0');
    std::uint64_t size = begin;
    for (int blocks = 0; in.read(block.data(), block_size), in.gcount() > 0;) {
      if (blocks == blocks_max) return false;
      if (!out.write(block.data(), in.gcount()).flush()) return failed("write the part");
      size += static_cast<std::uint64_t>(in.gcount());
      if (++blocks % blocks_for_each_save != 0) continue;
      BOOST_OUTCOME_TRY(note(progress, size));
    }
    if (in.bad()) return failed("read the source");
    out.close();
    // Synced, given its name, and the name synced: until then nobody sees a part of it.
    BOOST_OUTCOME_TRY(pd::AtomicFile::adopt(target_, part_));
    BOOST_OUTCOME_TRY(progress.update([](Progress& p) { p = {}; }));
    return true;
  }

 private:
  /// Of a stream, which tells by errno alone why it failed.
  static pd::Error failed(const char* step) {
    return pd::Error::system({errno, std::generic_category()}, step);
  }

  /// The part file has at least what the state says, or it is another file.
  [[nodiscard]] pd::Result<std::uint64_t> resume_at(const Progress& known) const {
    std::error_code missing;
    const std::uint64_t there = fs::file_size(part_, missing);
    if (!missing && known.source == source_ && there >= known.size) return known.size;
    if (!std::ofstream(part_, std::ios::trunc | std::ios::binary)) return failed("make the part");
    return std::uint64_t{0};
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
  const std::string content = std::string(3 << 20, 'x') + "the end";
  if (!(std::ofstream("server", std::ios::binary) << content).flush()) {
    return std::perror("server"), 1;
  }
  app::Download download("server", "video.bin");
  const auto cut = download.run(20);
  if (!cut) return std::cerr << cut.error() << '\n', 1;
  std::error_code error;
  if (cut.value() || fs::exists("video.bin", error)) return 1;  // nobody sees a part of it
  const auto whole = download.run(1 << 20);
  if (!whole) return std::cerr << whole.error() << '\n', 1;
  const auto video = pd::read_file("video.bin");
  if (!video) return std::cerr << video.error() << '\n', 1;
  const bool same = whole.value() && pd::as_text(video.value().bytes) == content;
  std::cout << (same ? "video.bin is whole\n" : "video.bin is not whole\n");
  return same ? 0 : 1;
}
