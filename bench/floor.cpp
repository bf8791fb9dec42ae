// SPDX-License-Identifier: BSL-1.0
// The floor: a commit with no checks, no policy, no random name and no words for errors. The limit:
// one write into a file that has its space already, and the sync that makes it durable.
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "saver.hpp"

namespace perdure::bench {
namespace {

/// An open descriptor.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }
  bool close() { return descriptor_ < 0 || ::close(std::exchange(descriptor_, -1)) == 0; }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(file, content.data(), content.size());
    if (put <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool await_content(int file) {
  return ::sync_file_range(
             file, 0, 0,
             SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0;
}

/// Which system calls stand around the rename; `preserving` is `portable` with those that it takes
/// to see that metadata is kept, where it is equal already.
enum class Order { none, ordered, portable, preserving, fast };

class BareCalls final : public Saver {
 public:
  BareCalls(const std::string& directory, Order order)
      : path_(directory),
        directory_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        order_(order) {}

  bool save(const std::string& name, const std::string& content) override {
    return stream(name, content, content.size());
  }

  bool stream(const std::string& name, const std::string& content, std::size_t block) override {
    std::string temp;
    struct statx status {};
    std::array<char, 512> attributes{};
    if (order_ == Order::preserving) {
      ::statx(directory_.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status);
      ::llistxattr((path_ + "/" + name).c_str(), attributes.data(), attributes.size());
    }
    Descriptor file = make_temp(name, temp);
    for (std::size_t at = 0; at < content.size(); at += block) {
      if (!write_all(file.get(), std::string_view(content).substr(at, block))) return false;
    }
    if (order_ == Order::preserving) {
      ::statx(file.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
      ::flistxattr(file.get(), attributes.data(), attributes.size());
    }
    return secure_content(file.get()) && rename(temp, name) && secure_name(file.get()) &&
           file.close();
  }

  /// A batch shares all that it can: the last sync.
  bool save_all(const Batch& batch) override {
    std::vector<Descriptor> files;
    std::vector<std::string> temps(batch.count);
    for (unsigned i = 0; i < batch.count; ++i) {
      files.push_back(make_temp(batch.name(i), temps[i]));
      if (!write_all(files.back().get(), *batch.content)) return false;
      ::sync_file_range(files.back().get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    for (const auto& file : files) {
      if (!secure_content(file.get())) return false;
    }
    for (unsigned i = 0; i < batch.count; ++i) {
      if (!rename(temps[i], batch.name(i))) return false;
    }
    return secure_name(files.back().get());
  }

 private:
  Descriptor make_temp(const std::string& name, std::string& temp) {
    temp = name + "." + std::to_string(++count_);
    return Descriptor(::openat(directory_.get(), temp.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  }
  [[nodiscard]] bool rename(const std::string& temp, const std::string& name) const {
    return ::renameat(directory_.get(), temp.c_str(), directory_.get(), name.c_str()) == 0;
  }
  [[nodiscard]] bool secure_content(int file) const {
    if (order_ == Order::none) return true;
    return order_ == Order::fast ? await_content(file) : ::fsync(file) == 0;
  }
  [[nodiscard]] bool secure_name(int file) const {
    if (order_ == Order::fast) return ::fsync(file) == 0;
    const bool durable = order_ == Order::portable || order_ == Order::preserving;
    return !durable || ::fsync(directory_.get()) == 0;
  }

  std::string path_;
  Descriptor directory_;
  Order order_;
  unsigned count_ = 0;
};

/// Overwrites in place, always the same file.
class InPlace final : public Saver {
 public:
  explicit InPlace(const std::string& directory)
      : file_(::open((directory + "/limit").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {}

  bool save(const std::string& /*name*/, const std::string& content) override {
    return write_at(0, content) && ::fdatasync(file_.get()) == 0;
  }
  bool save_all(const Batch& batch) override {
    for (unsigned i = 0; i < batch.count; ++i) {
      if (!write_at(i * batch.content->size(), *batch.content)) return false;
    }
    return ::fdatasync(file_.get()) == 0;
  }

 private:
  [[nodiscard]] bool write_at(std::size_t offset, const std::string& content) const {
    return ::pwrite(file_.get(), content.data(), content.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(content.size());
  }

  Descriptor file_;
};

}  // namespace

void add_floor(Ways& ways) {
  const auto add = [&](std::string name, Order order, std::string_view reached, std::string note) {
    const bool shares = order == Order::portable || order == Order::fast;
    ways.push_back({.name = std::move(name),
                    .kind = Kind::floor,
                    .reached = std::string(reached),
                    .note = std::move(note),
                    .together = shares ? "each" : "",
                    .streams = shares,
                    .open = opener<BareCalls>(order)});
  };
  add("floor", Order::portable, Reached::durable,
      "openat, write, fsync, renameat, fsync of the directory, close");
  add("floor preserving", Order::preserving, Reached::durable,
      "the same, and what looks at the metadata: statx and llistxattr, statx and flistxattr");
  add("floor fast", Order::fast, Reached::durable,
      "openat, write, sync_file_range, renameat, fsync of the file, close; not safe everywhere");
  add("floor ordered", Order::ordered, Reached::ordered, "openat, write, fsync, renameat, close");
  add("floor none", Order::none, Reached::none, "openat, write, renameat, close");
  ways.push_back({.name = "limit",
                  .kind = Kind::limit,
                  .reached = std::string(Reached::durable),
                  .note = "pwrite into space that is there, fdatasync; a crash tears it",
                  .together = "each",
                  .open = opener<InPlace>()});
}

}  // namespace perdure::bench
