// SPDX-License-Identifier: BSL-1.0
// Mode, owner, ACL and attributes: kept or exact, and never wider on the way.
#include <cerrno>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "bench.hpp"
#include "support/attributes.hpp"
#include "support/coarse.hpp"
#include "support/directory.hpp"
#include "support/disk.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::acl_of;
using test::AclEntry;
using test::Bench;
using test::TempDirectory;

namespace fs = boost::filesystem;

namespace {

const std::string capability = "security.capability";
const std::string not_kept = "metadata, unchanged, apply the metadata";

/// cap_net_bind_service=ep, as linux/capability.h lays it out (VFS_CAP_REVISION_2).
std::string some_capability() {
  std::string value(20, '\0');
  value[0] = 1;
  value[3] = 2;
  value[5] = 4;
  return value;
}

WriteOptions keeping_special() {
  WriteOptions options;
  options.metadata.keep_special = true;
  return options;
}

WriteOptions fixed(std::uint32_t mode) {
  WriteOptions options;
  options.metadata = Metadata::fixed(mode);
  return options;
}

}  // namespace

TEST_CASE("every mode of a target is kept, whatever the umask", "[P6]") {
  for (const mode_t mask : {0U, 022U, 077U, 0777U}) {
    for (const mode_t mode : {0600U, 0644U, 0640U, 0664U, 0666U, 0755U, 04755U, 02755U, 06711U,
                              01644U, 0604U, 0444U, 0400U, 0U}) {
      if (mode == 0 && !test::is_root()) continue;
      Bench bench;  // before the mask, which would shut its directory to all but root
      const test::Umask umask(mask);
      REQUIRE(::chmod(bench.target().c_str(), mode) == 0);
      CAPTURE(mask, mode);
      REQUIRE_OK(bench.commit(keeping_special()));
      CHECK(test::mode_of(bench.target()) == mode);
      REQUIRE_OK(bench.commit());
      CHECK(test::mode_of(bench.target()) == (mode & ~06000U));
    }
  }
}

TEST_CASE("a new file gets its mode less the umask, special bits included", "[P6]") {
  const TempDirectory directory;
  const test::Umask umask(027);
  REQUIRE_OK(write_file(directory / "a", "new"));
  CHECK(test::mode_of(directory / "a") == 0640);
  WriteOptions options;
  options.metadata = Metadata::preserve(04777);
  REQUIRE_OK(write_file(directory / "b", "new", options));
  CHECK(test::mode_of(directory / "b") == 04750);
}

TEST_CASE("a fixed mode is exact, whatever umask, default ACL and old target say", "[P6]") {
  for (const mode_t mask : {0U, 077U}) {
    for (const bool existing : {false, true}) {
      for (const mode_t mode : {0600U, 0644U, 0666U, 04755U, 02750U, 0604U, 01777U}) {
        const TempDirectory directory;
        if (existing) test::spit(directory / "target", "old", 0777);
        test::set_attribute(directory.path(), test::default_acl, acl_of(7, 7));
        const test::Umask umask(mask);
        CAPTURE(mask, existing, mode);
        REQUIRE_OK(write_file(directory / "target", "new", fixed(mode)));
        CHECK(test::mode_of(directory / "target") == mode);
        CHECK(test::attribute(directory / "target", test::access_acl) == "(none)");
      }
    }
  }
}

TEST_CASE("a POSIX ACL is kept, and one from the directory's default is not taken on", "[P6]") {
  Bench bench;
  SECTION("kept") {
    test::set_attribute(bench.target(), test::access_acl, acl_of(4, 0));
    const std::string acl = test::attribute(bench.target(), test::access_acl);
    const mode_t mode = test::mode_of(bench.target());
    REQUIRE_OK(bench.commit());
    CHECK(test::attribute(bench.target(), test::access_acl) == acl);
    CHECK(test::mode_of(bench.target()) == mode);
  }
  SECTION("kept, where the default is another") {
    test::set_attribute(bench.target(), test::access_acl, acl_of(4, 0));
    test::set_attribute(bench.directory.path(), test::default_acl, acl_of(7, 7, 99));
    const std::string acl = test::attribute(bench.target(), test::access_acl);
    REQUIRE_OK(bench.commit());
    CHECK(test::attribute(bench.target(), test::access_acl) == acl);
  }
  SECTION("kept, where it is the default") {
    test::set_attribute(bench.directory.path(), test::default_acl, acl_of(6, 4));
    test::spit(bench.directory / "other", "old", 0666);
    fs::rename(bench.directory / "other", bench.target());
    const std::string acl = test::attribute(bench.target(), test::access_acl);
    REQUIRE(acl != "(none)");
    REQUIRE_OK(bench.commit());
    CHECK(test::attribute(bench.target(), test::access_acl) == acl);
  }
}

TEST_CASE("extended attributes are kept: many, long, empty ones", "[P6]") {
  Bench bench;
  test::set_attribute(bench.target(), "user.empty", "");
  test::set_attribute(bench.target(), "user.binary", std::string("\0\xff", 2));
  test::set_attribute(bench.target(), "user.long", std::string(2000, 'x'));
  for (int i = 0; i < 40; ++i) {
    test::set_attribute(bench.target(), "user.a-rather-long-name-" + std::to_string(i), "v");
  }
  REQUIRE_OK(bench.commit());
  CHECK(test::attribute(bench.target(), "user.empty").empty());
  CHECK(test::attribute(bench.target(), "user.binary") == std::string("\0\xff", 2));
  CHECK(test::attribute(bench.target(), "user.long") == std::string(2000, 'x'));
  for (int i = 0; i < 40; ++i) {
    CHECK(test::attribute(bench.target(), "user.a-rather-long-name-" + std::to_string(i)) == "v");
  }
  REQUIRE_OK(bench.commit(fixed(0644)));
  CHECK(test::attribute(bench.target(), "user.long") == "(none)");
}

// Root sees an ACL of xfs under two names, and with the one the other goes: ENODATA.
TEST_CASE("an ACL that xfs lists under a second name comes from no default, and is kept", "[P6]") {
  const test::Disk disk(test::xfs_disk);
  if (!disk.error().empty()) return test::skip(disk.error());
  const auto target = disk.path() / "target";
  test::spit(target, "old");
  test::set_attribute(disk.path(), test::default_acl, acl_of(7, 7));
  REQUIRE_OK(write_file(target, "new"));
  CHECK(test::attribute(target, test::access_acl) == "(none)");
  test::set_attribute(target, test::access_acl, acl_of(6, 4));
  const auto before = test::attribute(target, test::access_acl);
  REQUIRE_OK(write_file(target, "newer"));
  CHECK(test::attribute(target, test::access_acl) == before);
}

TEST_CASE("the kernel's own measurements of the old content are not copied", "[P6]") {
  /// A target with security.ima and security.evm, which no file system here lets us set.
  struct Measured final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<std::vector<std::string>> list_xattrs_at(Handle at,
                                                       const std::string& name) override {
      auto names = base().list_xattrs_at(at, name);
      if (names) names.value().insert(names.value().end(), {"security.ima", "security.evm"});
      return names;
    }
    SysResult<Buffer> get_xattr_at(Handle at, const std::string& name,
                                   const std::string& xattr) override {
      if (xattr.starts_with("security.")) ++copied;
      return base().get_xattr_at(at, name, xattr);
    }
    int copied = 0;
  };
  Bench bench;
  Measured files(native_file_system());
  REQUIRE_OK(write_file(bench.target(), "new", {},
                        {.files = &files, .environment = &native_environment()}));
  CHECK(files.copied == 0);
}

// Before Linux 6.13 the attributes of a name are read by way of /proc, and in a chroot without it
// each call on them says ENOENT. That was taken for "the target is gone".
TEST_CASE("attributes that can't be found are an error while the target is there", "[P6]") {
  struct WithoutProc final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<std::vector<std::string>> list_xattrs_at(Handle, const std::string&) override {
      return std::make_error_code(std::errc::no_such_file_or_directory);
    }
  };
  const Bench bench;
  WithoutProc files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  WriteOptions options;
  SECTION("of a plain replace") {}
  SECTION("of one that keeps a backup") {
    options.existing = ExistingPolicy::backup;
  }
  SECTION("of one that expects a version") {
    const auto version = read_version(bench.target());
    REQUIRE_OK(version);
    options.expected = version.value();
  }
  const auto refused = write_file(bench.target(), "new", options, system);
  REQUIRE_FAILS(metadata, unchanged, refused);
  CHECK(refused.error().step == "read the target's metadata");
  CHECK(test::slurp(bench.target()) == "old");
  CHECK(test::temps_in(bench.directory.path()).empty());
  CHECK_FALSE(fs::exists(bench.directory / "target~"));
  REQUIRE_OK(write_file(bench.directory / "first", "new", {}, system));
}

TEST_CASE("a target that goes while its metadata is read was a first commit, or a conflict",
          "[P5][P6]") {
  struct Removing final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<std::vector<std::string>> list_xattrs_at(Handle at,
                                                       const std::string& name) override {
      (void)base().unlink(at, name);
      return base().list_xattrs_at(at, name);
    }
  };
  const Bench bench;
  Removing files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  WriteOptions options;
  SECTION("a first commit") {
    REQUIRE_OK(write_file(bench.target(), "new", options, system));
    CHECK(test::slurp(bench.target()) == "new");
  }
  SECTION("a conflict") {
    const auto version = read_version(bench.target());
    REQUIRE_OK(version);
    options.expected = version.value();
    REQUIRE_FAILS(conflict, unchanged, write_file(bench.target(), "new", options, system));
  }
}

// The kernel takes them from a file that is written in place. A commit gave them to content that
// nobody had trusted with them.
TEST_CASE("set-user-id bit, set-group-id bit and capability do not go over to new content",
          "[P6]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const Bench bench;
  REQUIRE(::chown(bench.target().c_str(), 1234, 5678) == 0);
  REQUIRE(::chmod(bench.target().c_str(), 07755) == 0);
  test::set_attribute(bench.target(), capability, some_capability());
  test::set_attribute(bench.target(), "user.origin", "x");
  REQUIRE_OK(bench.commit());
  CHECK(test::status_of(bench.target()).st_uid == 1234);
  CHECK(test::mode_of(bench.target()) == 01755);
  CHECK(test::attribute(bench.target(), capability) == "(none)");
  CHECK(test::attribute(bench.target(), "user.origin") == "x");
}

TEST_CASE("owner, set-user-id bit and capability are kept by root, when that is asked for",
          "[P6]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  Bench bench;
  REQUIRE(::chown(bench.target().c_str(), 1234, 5678) == 0);
  REQUIRE(::chmod(bench.target().c_str(), 06755) == 0);
  test::set_attribute(bench.target(), capability, some_capability());
  REQUIRE_OK(bench.commit(keeping_special()));
  const auto status = test::status_of(bench.target());
  CHECK(status.st_uid == 1234);
  CHECK(status.st_gid == 5678);
  CHECK((status.st_mode & 07777U) == 06755);
  CHECK(test::attribute(bench.target(), capability) == some_capability());
  WriteOptions options = fixed(0600);
  options.metadata.owner = 42;
  options.metadata.group = 43;
  REQUIRE_OK(bench.commit(options));
  CHECK(test::status_of(bench.target()).st_uid == 42);
  CHECK(test::status_of(bench.target()).st_gid == 43);
  CHECK(test::attribute(bench.target(), capability) == "(none)");
}

TEST_CASE("an owner that can't be kept fails", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  Bench bench;
  REQUIRE(::chmod(bench.directory.path().c_str(), 0777) == 0);
  CHECK(test::as_user(test::nobody, [&] { return test::nature_of(bench.commit()); }) == not_kept);
  CHECK(test::slurp(bench.target()) == "old");
  CHECK(test::temps_in(bench.directory.path()).empty());
  CHECK(test::as_user(test::nobody, [&] { return test::say(bench.commit(fixed(0644))); }) ==
        "success");
  CHECK(test::status_of(bench.target()).st_uid == test::nobody);
}

TEST_CASE("a capability that can't be kept fails", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  Bench bench;
  REQUIRE(::chmod(bench.directory.path().c_str(), 0777) == 0);
  REQUIRE(::chown(bench.target().c_str(), test::nobody, test::nobody) == 0);
  test::set_attribute(bench.target(), capability, some_capability());
  CHECK(test::as_user(test::nobody, [&] {
          return test::nature_of(bench.commit(keeping_special()));
        }) == not_kept);
  CHECK(test::slurp(bench.target()) == "old");
}

TEST_CASE("a set-group-id bit that the kernel drops without a word fails", "[P6]") {
  // chmod(2) by one who is not in the file's group clears S_ISGID and returns success. The file
  // has that group without a chown(2) where the directory's own set-group-id bit gives it.
  if (!test::is_root()) return test::skip("needs root to be another user");
  Bench bench;
  REQUIRE(::chown(bench.directory.path().c_str(), test::nobody, 5678) == 0);
  REQUIRE(::chmod(bench.directory.path().c_str(), 02777) == 0);
  REQUIRE(::chown(bench.target().c_str(), test::nobody, 5678) == 0);
  REQUIRE(::chmod(bench.target().c_str(), 02755) == 0);
  CHECK(test::as_user(test::nobody, [&] {
          return test::nature_of(bench.commit(keeping_special()));
        }) == not_kept);
  CHECK(test::slurp(bench.target()) == "old");
  CHECK(test::mode_of(bench.target()) == 02755);
  const auto exact =
      test::as_user(test::nobody, [&] { return test::nature_of(bench.commit(fixed(02755))); });
  CHECK(exact == "system, unchanged, apply the metadata");
  CHECK(test::slurp(bench.target()) == "old");
}

TEST_CASE("an unprivileged owner keeps set-user-id bit, ACL and attributes", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  Bench bench;
  REQUIRE(::chmod(bench.directory.path().c_str(), 0777) == 0);
  REQUIRE(::chown(bench.target().c_str(), test::nobody, test::nobody) == 0);
  test::set_attribute(bench.target(), test::access_acl, acl_of(4, 0));
  test::set_attribute(bench.target(), "user.one", "1");
  REQUIRE(::chmod(bench.target().c_str(), 04755) == 0);
  const std::string acl = test::attribute(bench.target(), test::access_acl);
  CHECK(test::as_user(test::nobody, [&] { return test::say(bench.commit(keeping_special())); }) ==
        "success");
  CHECK(test::slurp(bench.target()) == "new");
  CHECK(test::mode_of(bench.target()) == 04755);
  CHECK(test::attribute(bench.target(), test::access_acl) == acl);
  CHECK(test::attribute(bench.target(), "user.one") == "1");
}

// Root's commit with a mode of its own gave a service's file to root, and dropped its ACL.
TEST_CASE("with a mode of one's own owner, ACL and attributes are kept all the same", "[P6]") {
  const test::Umask umask(077);
  const Bench bench;
  test::set_attribute(bench.target(), test::access_acl, acl_of(6, 4));
  test::set_attribute(bench.target(), "user.origin", "x");
  if (test::is_root()) REQUIRE(::chown(bench.target().c_str(), 1234, 5678) == 0);
  const auto before = test::status_of(bench.target());
  WriteOptions options;
  options.metadata = Metadata::preserve_with_mode(0640);
  REQUIRE_OK(bench.commit(options));
  const auto after = test::status_of(bench.target());
  CHECK(after.st_uid == before.st_uid);
  CHECK(after.st_gid == before.st_gid);
  CHECK(test::mode_of(bench.target()) == 0640);
  CHECK(test::attribute(bench.target(), "user.origin") == "x");
  // As chmod(2) does: the entries stay, the mask is what the mode gives to the group.
  CHECK(test::attribute(bench.target(), test::access_acl) ==
        test::acl_value({{AclEntry::owner, 6},
                         {AclEntry::user, 6, 4321},
                         {AclEntry::group_owner, 4},
                         {AclEntry::mask, 4},
                         {AclEntry::others, 0}}));
  options.metadata.mode = 04711;
  REQUIRE_OK(bench.commit(options));
  CHECK(test::mode_of(bench.target()) == 04711);
  REQUIRE_OK(write_file(bench.directory / "first", "new", options));
  CHECK(test::mode_of(bench.directory / "first") == 04711);
}

TEST_CASE("an owner of one's own takes the place of the target's, and the rest is kept", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  const Bench bench;
  REQUIRE(::chown(bench.target().c_str(), 1234, 5678) == 0);
  REQUIRE(::chmod(bench.target().c_str(), 0664) == 0);
  test::set_attribute(bench.target(), "user.origin", "x");
  WriteOptions options;
  options.metadata.group = 43;
  REQUIRE_OK(bench.commit(options));
  CHECK(test::status_of(bench.target()).st_uid == 1234);
  CHECK(test::status_of(bench.target()).st_gid == 43);
  options.metadata.owner = 42;
  REQUIRE_OK(bench.commit(options));
  CHECK(test::status_of(bench.target()).st_uid == 42);
  CHECK(test::mode_of(bench.target()) == 0664);
  CHECK(test::attribute(bench.target(), "user.origin") == "x");
  const test::Umask umask(027);
  REQUIRE_OK(write_file(bench.directory / "first", "new", options));
  CHECK(test::status_of(bench.directory / "first").st_uid == 42);
  CHECK(test::status_of(bench.directory / "first").st_gid == 43);
  CHECK(test::mode_of(bench.directory / "first") == 0640);
  // One's own owner is the way out where the target's can't be kept.
  REQUIRE(::chmod(bench.directory.path().c_str(), 0777) == 0);
  options.metadata.owner = options.metadata.group = test::nobody;
  CHECK(test::as_user(test::nobody, [&] { return test::say(bench.commit(options)); }) == "success");
  CHECK(test::status_of(bench.target()).st_uid == test::nobody);
}

// Status, names and values came by calls on a name, which led to one file after the other.
TEST_CASE("what is kept comes from one file, although another gets the name in between", "[P6]") {
  struct Replacing final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<Buffer> get_xattr_at(Handle at, const std::string& name,
                                   const std::string& xattr) override {
      if (!replaced.empty()) fs::rename(replaced.back(), target);
      if (!replaced.empty()) replaced.pop_back();
      return base().get_xattr_at(at, name, xattr);
    }
    fs::path target;
    std::vector<fs::path> replaced;
  };
  const Bench bench;
  Replacing files(native_file_system());
  files.target = bench.target();
  test::set_attribute(bench.target(), "user.origin", "first");
  test::set_attribute(bench.target(), test::access_acl, acl_of(6, 4));
  for (const char* const leaf : {"last", "middle"}) {
    const auto path = bench.directory / leaf;
    test::spit(path, "theirs", 0600);
    test::set_attribute(path, "user.origin", leaf);
    files.replaced.push_back(path);
  }
  REQUIRE_OK(read_version(bench.target()));  // which waits a tick out: one handle is used within it
  const System system{.files = &files, .environment = &native_environment()};
  SECTION("written at once") {
    REQUIRE_OK(write_file(bench.target(), "new", {}, system));
  }
  SECTION("streamed") {
    auto file = AtomicFile::create(bench.target(), {}, system);
    REQUIRE_OK(file);
    REQUIRE_OK(file.value().commit());
  }
  CHECK(files.replaced.empty());
  CHECK(test::mode_of(bench.target()) == 0600);
  CHECK(test::attribute(bench.target(), "user.origin") == "last");
  CHECK(test::attribute(bench.target(), test::access_acl) == "(none)");
}

TEST_CASE("metadata are never taken from the temp itself, whoever gave it the target's name",
          "[P6]") {
  struct Renaming final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<Buffer> get_xattr_at(Handle at, const std::string& name,
                                   const std::string& xattr) override {
      auto value = base().get_xattr_at(at, name, xattr);
      for (const auto& temp : test::temps_in(directory)) fs::rename(directory / temp, target);
      return value;
    }
    fs::path directory;
    fs::path target;
  };
  const Bench bench;
  Renaming files(native_file_system());
  files.directory = bench.directory.path();
  files.target = bench.target();
  test::set_attribute(bench.target(), "user.origin", "x");
  REQUIRE_OK(read_version(bench.target()));
  const auto refused = write_file(bench.target(), "new", {},
                                  {.files = &files, .environment = &native_environment()});
  REQUIRE_FALSE(refused.has_value());
  CHECK(to_string(refused.error().kind) == "metadata");
}

TEST_CASE("a target whose attributes never hold still, or go, is left as it is", "[P6]") {
  struct Busy final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<Buffer> get_xattr_at(Handle at, const std::string& name,
                                   const std::string& xattr) override {
      auto value = base().get_xattr_at(at, name, xattr);
      if (removes) (void)base().unlink(at, name);
      if (!removes) test::spit(target, std::string(++looks, 'x'));
      return value;
    }
    fs::path target;
    bool removes = false;
    std::size_t looks = 0;
  };
  const Bench bench;
  Busy files(native_file_system());
  files.target = bench.target();
  files.removes = GENERATE(false, true);
  test::set_attribute(bench.target(), "user.origin", "x");
  REQUIRE_OK(read_version(bench.target()));
  const auto refused = write_file(bench.target(), "new", {},
                                  {.files = &files, .environment = &native_environment()});
  const bool ticks = !files.removes && refused.has_value();
  // A file that may have changed within the tick is read by one handle, where it holds still. How
  // often a tick ended before that, and showed the change, is the clock's to say.
  if (ticks) {
    CHECK(test::attribute(bench.target(), "user.origin") == "x");
    CHECK(test::has_coarse_stamps(bench.directory.path().native()));
    return;
  }
  REQUIRE_FAILS(metadata, unchanged, refused);
  CHECK(fs::exists(bench.target()) != files.removes);
  CHECK(test::temps_in(bench.directory.path()).empty());
}

TEST_CASE("metadata that is applied before the content is not final", "[P6]") {
  // A write takes set-user-id bits (from all but root) and capabilities away: file_remove_privs in
  // fs/inode.c. So a write drops the fact, and a pipeline that writes after it does not compile.
  CHECK(has(dropped_by<Write>(), Fact::metadata));
}
