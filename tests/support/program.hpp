// SPDX-License-Identifier: BSL-1.0
// Starts programs and looks at what they did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace perdure::test {

/// How a program ended and what it said.
struct Outcome {
  int status = -1;  ///< Exit status; 127 where `run` could not start it, -1 if a signal ended it.
  int signal = 0;
  std::string out;
  std::string err;
  std::uint64_t resident_max = 0;  ///< Bytes: the most memory that it held at any time.

  /// Standard output, then standard error.
  [[nodiscard]] std::string said() const { return out + err; }
};

/// The program to start, and how. The program is looked up in PATH.
struct Start {
  std::vector<std::string> arguments;
  std::string input = {};                     ///< Standard input, as a file.
  int input_descriptor = -1;                  ///< Standard input instead; stays the caller's.
  std::string directory = {};                 ///< Where it runs; empty: here.
  std::vector<std::string> environment = {};  ///< "NAME=value"; empty: ours.
};

/// A program that runs. Killed if nobody waited for it.
class Program {
 public:
  /// Throws std::system_error where it can't be started.
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

/// Starts it and waits. A program that can't be started has the status 127, as in a shell.
Outcome run(const Start& start);
Outcome run(std::vector<std::string> arguments);

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
