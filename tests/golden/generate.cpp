// SPDX-License-Identifier: BSL-1.0
// Makes a set of golden files with this version of the library: golden_generator NEW_FOLDER
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "golden.hpp"
#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/sample.hpp"

using namespace perdure;
using namespace perdure::test;  // NOLINT(google-build-using-namespace)
using golden::Count;
using golden::CountTracker;
using golden::EnvelopedTracker;
using golden::ListTracker;
using golden::TextTracker;
using testing::FaultyFileSystem;
using testing::Operation;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result.value());
}

/// Everything from `call` on fails; 0 for nothing.
struct Death {
  std::uint64_t call = 0;
};

TransactionOptions options_for(const golden::RootCase& one, FileSystem& files,
                               testing::ManualEnvironment& environment) {
  TransactionOptions options;
  options.private_directory = one.private_directory;
  options.protocol = one.protocol;
  options.system = {&files, &environment};
  return options;
}

/// The calls of one program that works on a root, of which those from `death` on fail.
std::vector<testing::Call> run(const golden::RootCase& one, const fs::path& folder, Death death,
                               bool recovery) {
  FileSystem& native = native_file_system();
  Claiming ext4(good_ext4());
  golden::Relocated relocated(one.protocol == ProtocolChoice::fast ? ext4 : native,
                              folder.native());
  FaultyFileSystem faulty(relocated);
  if (death.call != 0) {
    faulty.fail(
        {.operation = {}, .call = death.call, .error = EIO, .from_then_on = true, .count = {}});
  }
  testing::ManualEnvironment environment(recovery ? 2 : 1);
  const TransactionOptions options = options_for(one, faulty, environment);
  const Path root(golden::anchor + "/root");
  if (recovery) {
    (void)recover(root, options);
  } else if (auto begun = Transaction::begin(root, options)) {
    if (Sample::stage(begun.value())) (void)begun.value().commit();
  }
  return faulty.log();
}

/// The call to die at: the one after the rename to `name`, or the n-th link after it; without a
/// name, that rename of the journal.
std::uint64_t death_in(const std::vector<testing::Call>& log, const std::string& name,
                       std::uint64_t links) {
  bool renamed = false;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const bool rename = log[i].operation == Operation::rename;
    if (name.empty() && rename && log[i].name == "j") return i + 1;
    if (renamed && (links == 0 || (log[i].operation == Operation::link && ++seen == links))) {
      return i + 1;
    }
    if (rename && log[i].name == name && !name.empty()) renamed = true;
  }
  throw std::runtime_error("no call to die at after '" + name + "'");
}

void prepare(const fs::path& folder) {
  fs::create_directories(folder / "root");
  fs::create_directory(folder / "private");
  fs::permissions(folder / "private", fs::owner_all);
  Sample::prepare(folder / "root");
}

/// One line for each path: what it is, its inode, birth and modification in ns, its mode.
void describe(const fs::path& folder) {
  FileSystem& files = native_file_system();
  std::map<std::string, std::string> lines;
  for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry) {
    if (entry->path().extension() == ".perdure-lock") continue;
    const auto parent =
        files.open_directory(Handle::working_directory, entry->path().parent_path().native());
    if (!parent) throw std::runtime_error("can't open " + entry->path().native());
    const OwnedHandle owned(files, parent.value());
    const auto status = files.stat_at(owned.get(), entry->path().filename().native());
    if (!status) throw std::runtime_error("can't look at " + entry->path().native());
    const Version& version = status.value().version;
    const std::string path = entry->path().lexically_relative(folder).native();
    lines[path] = std::string(status.value().type == FileType::directory ? "d " : "f ") +
                  std::to_string(version.inode) + " " + std::to_string(version.birth_ns) + " " +
                  std::to_string(version.mtime_ns) + " " + std::to_string(status.value().mode) +
                  " " + path + "\n";
  }
  std::ofstream out((folder / "paths.txt").native());
  for (const auto& [path, line] : lines) out << line;
}

void make_root(const golden::RootCase& one, const fs::path& folder) {
  const auto rehearse = [&](Death first, bool recovery) {
    const TempDirectory other(folder.parent_path());
    prepare(other.path());
    auto log = run(one, other.path(), first, false);
    return recovery ? run(one, other.path(), {}, true) : log;
  };
  const Death death{death_in(rehearse({}, false), one.killed_after, one.links)};
  prepare(folder);
  run(one, folder, death, false);
  if (!one.recovery_killed.empty()) {
    const auto log = rehearse(death, true);
    run(one, folder, {death_in(log, one.recovery_killed, 0)}, true);
  }
  describe(folder);
}

void make_states(const fs::path& folder) {
  fs::create_directories(folder);
  testing::ManualEnvironment environment(3);
  TrackerOptions options;
  options.system.environment = &environment;
  options.previous_max = 2;
  const auto at = [&](const char* leaf) { return Path((folder / leaf).native()); };
  const auto add = [](Count& count) {
    ++count.value;
    count.notes.push_back("note " + std::to_string(count.value));
  };
  auto count = must(CountTracker::open(at("count.json"), options));
  for (int i = 0; i < 3; ++i) must(count.update(add));
  auto list = must(ListTracker::open(at("list.json"), options));
  must(list.update([](std::vector<std::string>& all) { all = {"one", "two \"quoted\""}; }));
  auto schema = must(CountTracker::open(at("schema.json"), options, {}, {},
                                        Migrations<Json<Count>>(golden::schema_version)));
  must(schema.update(add));
  spit(folder / "unstamped.json", golden::unknown_members);
  spit(folder / "unknown.json", golden::unknown_members);
  auto unknown = must(CountTracker::open(at("unknown.json"), options));
  must(unknown.update(add));
  auto text = must(TextTracker::open(at("text.envelope"), options, {}, {},
                                     Migrations<Envelope<Text>>(golden::schema_version)));
  must(text.update([](std::string& content) { content = "first"; }));
  must(text.update([](std::string& content) { content = "second"; }));
  auto enveloped = must(EnvelopedTracker::open(at("count.envelope"), options));
  must(enveloped.update(add));
  { must(must(CountTracker::open(at("lost.json"), options)).update(add)); }
  spit(folder / "lost.json", "{\"generation\": 5, dama");
  auto lost = must(CountTracker::open(at("lost.json"), options));
  must(lost.update(add));
  Buffer plain;
  BufferSink sink(plain);
  must(Envelope<Text>{}.serialize("no stamp", sink));
  spit(folder / "unstamped.envelope", as_text(plain));
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2 || !fs::create_directory(arguments[1])) {
    std::fprintf(stderr, "usage: golden_generator NEW_FOLDER\n");
    return 2;
  }
  const fs::path top = fs::absolute(arguments[1]);
  for (const auto& one : golden::root_cases()) {
    fs::create_directories(top / "roots" / one.name);
    make_root(one, top / "roots" / one.name);
  }
  make_states(top / "states");
  std::vector<fs::path> locks;  // empty files that stay, and that nobody has to read
  for (fs::recursive_directory_iterator entry(top), end; entry != end; ++entry) {
    if (entry->path().extension() == ".perdure-lock") locks.push_back(entry->path());
  }
  for (const auto& lock : locks) fs::remove(lock);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "golden_generator: %s\n", error.what());
  return 1;
}
