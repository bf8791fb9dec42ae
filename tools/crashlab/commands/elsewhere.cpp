// SPDX-License-Identifier: BSL-1.0
// Hands a command to a laboratory in a guest, and its results to the caller.
#include "commands/elsewhere.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <sys/stat.h>

#include "host/guest.hpp"
#include "host/posix.hpp"
#include "host/run_dir.hpp"

namespace crashlab {
namespace {

namespace fs = std::filesystem;

/// In the guest, which has a /run of its own.
const std::vector<std::string> state_dir_there{"--state-dir", "/run/laboratory"};

/// A run's directory with the signs in it; removed however the work ends.
class OwnRunDir {
 public:
  explicit OwnRunDir(const std::string& state_dir) : dir_(state_dir) {
    must(::mkdir(signs().c_str(), 0700), "make " + signs());
  }
  ~OwnRunDir() {
    std::error_code error;
    fs::remove_all(signs(), error);
    dir_.clean();
  }
  OwnRunDir(const OwnRunDir&) = delete;
  OwnRunDir& operator=(const OwnRunDir&) = delete;

  std::string signs() const { return dir_.file("signs"); }

 private:
  RunDir dir_;
};

void add(std::vector<std::string>& words, const std::vector<std::string>& more) {
  // Inserted before the user's own command.
  words.insert(std::find(words.begin(), words.end(), "--"), more.begin(), more.end());
}

GuestRun guest_run(const std::string& kernel, std::vector<std::string> words,
                   const OwnRunDir& own) {
  GuestRun run;
  run.kernel = kernel;
  run.words = without_guest(std::move(words));
  run.signs = own.signs();
  add(run.words, {"--signs", run.signs});
  return run;
}

/// Violations are written directly to their place on this machine, so that they outlive a guest
/// that dies.
std::string shared_keep(const std::string& keep) {
  const std::string absolute = fs::absolute(keep).string();
  if (::mkdir(absolute.c_str(), 0700) != 0 && errno != EEXIST) fail_errno("make " + absolute);
  return absolute;
}

}  // namespace

int run_elsewhere(const RunOptions& options, const std::vector<std::string>& words) {
  const OwnRunDir own(options.state_dir);
  GuestRun run = guest_run(options.guest, words, own);
  run.stall_max_s = options.stall_max_s;
  run.progress = !options.quiet;
  const std::string keep = shared_keep(options.keep);
  run.shared.push_back(keep);
  add(run.words, state_dir_there);
  add(run.words, {"--keep", keep});
  const std::string report = own.signs() + "/report";
  if (!options.json.empty()) add(run.words, {"--json", report});
  const int status = run_in_guest(run);
  if (!options.json.empty() && fs::exists(report)) write_file(options.json, read_file(report));
  return status;
}

int mount_elsewhere(const KeptOptions& options, const std::vector<std::string>& words) {
  if (options.command.empty()) {
    throw Failure("a guest has no terminal: name a command behind --, which runs there");
  }
  const OwnRunDir own(options.state_dir);
  GuestRun run = guest_run(options.guest, words, own);
  const std::string keep = shared_keep(options.keep);
  run.shared.push_back(keep);
  add(run.words, state_dir_there);
  add(run.words, {"--keep", keep});
  run.stall_max_s = std::numeric_limits<double>::infinity();
  return run_in_guest(run);
}

int probe_elsewhere(const std::string& kernel, const std::vector<std::string>& words) {
  const OwnRunDir own(default_state_dir());
  return run_in_guest(guest_run(kernel, words, own));
}

}  // namespace crashlab
