// SPDX-License-Identifier: BSL-1.0
// Answers the requests of the FUSE file, and those of the laboratory.
#include "disk/disk_server.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <linux/falloc.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

namespace crashlab {

/// The FUSE requests that a loop device needs; all others are refused by libfuse (ENOSYS).
struct Requests {
  static constexpr fuse_ino_t disk = 2;
  static constexpr fuse_ino_t cached_disk = 3;  // the same, by way of the kernel's page cache
  static constexpr double forever = 1e9;

  static DiskServer& server(fuse_req_t request) {
    return *static_cast<DiskServer*>(fuse_req_userdata(request));
  }

  static struct stat attributes(const DiskServer& server, fuse_ino_t inode) {
    struct stat status {};
    status.st_ino = inode;
    const bool is_file = inode == disk || inode == cached_disk;
    status.st_mode = is_file ? S_IFREG | 0600U : S_IFDIR | 0700U;
    status.st_nlink = is_file ? 1 : 2;
    if (is_file) status.st_size = static_cast<off_t>(server.pages_.size());
    return status;
  }

  static bool inside(const DiskServer& server, off_t offset, std::size_t length) {
    const std::size_t size = server.pages_.size();
    return offset >= 0 && static_cast<std::size_t>(offset) <= size &&
           length <= size - static_cast<std::size_t>(offset);
  }

  static void init(void* /*server*/, fuse_conn_info* connection) {
    connection->max_write = 1U << 20U;
    connection->max_background = 1024;  // so many writes can be in flight
    connection->congestion_threshold = 1024;
    connection->want &=
        ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                               FUSE_CAP_AUTO_INVAL_DATA);  // the kernel would ask before each read
    connection->want |= connection->capable & static_cast<unsigned>(FUSE_CAP_ASYNC_DIO);
  }

  static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    DiskServer& self = server(request);
    const bool is_disk = self.options_.file_name == name;
    if (parent != FUSE_ROOT_ID || (!is_disk && self.options_.file_name + cached_suffix != name)) {
      fuse_reply_err(request, ENOENT);
      return;
    }
    fuse_entry_param entry{};
    entry.ino = is_disk ? disk : cached_disk;
    entry.attr = attributes(self, entry.ino);
    entry.attr_timeout = forever;
    entry.entry_timeout = forever;
    fuse_reply_entry(request, &entry);
  }

  static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info* /*file*/) {
    const struct stat status = attributes(server(request), inode);
    fuse_reply_attr(request, &status, forever);
  }

  static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    if (inode != disk && inode != cached_disk) {
      fuse_reply_err(request, EISDIR);
      return;
    }
    file->direct_io = inode == disk ? 1 : 0;
    file->keep_cache = inode == disk ? 0 : 1;
    fuse_reply_open(request, file);
  }

  static void read(fuse_req_t request, fuse_ino_t /*inode*/, std::size_t size, off_t offset,
                   fuse_file_info* /*file*/) {
    DiskServer& self = server(request);
    if (offset < 0 || static_cast<std::size_t>(offset) >= self.pages_.size()) {
      fuse_reply_buf(request, nullptr, 0);
      return;
    }
    const auto at = static_cast<std::size_t>(offset);
    const auto bytes = self.pages_.bytes().subspan(at, std::min(size, self.pages_.size() - at));
    if (self.medium_.read_fails(at, bytes.size())) {
      fuse_reply_err(request, EIO);
      return;
    }
    if (self.medium_.rots(at, bytes.size())) {
      std::vector<std::byte> rotten(bytes.begin(), bytes.end());
      self.medium_.rot(at, rotten);
      fuse_reply_buf(request, reinterpret_cast<const char*>(rotten.data()), rotten.size());
      return;
    }
    fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  static void write(fuse_req_t request, fuse_ino_t /*inode*/, const char* buffer, std::size_t size,
                    off_t offset, fuse_file_info* /*file*/) {
    DiskServer& self = server(request);
    if (!inside(self, offset, size)) {
      fuse_reply_err(request, ENOSPC);
      return;
    }
    const std::span data(reinterpret_cast<const std::byte*>(buffer), size);
    if (self.spoiled(request, static_cast<std::uint64_t>(offset), size, data)) return;
    self.pages_.write(static_cast<std::size_t>(offset), data);
    self.answer_later(request, self.recorder_.write(static_cast<std::uint64_t>(offset), data), size,
                      self.options_.write_latency_us);
  }

  static void fsync(fuse_req_t request, fuse_ino_t inode, int /*datasync*/,
                    fuse_file_info* /*file*/) {
    DiskServer& self = server(request);
    if (inode == cached_disk) {  // all is here already; the kernel asks no more (fs/fuse/file.c)
      fuse_reply_err(request, ENOSYS);
      return;
    }
    if (self.medium_.flush_fails()) {
      self.answer_later(request, {}, 0, self.options_.flush_latency_us, EIO);
      return;
    }
    self.answer_later(request, self.recorder_.flush(), 0, self.options_.flush_latency_us);
  }

  static void fallocate(fuse_req_t request, fuse_ino_t /*inode*/, int mode, off_t offset,
                        off_t length, fuse_file_info* /*file*/) {
    DiskServer& self = server(request);
    const bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
    if (!zeroes || length < 0 || !inside(self, offset, static_cast<std::size_t>(length))) {
      fuse_reply_err(request, EOPNOTSUPP);
      return;
    }
    const auto at = static_cast<std::size_t>(offset);
    const auto count = static_cast<std::size_t>(length);
    if (self.spoiled(request, at, count, {})) return;
    if (self.options_.replaying) {
      self.pages_.zero(at, count);
    } else {
      self.pages_.zero_marked(at, count);
    }
    self.answer_later(request, self.recorder_.zeros(at, count), 0, self.options_.write_latency_us);
  }
};

DiskServer::DiskServer(Pages& pages, const DeviceOptions& options, const Wires& wires)
    : pages_(pages),
      options_(options),
      wires_(wires),
      medium_(options.faults, pages.size(), options.fault_seed,
              [this](Fault::Kind kind, std::uint64_t offset, std::uint64_t length) {
                recorder_.strike(kind, offset, length);
              }),
      session_(nullptr, fuse_session_destroy) {
  if (options_.replaying) {
    medium_.cut_power();
    medium_.arm();
  }
  // When this process asks for memory, the kernel must not wait for a write-back that waits for
  // this process.
  ::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  if (!options_.ack_socket.empty()) {
    acks_.emplace(listen_for_acks(options_.ack_socket), [this](std::string text) {
      const bool recorded = recorder_.recording();
      recorder_.ack(std::move(text));
      return recorded;
    });
  }

  fuse_lowlevel_ops operations{};
  operations.init = Requests::init;
  operations.lookup = Requests::lookup;
  operations.getattr = Requests::getattr;
  operations.open = Requests::open;
  operations.read = Requests::read;
  operations.write = Requests::write;
  operations.fsync = Requests::fsync;
  operations.fallocate = Requests::fallocate;
  char name[] = "crashlab";
  char* arguments[] = {name, nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  session_.reset(fuse_session_new(&args, &operations, sizeof operations, this));
  fuse_opt_free_args(&args);
  const std::string mounted = "/dev/fd/" + std::to_string(wires_.fuse);
  if (!session_ || fuse_session_mount(session_.get(), mounted.c_str()) != 0) {
    throw Failure("libfuse doesn't take a mounted /dev/fuse");
  }
}

DiskServer::~DiskServer() {
  std::free(buffer_.mem);
}

void DiskServer::run() {
  std::vector<pollfd> polls;
  while (fuse_session_exited(session_.get()) == 0) {
    if (begin_wanted_ && due_.empty()) {
      recorder_.begin(pages_);
      medium_.arm();
      begin_wanted_ = false;
      ::send(wires_.control, "k", 1, MSG_NOSIGNAL);
    }
    polls.assign({{mounted_ ? fuse_session_fd(session_.get()) : -1, POLLIN, 0},
                  {wires_.control, POLLIN, 0}});
    if (acks_) acks_->add_polls(polls);
    timespec timeout{};
    const auto left = time_left();
    if (left) {
      timeout.tv_sec = left->count() / 1'000'000'000;
      timeout.tv_nsec = left->count() % 1'000'000'000;
    }
    const int ready = ::ppoll(polls.data(), polls.size(), left ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) fail_errno("poll");
    answer_due();
    if (ready <= 0) continue;
    if (polls[0].revents != 0) take_request();
    if (acks_) acks_->serve(polls, 2);
    if (polls[1].revents != 0 && !take_command()) return;
  }
}

std::optional<std::chrono::nanoseconds> DiskServer::time_left() const {
  if (due_.empty()) return std::nullopt;
  return std::max(std::chrono::nanoseconds(0),
                  std::chrono::nanoseconds(due_.top().at - Clock::now()));
}

void DiskServer::answer_later(fuse_req_t request, Recorder::Ticket ticket, std::size_t written,
                              std::uint32_t latency_us, int error) {
  const bool slow = latency_us > 0 && (options_.always_slow || recorder_.recording());
  const Due due{Clock::now() + std::chrono::microseconds(latency_us),
                ++order_,
                request,
                ticket,
                written,
                error};
  if (slow) {
    due_.push(due);
  } else {
    answer(due);
  }
}

void DiskServer::answer(const Due& due) {
  recorder_.answered(due.ticket);
  if (due.error == 0 && due.written > 0) {
    fuse_reply_write(due.request, due.written);
  } else {
    fuse_reply_err(due.request, due.error);
  }
}

bool DiskServer::spoiled(fuse_req_t request, std::uint64_t offset, std::uint64_t length,
                         std::span<const std::byte> data) {
  using Kind = Medium::WriteFate::Kind;
  const Medium::WriteFate fate = medium_.write(offset, length);
  if (fate.kind == Kind::done) return false;
  Recorder::Ticket ticket;
  if (fate.kind == Kind::failed && fate.maybe_there && !data.empty()) {
    recorder_.failed_write(offset, data);
  }
  if (fate.kind == Kind::misdirected && !data.empty()) {
    pages_.write(fate.offset, data);
    ticket = recorder_.write(fate.offset, data);
  }
  answer_later(request, ticket, data.size(), options_.write_latency_us,
               fate.kind == Kind::failed ? EIO : 0);
  return true;
}

void DiskServer::answer_due() {
  while (!due_.empty() && due_.top().at <= Clock::now()) {
    const Due due = due_.top();
    due_.pop();
    answer(due);
  }
}

void DiskServer::take_request() {
  const int count = fuse_session_receive_buf(session_.get(), &buffer_);
  if (count > 0) fuse_session_process_buf(session_.get(), &buffer_);
}

bool DiskServer::take_command() {
  std::string command(command_max, '\0');
  const ssize_t length = ::recv(wires_.control, command.data(), command.size(), 0);
  if (length < 1) return false;
  switch (command[0]) {
    case 'b':
      begin_wanted_ = true;
      return true;
    case 'm':
      mounted_ = true;
      break;
    case 'd':
      medium_.die();
      break;
    case 'p':
      place(std::string_view(command).substr(1, static_cast<std::size_t>(length) - 1));
      break;
    case 'e':
      finish_recording();
      break;
    default:
      break;
  }
  return ::send(wires_.control, "k", 1, MSG_NOSIGNAL) == 1;
}

void DiskServer::place(std::string_view numbers) {
  const auto next = [&numbers] {
    std::uint64_t number = 0;
    std::memcpy(&number, numbers.data(), sizeof number);
    numbers.remove_prefix(sizeof number);
    return number;
  };
  const std::uint64_t index = next();
  std::vector<Range> ranges;
  while (numbers.size() >= 2 * sizeof(std::uint64_t)) {
    const std::uint64_t from = next();
    ranges.push_back({from, next()});
  }
  medium_.place(index, std::move(ranges));
}

void DiskServer::finish_recording() {
  // A request that is still under way is answered now; in the recording it stays unanswered.
  const Recording recording = recorder_.end();
  while (!due_.empty()) {
    answer(due_.top());
    due_.pop();
  }
  options_.replaying = true;
  medium_.cut_power();
  recording.save(wires_.recording);
}

}  // namespace crashlab
