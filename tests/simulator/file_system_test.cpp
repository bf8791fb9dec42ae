// SPDX-License-Identifier: BSL-1.0
// The simulated file system behaves as the real one: one script of random calls, run on both.
#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/native.hpp>
#include <perdure/testing/shared_mount.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"

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
  const OwnedHandle link(disk, disk.open_link(root, "link").value());
  CHECK(disk.read_link(link.get()).value() == "f");
  CHECK(disk.stat(link.get()).value().type == FileType::symlink);
  const OwnedHandle file(disk, disk.open_link(root, "f").value());
  CHECK(disk.read_link(file.get()).error() == std::errc::no_such_file_or_directory);
  CHECK(disk.rename(root, "f", far, "f", RenameMode::replace).error().value() == EXDEV);
  CHECK(disk.rename(root, "f", root, "m", RenameMode::replace).error().value() == EBUSY);
  CHECK(disk.open_beneath(root, "far").error().value() == EXDEV);
  CHECK(disk.open_beneath(root, "../etc").error().value() == EXDEV);
  disk.set_immutable("f", true);
  CHECK(disk.unlink(root, "f").error().value() == EPERM);
  disk.set_read_only(true);
  CHECK(disk.create(root, "n", 0600).error().value() == EROFS);
}

TEST_CASE("a directory goes into another one only for who may write to it, as on Linux") {
  const auto tried = [](FileSystem& files, const std::string& root, const auto& as_user) {
    const auto open = [&](Handle from, const std::string& name) {
      return OwnedHandle(files, files.open_directory(from, name).value());
    };
    const OwnedHandle top = open(Handle::working_directory, root);
    for (const char* made : {"from", "to"}) {
      files.make_directory(top.get(), made, 0755).value();
      files.set_mode(open(top.get(), made).get(), 0777).value();
    }
    const OwnedHandle from = open(top.get(), "from");
    const OwnedHandle to = open(top.get(), "to");
    files.make_directory(from.get(), "roots", 0755).value();
    std::vector<int> errors;
    const auto note = [&](const SysResult<void>& done) {
      errors.push_back(done ? 0 : done.error().value());
    };
    as_user([&] {
      files.make_directory(to.get(), "his", 0755).value();
      note(files.rename(from.get(), "roots", to.get(), "moved", RenameMode::replace));
      note(files.rename(from.get(), "roots", to.get(), "his", RenameMode::exchange));
      note(files.rename(to.get(), "his", from.get(), "roots", RenameMode::exchange));
      note(files.rename(from.get(), "roots", from.get(), "renamed", RenameMode::replace));
      note(files.rename(to.get(), "his", from.get(), "his", RenameMode::replace));
    });
    return errors;
  };
  SimulatedFileSystem simulated;
  const auto errors = tried(simulated, "/", [&](const auto& act) {
    simulated.set_user({.user = 12345, .group = 12345});
    act();
    simulated.set_user({});
  });
  CHECK(errors == std::vector<int>{EACCES, EACCES, EACCES, 0, 0});
  if (!is_root()) return skip("needs root to be another user");
  const TempDirectory directory;
  fs::permissions(directory.path(), fs::perms(0755));
  const auto real = tried(native_file_system(), directory.path().native(), [](const auto& act) {
    REQUIRE(::seteuid(12345) == 0);
    act();
    REQUIRE(::seteuid(0) == 0);
  });
  CHECK(real == errors);
}

TEST_CASE("a clock that stands gives one stamp to all changes of a tick") {
  SimulatedFileSystem disk;
  disk.stop_clock();
  disk.put("f", "x");
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Status first = disk.stat_at(root, "f").value();
  CHECK(disk.stamps(root, first) == Stamps::ticks);
  CHECK(first.tick_ns == first.version.ctime_ns);
  disk.put("f", "y");
  CHECK(disk.stat_at(root, "f").value().version == first.version);  // with its inode again
  disk.pass_tick();
  CHECK(disk.stat_at(root, "f").value().tick_ns > first.tick_ns);
  disk.put("f", "z");
  const Version later = disk.stat_at(root, "f").value().version;
  CHECK(later.inode == first.version.inode);
  CHECK_FALSE(later.same_file(first.version));
}

TEST_CASE("a mount that counts anew gives each file another number, which another one had") {
  const auto which = GENERATE(Renumbering::files, Renumbering::everything);
  SimulatedFileSystem disk;
  const std::vector<std::string> names{"a", "b", "d", "c"};
  for (const std::string& name : names) {
    if (name == "d") disk.make_directories("d");
    if (name != "d") disk.put(name, name);
  }
  disk.set_renumbering(which);
  disk.sync_all();
  const auto look = [&](const std::string& name) {
    return disk.stat_at(Handle::working_directory, name).value().version;
  };
  std::map<std::string, Version> before;
  for (const std::string& name : names) before[name] = look(name);
  SECTION("after a power cut") {
    disk.cut_power(Survivors::all);
  }
  SECTION("after an unmount") {
    disk.remount();
  }
  std::set<std::uint64_t> numbers;
  for (const std::string& name : names) {
    INFO(name);
    const Version now = look(name);
    const bool kept = which == Renumbering::files && name == "d";
    CHECK((now.inode == before[name].inode) == kept);
    CHECK((now.birth_ns == before[name].birth_ns) == kept);
    CHECK(now.mtime_ns == before[name].mtime_ns);
    CHECK(std::ranges::any_of(before,
                              [&](const auto& file) { return file.second.inode == now.inode; }));
    numbers.insert(now.inode);
  }
  CHECK(numbers.size() == names.size());
}

TEST_CASE("a mount remembers attributes unless it is asked to look, and knows its own changes") {
  SimulatedFileSystem disk;
  disk.put("f", "old");
  SharedMount forced(disk);
  SharedMount remembering(disk, Looks::remembered);
  const Handle root = disk.open_directory(Handle::working_directory, "/").value();
  const Handle file = disk.open_lock(root, "f").value();
  const auto sizes = [&](FileSystem& mount) {
    return std::pair(mount.stat_at(root, "f").value().version.size,
                     mount.stat(file).value().version.size);
  };
  using Sizes = std::pair<std::uint64_t, std::uint64_t>;
  CHECK(sizes(forced) == Sizes{3, 3});
  CHECK(sizes(remembering) == Sizes{3, 3});
  CHECK(disk.write_at(file, 3, as_bytes("er")));  // by another machine
  CHECK(sizes(forced) == Sizes{5, 5});
  CHECK(sizes(remembering) == Sizes{3, 3});
  CHECK(remembering.write_at(file, 5, as_bytes("!")));
  CHECK(sizes(remembering) == Sizes{6, 6});
  disk.put("f", "another");
  CHECK(sizes(forced) == Sizes{7, 6});
  CHECK(sizes(remembering) == Sizes{6, 6});
  CHECK(remembering.unlink(root, "f"));
  CHECK(remembering.stat_at(root, "f").error().value() == ENOENT);
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
