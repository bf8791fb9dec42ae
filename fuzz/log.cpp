// SPDX-License-Identifier: BSL-1.0
// A log is found in a root whose holder died with two records in it: decision by decision some of
// its bytes are others, blocks have changed places, and digests may have been mended.
#include <map>
#include <stdexcept>
#include <string>

#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "base/checksum.hpp"
#include "fuzz.hpp"
#include "log/log_format.hpp"
#include "proof/transaction_workloads.hpp"
#include "testing/simulator/simulation_access.hpp"

namespace perdure::fuzz {

namespace {

using testing::SimulatedFileSystem;

const std::string root_path = "/r";
const std::string log_path = "r/.perdure/log";
constexpr std::uint64_t segment_size = 8192;

RootOptions options_of(SimulatedFileSystem& disk, Environment& environment) {
  RootOptions options;
  options.segment_size = segment_size;
  options.lock_timeout_ms = std::chrono::milliseconds(20);
  options.system = {&disk, &environment};
  return options;
}

/// The root of a holder that was killed.
const testing::Disk& prepared() {
  static const testing::Disk disk = [] {
    SimulatedFileSystem files(testing::presets::ext4);
    testing::ManualEnvironment environment(7);
    testing::Session session({&files, &environment}, files);
    test::prepare_root(session);
    {
      auto root = Root::open(root_path, options_of(files, environment));
      require_done(root, "the root opens");
      require_done(root.value().put("d/a", std::string_view("first")), "it commits");
      require_done(root.value().put("d/b", std::string_view("second")), "it commits again");
      files.kill();
    }
    files.sync_all();
    return testing::SimulationAccess::of(files).disk.fork();
  }();
  return disk;
}

std::uint64_t number_at(const std::string& log, std::uint64_t offset) {
  const Bytes field = as_bytes(log).subspan(static_cast<std::size_t>(offset), 8);
  return from_little_endian<std::uint64_t>(field);
}

/// The digest at the end of what a header or a record says that it covers, as if it had been
/// written so.
void mend(std::string& log, std::uint64_t block) {
  constexpr std::uint64_t key_offset = 8 + 4 + 6 * 8 + sizeof(Checksum::Digest);
  const std::size_t begin = static_cast<std::size_t>(block * log_block);
  const bool header = block < header_blocks;
  const std::uint64_t size =
      header ? key_offset + 8 : number_at(log, begin + 32) - sizeof(Checksum::Digest);
  if (size > log.size() - begin || log.size() - begin - size < sizeof(Checksum::Digest)) return;
  const Bytes covered = as_bytes(log).subspan(begin, static_cast<std::size_t>(size));
  const std::uint64_t key = number_at(log, header_offset(1) + key_offset);
  const auto digest = header ? Checksum::of(covered) : Checksum::of(key, covered);
  const auto text = as_text(digest);
  log.replace(begin + static_cast<std::size_t>(size), text.size(), text);
}

void change(std::string& log, InputBytes& input) {
  const std::uint64_t blocks = log.size() / log_block;
  const std::uint64_t block = input.below(static_cast<std::size_t>(blocks));
  const auto at = static_cast<std::size_t>(block * log_block);
  switch (input.below(4)) {
    case 0: {  // another byte, mostly where there is something
      const std::size_t offset = at + input.below(512);
      log[offset] = static_cast<char>(log[offset] ^ static_cast<char>(input.number()));
      break;
    }
    case 1: {  // another block's bytes
      const std::size_t from = input.below(static_cast<std::size_t>(blocks)) * log_block;
      log.replace(at, log_block, std::string(log, from, log_block));
      break;
    }
    case 2:  // a torn block
      log.replace(at + input.below(4096), 1, std::string());
      log.resize(static_cast<std::size_t>(blocks * log_block));
      break;
    default:
      mend(log, block);
  }
}

/// All but the paths of the records, and what is the root's own.
std::map<std::string, std::string> others(const SimulatedFileSystem& disk) {
  std::map<std::string, std::string> files;
  for (const std::string& path : disk.paths()) {
    const auto content = disk.content(path);
    const bool named = path == "r/d/a" || path == "r/d/b" || path.starts_with("r/.perdure/");
    if (content && !named) files[path] = *content;
  }
  return files;
}

void check(InputBytes input) {
  const auto disk = testing::SimulationAccess::make(prepared());
  testing::ManualEnvironment environment(11);
  std::string log = disk->content(log_path).value();
  for (std::size_t count = input.below(8); count > 0; --count) change(log, input);
  if (input.below(16) == 1) log.resize(log.size() - 1 - input.below(5000));
  // In place, so that it stays the file that its headers name.
  const OwnedHandle directory(
      *disk, disk->open_directory(Handle::working_directory, "/r/.perdure").value());
  const OwnedHandle file(*disk, disk->open_lock(directory.get(), "log").value());
  (void)disk->write_at(file.get(), 0, as_bytes(log));
  disk->sync_all();

  TransactionOptions options;
  options.system = {disk.get(), &environment};
  options.lock_timeout_ms = std::chrono::milliseconds(20);
  const auto before = others(*disk);
  const std::uint64_t print = disk->fingerprint();
  (void)inspect(root_path, options);
  require(disk->fingerprint() == print, "looking changes nothing");
  const auto recovered = recover(root_path, options);
  require(others(*disk) == before, "a recovery touches nothing that no record names");
  if (recovered) {
    const auto again = recover(root_path, options);
    require(again.has_value() && !again.value().journal, "a second recovery finds nothing to do");
  } else {
    require(recovered.error().fate == Fate::committed, "a recovery that fails changes nothing");
    require_done(abandon(root_path, options), "a root can be given up");
  }
  auto root = Root::open(root_path, options_of(*disk, environment));
  require_done(root, "the root can be used again");
  require_done(root.value().put("new", std::string_view("new")), "the root can be committed to");
  require_done(root.value().close(), "the root can be closed");
  require(disk->content("r/new") == "new", "the new file is there");
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
