// SPDX-License-Identifier: BSL-1.0
#include "support/program.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace perdure::test {
namespace {

void check(bool good, const char* what, int code = errno) {
  if (!good) throw std::system_error(code, std::generic_category(), what);
}

int anonymous_file(const std::string& content) {
  const int file = ::memfd_create("perdure-test", MFD_CLOEXEC);
  check(file >= 0, "memfd_create");
  check(::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
        "write");
  check(::lseek(file, 0, SEEK_SET) == 0, "lseek");
  return file;
}

std::string take_content(int& file) {
  std::string content;
  char block[4096];
  ssize_t count = 0;
  off_t offset = 0;
  while ((count = ::pread(file, block, sizeof block, offset)) > 0) {
    content.append(block, static_cast<std::size_t>(count));
    offset += count;
  }
  ::close(std::exchange(file, -1));
  return content;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Program::Program(const Start& start) {
  out_ = anonymous_file({});
  err_ = anonymous_file({});
  int in = start.input_descriptor;
  if (in < 0) in = anonymous_file(start.input);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  if (!start.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, start.directory.c_str());
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> arguments = start.arguments;
  std::vector<std::string> environment = start.environment;
  const int error = ::posix_spawnp(&process_, arguments.front().c_str(), &actions, &attributes,
                                   pointers(arguments).data(),
                                   environment.empty() ? environ : pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (start.input_descriptor < 0) ::close(in);
  if (error == 0) return;
  process_ = -1;
  ::close(out_);
  ::close(err_);
  throw std::system_error(error, std::generic_category(), arguments.front());
}

Program::~Program() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  (void)wait();
}

void Program::send(int signal) const {
  check(::kill(process_, signal) == 0, "kill");
}

void Program::wait_stopped() const {
  int status = 0;
  check(::waitpid(process_, &status, WUNTRACED) == process_ && WIFSTOPPED(status), "waitpid");
}

Outcome Program::wait() {
  int status = 0;
  rusage usage{};
  pid_t ended = 0;
  do {
    ended = ::wait4(process_, &status, 0, &usage);
  } while (ended < 0 && errno == EINTR);
  check(ended == process_, "wait4");
  process_ = -1;
  Outcome outcome;
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = take_content(out_);
  outcome.err = take_content(err_);
  outcome.resident_max = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return outcome;
}

Outcome run(const Start& start) {
  try {
    return Program(start).wait();
  } catch (const std::system_error& thrown) {
    Outcome outcome;
    outcome.status = 127;
    outcome.err = thrown.what();
    return outcome;
  }
}

Outcome run(std::vector<std::string> arguments) {
  Start start;
  start.arguments = std::move(arguments);
  return run(start);
}

Pipe::Pipe() {
  check(::pipe2(ends_, O_CLOEXEC) == 0, "pipe2");
}

Pipe::~Pipe() {
  close_reader();
  close_writer();
}

void Pipe::close_reader() {
  if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
}

void Pipe::close_writer() {
  if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
}

void Pipe::feed(std::size_t size) const {
  const std::string block(64 * 1024, 'n');
  while (size > 0) {
    const ssize_t count = ::write(ends_[1], block.data(), std::min(size, block.size()));
    check(count > 0, "write");
    size -= static_cast<std::size_t>(count);
  }
}

}  // namespace perdure::test
