// SPDX-License-Identifier: BSL-1.0
// Starts programs and looks at what they did, for tests from outside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include <boost/json/object.hpp>

namespace perdure::test {

/// A directory of its own on a real disk (TMPDIR, otherwise /var/tmp); removed with all in it.
class TempDirectory {
 public:
  TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& leaf) const { return path_ + "/" + leaf; }
  void put(const std::string& leaf, const std::string& content) const;
  /// The content of a file, without perdure's help; "(none)" if there is no such file, and
  /// "(200000 bytes)" for one that nobody wants to read in a failed test's report.
  [[nodiscard]] std::string get(const std::string& leaf) const;
  /// Whether it is exactly this, whatever its size.
  [[nodiscard]] bool holds(const std::string& leaf, const std::string& content) const;
  /// Every name in it, sorted, but not the lock files: those stay by design.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::string path_;
};

/// How a program ended and what it said.
struct Outcome {
  int status = -1;  ///< Exit status; -1 if a signal ended it.
  int signal = 0;
  std::string out;
  std::string err;
  std::uint64_t resident_max = 0;  ///< Bytes: the most memory that it held at any time.

  /// Standard output as the one JSON object that it has to be.
  [[nodiscard]] boost::json::object json() const;
};

/// What to start, and how. The program is looked up in PATH; `perdure` is the one that was built.
struct Start {
  std::vector<std::string> arguments;
  std::string input;          ///< Standard input, as a file.
  int input_descriptor = -1;  ///< Standard input instead; stays the caller's.
  std::string directory;      ///< Where it runs; empty: here.
};

/// A program that runs. Killed if nobody waited for it.
class Program {
 public:
  explicit Program(const Start& start);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  void send(int signal) const;
  /// Waits until it was stopped by SIGSTOP.
  void wait_stopped() const;
  Outcome wait();

 private:
  pid_t process_ = -1;
  int out_ = -1;
  int err_ = -1;
};

/// Starts it and waits.
Outcome run(const Start& start);
/// `perdure ARGUMENTS...`, run in `directory`.
Outcome command(const TempDirectory& directory, std::vector<std::string> arguments,
                std::string input = {});
/// A script of bash's, run in `directory`, with `perdure` in its PATH.
Outcome bash(const TempDirectory& directory, const std::string& script);

/// False, and the test reported as skipped, where strace can't be used: without ptrace, or below
/// another tracer.
bool strace_works(const TempDirectory& directory);
/// `perdure ARGUMENTS...` below strace with its options, which make system calls fail, say.
Outcome traced(const TempDirectory& directory, const std::vector<std::string>& strace_options,
               const std::vector<std::string>& arguments, std::string input = {});

/// The two ends of a pipe.
class Pipe {
 public:
  Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe();

  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_reader();
  void close_writer();
  /// Returns once so many bytes are in the pipe or read from it.
  void feed(std::size_t size) const;

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace perdure::test
