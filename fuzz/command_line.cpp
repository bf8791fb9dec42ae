// SPDX-License-Identifier: BSL-1.0
// A command line, an argument a line, given to the program as it is: on a simulated disk, so that
// nothing can be harmed. With --json the program prints JSON, and no exception leaves it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>

#include <perdure/envelope.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "fuzz.hpp"
#include "proof/transaction_workloads.hpp"
#include "testing/simulator/simulation_access.hpp"

/// The program's own, renamed when main.cpp is compiled for this target.
int perdure_main(int argc, char** argv);

namespace perdure {

namespace fuzz {
namespace {

std::unique_ptr<testing::SimulatedFileSystem> disk;
std::unique_ptr<testing::ManualEnvironment> environment;

}  // namespace
}  // namespace fuzz

// In the place of those of the library: whoever is linked first counts.
FileSystem& native_file_system() noexcept {
  return *fuzz::disk;
}
Environment& native_environment() noexcept {
  return *fuzz::environment;
}

namespace fuzz {
namespace {

/// A root with a transaction to be finished ("r"), tracked states (intact, damaged, in an
/// envelope), a file, and a tree to publish.
const testing::Disk& prepared() {
  static const testing::Disk made = [] {
    disk = std::make_unique<testing::SimulatedFileSystem>(testing::presets::ext4);
    environment = std::make_unique<testing::ManualEnvironment>(7);
    testing::Session session(native_system(), *disk);
    test::prepare_root(session);
    test::leave_committed(session, testing::Operation::link, 1);
    disk->put("file", "content\n");
    {
      auto tracker = StateTracker<boost::json::object>::open("state");
      tracker.value().update([](auto& state) { state["list"] = {1, 2}; }).value();
      tracker.value().update([](auto& state) { state["limit"] = 8; }).value();
    }
    disk->make_directories("new/sub");
    disk->put("new/a", "a");
    disk->put("new/sub/b", "b");
    disk->put("damaged", "{");
    disk->put(".damaged.1.perdure-prev", disk->content("state").value());
    using Boxed = Envelope<Json<boost::json::object>>;
    auto boxed = StateTracker<boost::json::object, Boxed>::open("boxed");
    for (int i : {1, 2}) boxed.value().update([&](auto& state) { state["count"] = i; }).value();
    disk->sync_all();
    return testing::SimulationAccess::of(*disk).disk.fork();
  }();
  return made;
}

/// The little that is read from the real disk: sources of content. A directory of our own with a
/// file, and standard input.
void enter_directory() {
  static const bool done = [] {
    char directory[] = "/tmp/perdure-fuzz-XXXXXX";
    require(::mkdtemp(directory) != nullptr && ::chdir(directory) == 0, "there is a directory");
    static const std::filesystem::path mine = directory;
    std::atexit([] { std::filesystem::remove_all(mine); });
    std::ofstream("source") << "source";
    const int input = ::memfd_create("input", 0);
    require(::write(input, "input", 5) == 5 && ::dup2(input, STDIN_FILENO) >= 0, "there is input");
    ::close(input);
    return true;
  }();
  require(done && ::lseek(STDIN_FILENO, 0, SEEK_SET) == 0, "the input can be read again");
}

std::vector<std::string> arguments_of(std::string_view text) {
  std::vector<std::string> arguments;
  constexpr std::size_t count_max = 24;
  while (!text.empty() && arguments.size() < count_max) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string argument(text.substr(0, end));
    argument.erase(std::min(argument.find('\0'), argument.size()));
    arguments.push_back(std::move(argument));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return arguments;
}

/// Sources are real files: no argument may lead out of our directory. Commands of a state have
/// none.
bool is_harmless(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "state") return true;
  return std::ranges::all_of(arguments, [](const std::string& argument) {
    return argument.find("/dev") == std::string::npos && argument.find("..") == std::string::npos &&
           !argument.starts_with('/') && argument.find("=/") == std::string::npos;
  });
}

/// Runs the program, with what it prints in `out` and `err`.
int run(std::vector<std::string> arguments, std::ostringstream& out, std::ostringstream& err) {
  arguments.insert(arguments.begin(), "perdure");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  auto* const stdout_buffer = std::cout.rdbuf(out.rdbuf());
  auto* const stderr_buffer = std::cerr.rdbuf(err.rdbuf());
  const int status = perdure_main(static_cast<int>(arguments.size()), pointers.data());
  std::cout.rdbuf(stdout_buffer);
  std::cerr.rdbuf(stderr_buffer);
  return status;
}

/// Every path and what it holds.
std::map<std::string, std::string> contents(testing::SimulatedFileSystem& from) {
  std::map<std::string, std::string> all;
  for (const std::string& path : from.paths()) all[path] = from.content(path).value_or("");
  return all;
}

/// The tree once the transaction in "r" is finished. The next opening of that root finishes it.
const std::map<std::string, std::string>& recovered() {
  static const auto all = [] {
    disk = testing::SimulationAccess::make(prepared());
    require_done(recover("r"), "the root can be recovered");
    return contents(*disk);
  }();
  return all;
}

void check(std::string_view text) {
  const auto arguments = arguments_of(text);
  if (!is_harmless(arguments)) return;
  const testing::Disk& start = prepared();
  enter_directory();
  (void)recovered();
  disk = testing::SimulationAccess::make(start);
  environment = std::make_unique<testing::ManualEnvironment>(11);
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(arguments, out, err);
  require(status >= 0 && status <= 5, "the status is one of those that the help names");
  require(!err.str().ends_with(": look at the target, what became of it is not known\n"),
          "no exception escapes");
  require(disk->handles_open() == 0, "nothing is left open");
  if (status == 2) {
    const bool same = disk->fingerprint() == testing::SimulationAccess::make(start)->fingerprint();
    require(same || contents(*disk) == recovered(),
            "a wrong command line touches nothing, but opening a root recovers it");
  }
  const bool helps = std::ranges::any_of(arguments, [](const std::string& argument) {
    return argument == "--version" || argument.starts_with("--help") || argument.starts_with("-");
  });
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  if (json && !helps && !out.str().empty()) {
    boost::system::error_code code;
    boost::json::parse(out.str(), code);
    require(!code, "what is printed with --json is JSON");
  }
}

}  // namespace
}  // namespace fuzz
}  // namespace perdure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
