// SPDX-License-Identifier: BSL-1.0
// The simulated file system behaves as the real one: one script of random calls, run on both.
#include <array>
#include <cerrno>
#include <random>

#include <perdure/system/native.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"

namespace perdure::test {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

namespace {

/// Runs random calls and says, for each, what came of it: nothing in it may depend on the machine.
class Script {
 public:
  Script(FileSystem& files, const std::string& root, unsigned seed) : files_(files), random_(seed) {
    directories_ = {files.open_directory(Handle::working_directory, root).value()};
    (void)files.make_directory(directories_[0], "sub", 0755);
    directories_.push_back(files.open_directory(directories_[0], "sub").value());
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() {
    for (const Handle handle : handles_) (void)files_.close(handle);
    for (const Handle handle : directories_) (void)files_.close(handle);
  }

  std::string step() {
    const Handle directory = directories_[draw(2)];
    const Handle other = directories_[draw(2)];
    const std::string name = any_name();
    switch (draw(18)) {
      case 0:
      case 1:
        return keep("create " + name, files_.create(directory, name, 0640));
      case 2:
        return keep("open " + name, files_.open_file(directory, name));
      case 3:
        return said("unlink " + name, files_.unlink(directory, name));
      case 4:
      case 5: {
        const auto mode = static_cast<RenameMode>(draw(3));
        const std::string to = any_name();
        return said("rename " + name + " " + to + " " + std::to_string(static_cast<int>(mode)),
                    files_.rename(directory, name, other, to, mode));
      }
      case 6:
        return said("link", files_.link(directory, name, other, any_name()));
      case 7:
        return said("mkdir " + name, files_.make_directory(directory, name, 0755));
      case 8:
        return said("rmdir " + name, files_.remove_directory(directory, name));
      case 9:
        return status("stat " + name, files_.stat_at(directory, name));
      case 10:
        return listing(directory);
      case 11:
        return keep("lock " + name, files_.open_lock(directory, name));
      default:
        return handles_.empty() ? "" : on_handle(draw(handles_.size()));
    }
  }

 private:
  std::size_t draw(std::size_t below) { return random_() % below; }
  std::string any_name() {
    return std::array<std::string, 6>{"a", "b", "c", "d", "sub", std::string(256, 'x')}[draw(6)];
  }

  std::string on_handle(std::size_t index) {
    const Handle handle = handles_[index];
    const std::string text(draw(3) * 3000 + 1, static_cast<char>('a' + draw(26)));
    switch (draw(9)) {
      case 0: {
        const auto put = files_.write_at(handle, draw(5000), as_bytes(text));
        return put ? "wrote " + std::to_string(put.value()) : said("write", put);
      }
      case 1: {
        Buffer out(20000);
        const auto got = files_.read_at(handle, draw(5000), out);
        if (!got) return said("read", got);
        out.resize(got.value());
        return "read " + std::string(as_text(out));
      }
      case 2:
        return said("preallocate", files_.preallocate(handle, draw(9000)));
      case 3:
        return said("chmod", files_.set_mode(handle, static_cast<std::uint32_t>(draw(4096))));
      case 4:
        return said("sync", files_.sync_file(handle));
      case 5:
        return said("flock",
                    files_.try_lock(handle, draw(2) == 0 ? LockMode::shared : LockMode::exclusive));
      case 6: {
        const auto busy = files_.open_for_writing(handle);
        return busy ? "writers " + std::to_string(busy.value()) : said("writers", busy);
      }
      case 7:
        return status("fstat", files_.stat(handle));
      default:
        handles_.erase(handles_.begin() + static_cast<std::ptrdiff_t>(index));
        return said("close", files_.close(handle));
    }
  }

  template <class T>
  static std::string said(const std::string& what, const SysResult<T>& result) {
    return what + (result ? " done" : " errno " + std::to_string(result.error().value()));
  }
  std::string keep(const std::string& what, const SysResult<Handle>& handle) {
    if (handle) handles_.push_back(handle.value());
    return said(what, handle);
  }
  static std::string status(const std::string& what, const SysResult<Status>& status) {
    if (!status) return said(what, status);
    const Status& found = status.value();
    const bool sized = found.type == FileType::regular;
    return what + " " + std::to_string(static_cast<int>(found.type)) + " " +
           std::to_string(found.mode) + " " + (sized ? std::to_string(found.links) : "") + " " +
           (sized ? std::to_string(found.version.size) : "");
  }
  std::string listing(Handle directory) {
    auto entries = files_.list(directory);
    if (!entries) return said("list", entries);
    std::vector<std::string> names;
    for (const auto& entry : entries.value()) {
      names.push_back(entry.name + std::to_string(static_cast<int>(entry.type)));
    }
    std::sort(names.begin(), names.end());
    std::string text = "list";
    for (const auto& name : names) text += " " + name;
    return text;
  }

  FileSystem& files_;
  std::mt19937 random_;
  std::vector<Handle> directories_;
  std::vector<Handle> handles_;
};

/// An ACL with one entry for a user besides owner, group, mask and others.
Buffer acl_of(bool extended) {
  std::string text("\2\0\0\0", 4);
  const auto add = [&](char tag, char permissions, char id) {
    text += std::string{tag, 0, permissions, 0, id, 0, 0, 0};
  };
  add(1, 6, 0);
  if (extended) add(2, 7, 42);
  add(4, 4, 0);
  if (extended) add(0x10, 5, 0);
  add(0x20, 0, 0);
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("random calls do the same on the simulated and on the real file system") {
  if (native_file_system().user() != 0) SUCCEED("some permissions differ, and are seen alike");
  for (unsigned seed = 1; seed <= 30; ++seed) {
    const TempDirectory directory;
    SimulatedFileSystem disk;
    if (native_file_system().user() != 0) disk.set_user({.user = 1000, .group = 1000});
    disk.make_directories("root", 0777);
    Script real(native_file_system(), directory.path().native(), seed);
    Script simulated(disk, "root", seed);
    for (int step = 0; step < 400; ++step) {
      const std::string expected = real.step();
      INFO("seed " << seed << ", step " << step);
      REQUIRE(simulated.step() == expected);
    }
  }
}

TEST_CASE("an ACL that says what a mode says is a mode") {
  SimulatedFileSystem disk;
  const std::string name = "system.posix_acl_access";
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Handle file = disk.create(root, "f", 0600).value();
  REQUIRE(disk.set_xattr(file, name, acl_of(true)));
  CHECK(disk.list_xattrs(file).value() == std::vector<std::string>{name});
  CHECK(disk.stat(file).value().mode == 0650);  // the group's bits are the mask
  REQUIRE(disk.set_xattr(file, name, acl_of(false)));
  CHECK(disk.list_xattrs(file).value().empty());
  CHECK(disk.stat(file).value().mode == 0640);
  CHECK(disk.set_xattr(file, name, as_bytes("junk")).error().value() == EINVAL);
}

TEST_CASE("limits: space, inodes and quotas") {
  SimulatedFileSystem disk;
  disk.set_limits({.space = 3 * 4096, .inodes = 4});
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Handle file = disk.create(root, "f", 0600).value();
  const std::string text(20000, 'x');
  CHECK(disk.write_at(file, 0, as_bytes(text)).value() == 3 * 4096);
  CHECK(disk.write_at(file, 3 * 4096, as_bytes(text)).error().value() == ENOSPC);
  CHECK(disk.preallocate(file, 20000).error().value() == ENOSPC);
  CHECK(disk.unlink(root, "f"));
  const Handle next = disk.create(root, "g", 0600).value();
  CHECK(disk.write_at(next, 0, as_bytes("x")).error().value() == ENOSPC);  // "f" is still open
  CHECK(disk.close(file));
  CHECK(disk.write_at(next, 0, as_bytes("x")).value() == 1);
  CHECK(disk.create(root, "h", 0600));
  CHECK(disk.create(root, "i", 0600));
  CHECK(disk.create(root, "j", 0600).error().value() == ENOSPC);
  disk.set_limits({.quota_space = 4096});
  disk.set_user({.user = 7, .group = 7});
  CHECK(disk.create(root, "k", 0600).error().value() == EACCES);
}

TEST_CASE("a file without a name lives while it is open, and its number is used again") {
  SimulatedFileSystem disk;
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Handle file = disk.create(root, "f", 0600).value();
  const Version first = disk.stat(file).value().version;
  CHECK(disk.write_at(file, 0, as_bytes("x")));
  CHECK(disk.unlink(root, "f"));
  CHECK(disk.stat(file).value().links == 0);
  CHECK(disk.close(file));
  const Version second = disk.stat(disk.create(root, "g", 0600).value()).value().version;
  CHECK(second.inode == first.inode);
  CHECK_FALSE(second.same_file(first));
}

TEST_CASE("links, mount points, devices and immutable files refuse what they refuse on Linux") {
  SimulatedFileSystem disk;
  disk.put("f", "x");
  disk.put("m", "x");
  disk.make_directories("far");
  disk.make_symlink("link", "f");
  disk.set_device("far", 2);
  disk.set_mount_point("m", true);
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Handle far = disk.open_directory(root, "far").value();
  CHECK(disk.open_file(root, "link").error().value() == ELOOP);
  CHECK(disk.read_link(root, "link").value() == "f");
  CHECK(disk.rename(root, "f", far, "f", RenameMode::replace).error().value() == EXDEV);
  CHECK(disk.rename(root, "f", root, "m", RenameMode::replace).error().value() == EBUSY);
  CHECK(disk.open_beneath(root, "far").error().value() == EXDEV);
  CHECK(disk.open_beneath(root, "../etc").error().value() == EXDEV);
  disk.set_immutable("f", true);
  CHECK(disk.unlink(root, "f").error().value() == EPERM);
  disk.set_read_only(true);
  CHECK(disk.create(root, "n", 0600).error().value() == EROFS);
}

TEST_CASE("a kill shows everything and keeps nothing, a power cut takes what is pending") {
  SimulatedFileSystem disk;
  disk.put("f", "x");
  CHECK_FALSE(disk.pending().empty());
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  (void)root;
  disk.kill();
  CHECK(disk.handles_open() == 0);
  CHECK(disk.content("f") == "x");
  disk.cut_power(Survivors::none);
  CHECK(disk.paths().empty());
  disk.put("f", "y");
  disk.sync_all();
  disk.cut_power(Survivors::random, 3);
  CHECK(disk.content("f") == "y");
}

}  // namespace perdure::test
