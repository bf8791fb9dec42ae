// SPDX-License-Identifier: BSL-1.0
// Forks the parts, passes signals on, and gathers their output.
#include "host/parts.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/child.hpp"

namespace crashlab {
namespace {

constexpr int passed_on[] = {SIGINT, SIGTERM, SIGHUP};

sigset_t awaited() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : passed_on) sigaddset(&set, number);
  sigaddset(&set, SIGCHLD);
  return set;
}

struct Part {
  pid_t pid = -1;
  UniqueFd out;
};

Part start(std::size_t number, const sigset_t& before,
           const std::function<int(std::size_t, const UniqueFd&)>& work) {
  Part part;
  part.out.reset(must(::memfd_create("crashlab-part", MFD_CLOEXEC), "memfd_create"));
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  part.pid = must(::fork(), "fork");
  if (part.pid != 0) return part;
  // In a group of its own: Ctrl-C reaches it once, by way of its parent.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  int status = 2;
  try {
    if (::getppid() == parent) status = work(number, part.out);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crashlab: %s\n", error.what());
  }
  std::fflush(nullptr);
  ::_exit(status);
}

std::string content_of(const UniqueFd& fd) {
  must(::lseek(fd.get(), 0, SEEK_SET), "read a part's report");
  std::string text;
  char block[16384];
  for (ssize_t count = 0; (count = ::read(fd.get(), block, sizeof block)) > 0;) {
    text.append(block, static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

Parts run_parts(std::size_t count,
                const std::function<int(std::size_t part, const UniqueFd& out)>& work) {
  const sigset_t set = awaited();
  sigset_t before;
  must(::sigprocmask(SIG_BLOCK, &set, &before), "block signals");
  std::vector<Part> parts;
  for (std::size_t number = 0; number < count; ++number) {
    parts.push_back(start(number, before, work));
  }
  Parts found;
  for (std::size_t left = count; left > 0;) {
    const int number = ::sigwaitinfo(&set, nullptr);
    if (number < 0 && errno != EINTR) fail_errno("await parts");
    for (Part& part : parts) {
      if (part.pid < 0) continue;
      if (number != SIGCHLD && number > 0) ::kill(part.pid, number);
      int status = 0;
      if (::waitpid(part.pid, &status, WNOHANG) != part.pid) continue;
      part.pid = -1;
      --left;
      const int code = exit_code_of(status);
      if (found.status == 0) found.status = code;
      if (code == 0) continue;
      for (const Part& other : parts) {  // their findings would not be the whole
        if (other.pid > 0) ::kill(other.pid, SIGTERM);
      }
    }
  }
  for (const Part& part : parts) found.reports.push_back(content_of(part.out));
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return found;
}

}  // namespace crashlab
