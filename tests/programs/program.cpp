// SPDX-License-Identifier: BSL-1.0
#include "program.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <spawn.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "support/catch.hpp"

namespace perdure::test {

namespace fs = std::filesystem;

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

/// PATH with the program that was built in front.
std::vector<std::string> surroundings() {
  const std::string path = fs::path(PERDURE_PROGRAM).parent_path().string();
  std::vector<std::string> all = {"PATH=" + path + ":" + std::getenv("PATH"), "LC_ALL=C",
                                  "HOME=/nonexistent"};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"}) {
    if (const char* value = std::getenv(name)) all.push_back(std::string(name) + "=" + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

TempDirectory::TempDirectory() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr ? base : "/var/tmp") + "/perdure-test.XXXXXX";
  check(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TempDirectory::put(const std::string& leaf, const std::string& content) const {
  std::ofstream(path_ + "/" + leaf, std::ios::binary) << content << std::flush;
}

std::string TempDirectory::get(const std::string& leaf) const {
  constexpr std::size_t readable = 4096;
  const auto content = content_of(path_ + "/" + leaf);
  if (!content) return "(none)";
  if (content->size() > readable) return "(" + std::to_string(content->size()) + " bytes)";
  return *content;
}

bool TempDirectory::holds(const std::string& leaf, const std::string& content) const {
  return content_of(path_ + "/" + leaf) == content;
}

std::vector<std::string> TempDirectory::names() const {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".perdure-lock") == std::string::npos) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

boost::json::object Outcome::json() const {
  if (out.empty() || out.back() != '\n' || out.find('\n') != out.size() - 1) {
    throw std::runtime_error("not one line: " + out);
  }
  return boost::json::parse(out.substr(0, out.size() - 1)).as_object();
}

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
  if (arguments.front() == "perdure") arguments.front() = PERDURE_PROGRAM;
  std::vector<std::string> environment = surroundings();
  const int error = ::posix_spawnp(&process_, arguments.front().c_str(), &actions, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (start.input_descriptor < 0) ::close(in);
  check(error == 0, arguments.front().c_str(), error);
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
  return Program(start).wait();
}

Outcome command(const TempDirectory& directory, std::vector<std::string> arguments,
                std::string input) {
  arguments.insert(arguments.begin(), "perdure");
  return run({.arguments = std::move(arguments),
              .input = std::move(input),
              .directory = directory.path()});
}

Outcome bash(const TempDirectory& directory, const std::string& script) {
  return run({.arguments = {"bash", "-c", script}, .input = {}, .directory = directory.path()});
}

bool strace_works(const TempDirectory& directory) {
  const auto tried = run({.arguments = {"strace", "-o", "/dev/null", "true"},
                          .input = {},
                          .directory = directory.path()});
  if (tried.status == 0) return true;
  skip("strace can't trace here: " + tried.err);
  return false;
}

Outcome traced(const TempDirectory& directory, const std::vector<std::string>& strace_options,
               const std::vector<std::string>& arguments, std::string input) {
  // The leak checker of the address sanitizer can't work below a tracer.
  std::vector<std::string> all = {"strace", "-o", "/dev/null", "-E", "ASAN_OPTIONS=detect_leaks=0"};
  all.insert(all.end(), strace_options.begin(), strace_options.end());
  all.emplace_back(PERDURE_PROGRAM);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run({.arguments = all, .input = std::move(input), .directory = directory.path()});
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
