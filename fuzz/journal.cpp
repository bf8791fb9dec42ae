// SPDX-License-Identifier: BSL-1.0
// A journal is found in a root in which a transaction died after its commit point: a byte that says
// what else is there, then the journal, as bytes or (structured) decision by decision.
#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>

#include <perdure/testing/manual_environment.hpp>

#include "base/checksum.hpp"
#include "engine/names.hpp"
#include "fuzz.hpp"
#include "proof/transaction_workloads.hpp"
#include "testing/simulator/simulation_access.hpp"
#include "transaction/journal_format.hpp"

namespace perdure::fuzz {

namespace {

using testing::SimulatedFileSystem;

const std::string root = "/r";
const std::string place = "r/.perdure/";

/// The root, with the journal that the transaction left.
const testing::Disk& prepared() {
  static const testing::Disk disk = [] {
    SimulatedFileSystem files(testing::presets::ext4);
    testing::ManualEnvironment environment(7);
    testing::Session session({&files, &environment}, files);
    test::prepare_root(session);
    test::leave_committed(session, testing::Operation::link, 1);
    files.sync_all();
    return testing::SimulationAccess::of(files).disk.fork();
  }();
  return disk;
}

const Journal& real_journal() {
  static const Journal journal = [] {
    const auto disk = testing::SimulationAccess::make(prepared());
    return decode_journal(as_bytes(disk->content(place + "j").value())).value();
  }();
  return journal;
}

/// The checksum as it would be, had the rest been written so.
void mend(Buffer& file) {
  if (file.size() < sizeof(Checksum::Digest)) return;
  const std::size_t size = file.size() - sizeof(Checksum::Digest);
  std::ranges::copy(Checksum::of(Bytes(file).first(size)),
                    file.begin() + static_cast<std::ptrdiff_t>(size));
}

Version version_of(SimulatedFileSystem& disk, const std::string& path) {
  const OwnedHandle top(disk, disk.open_directory(Handle::working_directory, "/").value());
  const auto slash = path.rfind('/');
  const auto parent = disk.open_beneath(top.get(), path.substr(0, slash));
  if (!parent) return {};
  const OwnedHandle directory(disk, parent.value());
  const auto status = disk.stat_at(directory.get(), path.substr(slash + 1));
  return status ? status.value().version : Version{};
}

/// An entry about paths that are there, are not there, or must not be named.
JournalEntry entry_of(InputBytes& input, SimulatedFileSystem& disk) {
  if (input.below(3) == 0) return input.one_of(real_journal().entries);
  JournalEntry entry;
  entry.action =
      input.one_of(std::array{JournalAction::put, JournalAction::remove,
                              JournalAction::make_directory, JournalAction::remove_directory});
  const std::size_t length = input.below(16);
  entry.path = input.one_of(std::array<std::string, 14>{
      "d/a", "d/b", "e/b", "f", "f/a", "notes", "d", "e", "x/y", "d/a/b", ".perdure/x",
      ".perdure-root", "../outside", std::string(input.text(length))});
  if (input.flag()) {
    entry.before = before_of(version_of(disk, "r/" + entry.path));
    if (input.below(8) == 0) entry.before->identity.inode ^= input.number();
    if (input.below(8) == 0) entry.before->mtime_ns += input.number<std::int8_t>();
    entry.changes_type = !removes(entry.action) && input.below(3) == 1;
  }
  entry.mode = input.below(16) == 0 ? input.number<std::uint32_t>() : 0755;
  entry.staged = input.below(3);
  const std::string staged = place + names::staged_of(real_journal().id, entry.staged);
  const Version there = version_of(disk, staged);
  entry.staged_identity = identity_of(there);
  entry.staged_size = there.size;
  entry.staged_mtime_ns = there.mtime_ns;
  testing::ManualEnvironment environment(input.number());
  const bool older = input.below(4) == 0;  // programs that gave it a plain temp's name
  entry.apply_temp =
      (older ? names::make_temp("a", environment) : names::make_apply_temp("a", environment))
          .value();
  if (input.below(16) == 0) entry.apply_temp = "../" + entry.apply_temp;
  return entry;
}

Buffer structured(InputBytes& input, SimulatedFileSystem& disk) {
  Journal journal{.id = real_journal().id, .entries = {}};
  if (input.below(8) == 0) journal.id = input.text(16);
  if (input.flag()) journal.format = 1;
  if (journal.format == journal_format) {
    journal.directories = real_journal().directories;
    journal.private_directory = real_journal().private_directory;
    if (input.below(4) == 0) journal.directories.front().identity.inode ^= input.number();
  }
  for (std::size_t count = input.below(5); count > 0; --count) {
    journal.entries.push_back(entry_of(input, disk));
  }
  const bool removal = std::ranges::any_of(journal.entries, [](const JournalEntry& entry) {
    return entry.action == JournalAction::remove_directory;
  });
  if (removal && input.below(8) != 0) journal.format = removal_journal_format;
  const bool change = std::ranges::any_of(journal.entries, &JournalEntry::changes_type);
  if (change && input.below(8) != 0) journal.format = type_change_journal_format;
  if (journal.format >= 3 && input.below(4) == 1) ++journal.private_directory.inode;  // a copy
  return encode_journal(journal);
}

/// The tree outside the private directory, by path.
std::map<std::string, std::string> files_of(const SimulatedFileSystem& disk) {
  std::map<std::string, std::string> files;
  for (const std::string& path : disk.paths()) {
    const auto content = disk.content(path);
    if (content && !path.starts_with(place)) files[path] = *content;
  }
  return files;
}

/// Nothing happens but to the paths that an intact journal names.
void check_others(const std::map<std::string, std::string>& before, const SimulatedFileSystem& disk,
                  const std::optional<Journal>& journal) {
  auto after = files_of(disk);
  auto expected = before;
  if (journal) {
    for (const JournalEntry& entry : journal->entries) {
      const std::string path = "r/" + entry.path;
      const auto directory = path.substr(0, path.rfind('/') + 1);
      for (const std::string& mine : {path, directory + entry.apply_temp}) {
        after.erase(mine);
        expected.erase(mine);
      }
    }
  }
  require(after == expected, "a recovery touches nothing that no journal names");
}

/// After a recovery that succeeded all is at rest; after one that did not, a person can go on.
void check_end(SimulatedFileSystem& disk, const TransactionOptions& options,
               const Result<RecoveryReport>& recovered) {
  if (recovered) {
    const auto again = recover(root, options);
    require(again.has_value() && !again.value().journal && again.value().discarded == 0,
            "a second recovery finds nothing to do");
    for (const std::string& path : disk.paths()) {
      require(!path.starts_with(place + "s_") && !path.starts_with(place + "j"),
              "a recovery leaves no litter");
    }
  } else {
    require(recovered.error().fate == Fate::committed || recovered.error().fate == Fate::unchanged,
            "a recovery that fails leaves it as it was");
    const auto given_up = abandon(root, options);
    require_done(given_up, "a root can be given up");
  }
  auto transaction = Transaction::begin(root, options);
  require_done(transaction, "the root can be used again");
  require(transaction.value().put("new", std::string_view("new")).has_value() &&
              transaction.value().commit().has_value() && disk.content("r/new") == "new",
          "the root can be committed to");
}

void check(InputBytes input) {
  const std::uint8_t flags = input.number();
  const auto disk = testing::SimulationAccess::make(prepared());
  testing::ManualEnvironment environment(11);
  Buffer file = (flags & 1U) != 0 ? structured(input, *disk)
                                  : Buffer(input.rest().begin(), input.rest().end());
  if ((flags & 2U) != 0) mend(file);
  const auto decoded = decode_journal(file);
  std::optional<Journal> journal;
  if (decoded) {
    journal = decoded.value();
    require(encode_journal(*journal) == file, "a journal has one form");
  }
  constexpr std::array<const char*, 4> journal_names{"j", "j.copy", "j.tmp", "j"};
  disk->put(place + journal_names.at(flags >> 2U & 3U), as_text(file), 0600);
  if ((flags & 16U) != 0) disk->put("r/d/a", "changed by somebody else");
  if ((flags & 32U) != 0) {
    disk->put(place + names::staged_of(real_journal().id, 0), "another file", 0600);
  }
  if ((flags & 64U) != 0) disk->put("r/.perdure-root", as_text(file));
  TransactionOptions options;
  options.system = {disk.get(), &environment};
  options.lock_timeout_ms = std::chrono::milliseconds(20);

  const auto before = files_of(*disk);
  const std::uint64_t print = disk->fingerprint();
  const auto seen = inspect(root, options);
  require(disk->fingerprint() == print, "looking changes nothing");
  // The one that was there before counts too, unless it was written over.
  const bool replaced = (flags >> 2U & 3U) == 0 || (flags >> 2U & 3U) == 3;
  if (!replaced) {
    if (!journal) journal.emplace();
    const auto& mine = real_journal().entries;
    journal->entries.insert(journal->entries.end(), mine.begin(), mine.end());
  }
  const auto recovered = recover(root, options);
  check_others(before, *disk, journal);
  if (seen && recovered && recovered.value().journal) {
    require(seen.value().journal && seen.value().paths.size() == recovered.value().paths.size(),
            "what was announced is what is done");
  }
  if ((flags & 64U) == 0) check_end(*disk, options, recovered);
  require(disk->handles_open() == 0, "nothing is left open");
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
