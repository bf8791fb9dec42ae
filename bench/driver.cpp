// SPDX-License-Identifier: BSL-1.0
// Peers of other languages: a program for each, which saves and times itself, so that neither its
// start nor the pipe to it is counted. It works in the directory that it is started in, says who it
// is in one line, NAME REACHED NOTE..., and then answers each line with one of its own:
//
//     save NAME SIZE               one file                            -> nanoseconds
//     many PREFIX COUNT SIZE       files PREFIX0, PREFIX1, ...         -> nanoseconds
//     state RECORDS                change one member, save all of it   -> nanoseconds
//     load RECORDS                 load that                           -> nanoseconds
//
// It answers "no" to what it can't do. It makes what it needs before it looks at its clock. At the
// end of its input it ends.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include "saver.hpp"

namespace perdure::bench {
namespace {

/// A program with a pipe to and from it.
class Process {
 public:
  Process(const std::string& program, const std::string& directory) {
    int to[2];
    int from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipe");
    }
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      if (::chdir(directory.c_str()) == 0) ::execl(program.c_str(), program.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = ::fdopen(to[1], "w");
    from_ = ::fdopen(from[0], "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    std::fclose(to_);
    std::fclose(from_);
    ::waitpid(process_, nullptr, 0);
  }

  /// The next line that it says; empty at its end.
  std::string hear() {
    std::string line;
    for (int c = 0; (c = std::fgetc(from_)) != EOF && c != '\n';) line += static_cast<char>(c);
    return line;
  }
  std::string ask(const std::string& line) {
    std::fprintf(to_, "%s\n", line.c_str());
    std::fflush(to_);
    return hear();
  }

 private:
  pid_t process_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

class Driver final : public Saver {
 public:
  Driver(const std::string& directory, const std::string& program) : process_(program, directory) {
    if (process_.hear().empty()) throw std::runtime_error(program + " does not start");
  }

  bool save(const std::string& name, const std::string& content) override {
    return ask("save " + name + " " + std::to_string(content.size()));
  }
  bool save_all(const Batch& batch) override {
    return ask("many " + batch.prefix + " " + std::to_string(batch.count) + " " +
               std::to_string(batch.content->size()));
  }
  bool save_state(unsigned records) override { return ask("state " + std::to_string(records)); }
  bool load_state(unsigned records) override { return ask("load " + std::to_string(records)); }
  std::optional<double> own_time_s() override { return own_time_s_; }

 private:
  bool ask(const std::string& line) {
    std::istringstream answer(process_.ask(line));
    double nanoseconds = 0;
    if (!(answer >> nanoseconds)) return false;
    own_time_s_ = nanoseconds / 1e9;
    return true;
  }

  Process process_;
  double own_time_s_ = 0;
};

}  // namespace

void add_drivers(Ways& ways, const std::string& directory, const std::string& only) {
  std::signal(SIGPIPE, SIG_IGN);  // one that died fails its next turn
  std::vector<std::string> programs;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const bool wanted = only.empty() || entry.path().filename() == only;
    if (wanted && ::access(entry.path().c_str(), X_OK) == 0 && entry.is_regular_file()) {
      programs.push_back(std::filesystem::absolute(entry.path()).string());
    }
  }
  std::sort(programs.begin(), programs.end());
  for (const auto& program : programs) {
    std::istringstream words(Process(program, "/").hear());
    Way way{.together = "each", .tracks = true, .open = opener<Driver>(program)};
    if (!(words >> way.name >> way.reached)) {
      std::cerr << program << " is left out: it does not start\n";
      continue;
    }
    std::getline(words >> std::ws, way.note);
    ways.push_back(std::move(way));
  }
}

}  // namespace perdure::bench
