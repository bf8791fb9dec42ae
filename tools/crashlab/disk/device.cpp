// SPDX-License-Identifier: BSL-1.0
// Starts the process that serves the disk, and talks to it.
#include "disk/device.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "disk/disk_server.hpp"

namespace crashlab {
namespace {

constexpr int answer_timeout_ms = 30000;
constexpr std::size_t answer_max = 1024;

/// The last process of a mount namespace unmounts everything when it dies, before its descriptors
/// are closed. If that were this process, it would wait for itself forever. So it gets a namespace
/// of its own, in which nothing is ever mounted.
void leave_mounts() {
  must(::unshare(CLONE_NEWNS), "a mount namespace of one's own");
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
}

[[noreturn]] void serve(Pages& pages, const DeviceOptions& options, const DiskServer::Wires& wires,
                        pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C is for the laboratory, which ends the disk in its turn
  ::signal(SIGTERM, SIG_IGN);
  try {
    leave_mounts();
    DiskServer server(pages, options, wires);
    server.run();
    ::_exit(0);
  } catch (const std::exception& error) {
    const std::string text = std::string("!") + error.what();
    ::send(wires.control, text.data(), std::min(text.size(), answer_max), MSG_NOSIGNAL);
    ::_exit(1);
  }
}

}  // namespace

Device::Device(Pages& pages, const DeviceOptions& options) : options_(options) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  control_.reset(ends[0]);
  UniqueFd theirs(ends[1]);
  recording_.reset(must(::memfd_create("crashlab-recording", MFD_CLOEXEC), "memfd_create"));
  UniqueFd fuse(must(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK),
                     "open /dev/fuse (FUSE is needed)"));
  const pid_t parent = ::getpid();
  pid_ = must(::fork(), "fork");
  if (pid_ == 0) {
    control_.reset();
    serve(pages, options_, {theirs.get(), recording_.get(), fuse.get()}, parent);
  }
  theirs.reset();
  ask("?");  // it has left our mounts: only now may there be one of the disk
  const std::string data = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(fuse.get());
  must(::mount("crashlab", options_.directory.c_str(), "fuse.crashlab", MS_NOSUID | MS_NODEV,
               data.c_str()),
       "mount FUSE at " + options_.directory);
  ask("m");
}

Device::~Device() {
  if (pid_ <= 0) return;
  ::umount2(options_.directory.c_str(), MNT_DETACH);
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void Device::must_live() const {
  pollfd poll{control_.get(), 0, 0};
  if (::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLERR)) != 0) {
    throw Failure("the process that serves the disk is gone");
  }
}

void Device::begin_recording() {
  ask("b");
}

void Device::place(std::size_t index, const std::vector<Range>& ranges) {
  std::string command = "p";
  const auto append = [&](std::uint64_t number) {
    command.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  append(index);
  for (const Range& range : ranges) {
    append(range.from);
    append(range.to);
  }
  if (command.size() > command_max) {
    throw Failure("a fault's file lies in too many places: take a smaller one");
  }
  ask(command);
}

void Device::die() {
  ask("d");
}

Recording Device::end_recording() {
  ask("e");
  must(::lseek(recording_.get(), 0, SEEK_SET), "rewind the recording");
  Recording recording = Recording::load(recording_.get());
  recording_.reset();
  return recording;
}

std::string Device::ask(std::string_view command) {
  if (::send(control_.get(), command.data(), command.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(command.size())) {
    throw Failure("the process that serves the disk is gone");
  }
  pollfd poll{control_.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&poll, 1, answer_timeout_ms)) < 0 && errno == EINTR) {
  }
  if (ready == 0) throw Failure("the process that serves the disk doesn't answer");
  std::string answer(answer_max, '\0');
  const ssize_t count = ::recv(control_.get(), answer.data(), answer.size(), 0);
  if (count <= 0) throw Failure("the process that serves the disk is gone");
  answer.resize(static_cast<std::size_t>(count));
  if (answer[0] == '!') throw Failure("the disk: " + answer.substr(1));
  return answer;
}

}  // namespace crashlab
