// SPDX-License-Identifier: BSL-1.0
// Mode, owner, ACL and attributes: kept or exact, and never wider on the way.
#include <cerrno>

#include <perdure/perdure.hpp>
#include <perdure/testing/forwarding_file_system.hpp>

#include "support/attributes.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::AclEntry;
using test::TempDirectory;
namespace fs = boost::filesystem;

namespace {

const std::string capability = "security.capability";

/// cap_net_bind_service=ep, as linux/capability.h lays it out (VFS_CAP_REVISION_2).
std::string some_capability() {
  std::string value(20, '\0');
  value[0] = 1;
  value[3] = 2;
  value[5] = 4;
  return value;
}

/// An ACL in which a user other than the owner may read.
std::string acl_of(std::uint16_t user, std::uint16_t others, std::uint32_t id = 4321) {
  return test::acl_value({{AclEntry::owner, 6},
                          {AclEntry::user, user, id},
                          {AclEntry::group_owner, 4},
                          {AclEntry::mask, 6},
                          {AclEntry::others, others}});
}

struct Bench {
  Bench() { test::spit(target(), "old"); }
  [[nodiscard]] fs::path target() const { return directory / "target"; }
  [[nodiscard]] Result<Receipt> commit(const WriteOptions& options = {}) const {
    return write_file(target(), "new", options);
  }
  TempDirectory directory;
};

WriteOptions fixed(std::uint32_t mode) {
  WriteOptions options;
  options.metadata = Metadata::fixed(mode);
  return options;
}

/// Looks at each temp at the very moment after it was made.
struct Inspector final : testing::ForwardingFileSystem {
  Inspector() : ForwardingFileSystem(native_file_system()) {}
  SysResult<Handle> create(Handle at, const std::string& name, std::uint32_t mode) override {
    auto made = base().create(at, name, mode);
    if (made) {
      const auto path = fs::path("/proc/self/fd") / std::to_string(static_cast<int>(at)) / name;
      temp_mode = test::mode_of(path);
      temp_acl = test::attribute(path, test::access_acl);
    }
    return made;
  }
  mode_t temp_mode = 0;
  std::string temp_acl;
};

mode_t temp_mode_for(const fs::path& target, const WriteOptions& options = {}) {
  Inspector files;
  const auto done = write_file(target, "new", options, {},
                               {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(done);
  return files.temp_mode;
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
      REQUIRE_OK(bench.commit());
      CHECK(test::mode_of(bench.target()) == mode);
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

TEST_CASE("a temp is never open to more than its target will be", "[P6]") {
  const test::Umask umask(0);
  for (const mode_t mode : {0600U, 0640U, 0644U, 0604U, 0660U, 0666U, 04755U, 0400U}) {
    Bench bench;
    REQUIRE(::chmod(bench.target().c_str(), mode) == 0);
    CAPTURE(mode);
    CHECK((temp_mode_for(bench.target()) & ~mode) == 0);
    CHECK((temp_mode_for(bench.target(), fixed(mode)) & ~mode) == 0);
  }
}

TEST_CASE("a temp is not open to a group that its target shuts out", "[P6]") {
  // 0604 means: others may read, this group may not. The temp has another group at first, so that
  // for it the members of the target's group are "others".
  const test::Umask umask(0);
  Bench bench;
  REQUIRE(::chmod(bench.target().c_str(), 0604) == 0);
  CHECK((temp_mode_for(bench.target()) & 077U) == 0);
  CHECK((temp_mode_for(bench.target(), fixed(0604)) & 077U) == 0);
}

TEST_CASE("a temp is not open to a user whom the target's ACL shuts out", "[P6]") {
  // user 4321 may do nothing, everybody else may read: without its ACL yet, 0644 let them in.
  const test::Umask umask(0);
  Bench bench;
  test::set_attribute(bench.target(), test::access_acl,
                      test::acl_value({{AclEntry::owner, 6},
                                       {AclEntry::user, 0, 4321},
                                       {AclEntry::group_owner, 4},
                                       {AclEntry::mask, 4},
                                       {AclEntry::others, 4}}));
  REQUIRE(test::mode_of(bench.target()) == 0644);
  SECTION("one shot") {
    CHECK((temp_mode_for(bench.target()) & 077U) == 0);
  }
  SECTION("streamed") {
    auto file = AtomicFile::create(bench.target());
    REQUIRE_OK(file);
    const auto temps = test::temps_in(bench.directory.path());
    REQUIRE(temps.size() == 1);
    CHECK((test::mode_of(bench.directory / temps[0]) & 077U) == 0);
    REQUIRE_OK(file.value().commit());
    CHECK(test::mode_of(bench.target()) == 0644);
  }
}

TEST_CASE("a default ACL on the directory does not widen the temp", "[P6]") {
  const test::Umask umask(0);
  for (const bool fixed_mode : {false, true}) {
    Bench bench;
    REQUIRE(::chmod(bench.target().c_str(), 0640) == 0);
    test::set_attribute(bench.directory.path(), test::default_acl, acl_of(7, 7));
    Inspector files;
    REQUIRE_OK(write_file(bench.target(), "new", fixed_mode ? fixed(0640) : WriteOptions(), {},
                          {.files = &files, .environment = &native_environment()}));
    // The mask bounds what the default ACL gives to user 4321: the group bits of the mode.
    CHECK((files.temp_mode & 077U) == 0);
    CHECK(test::mode_of(bench.target()) == 0640);
    CHECK(test::attribute(bench.target(), test::access_acl) == "(none)");
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

TEST_CASE("the kernel's own measurements of the old content are not copied", "[P6]") {
  /// A target with security.ima and security.evm, which no file system here lets us set.
  struct Measured final : testing::ForwardingFileSystem {
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
  REQUIRE_OK(write_file(bench.target(), "new", {}, {},
                        {.files = &files, .environment = &native_environment()}));
  CHECK(files.copied == 0);
}

TEST_CASE("owner, set-user-id bit and capability are kept by root", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to give files away");
  Bench bench;
  REQUIRE(::chown(bench.target().c_str(), 1234, 5678) == 0);
  REQUIRE(::chmod(bench.target().c_str(), 06755) == 0);
  test::set_attribute(bench.target(), capability, some_capability());
  REQUIRE_OK(bench.commit());
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

TEST_CASE("an owner that can't be kept fails, and names the way out", "[P6]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  Bench bench;
  REQUIRE(::chmod(bench.directory.path().c_str(), 0777) == 0);
  const auto said = test::as_user(test::nobody, [&] { return test::say(bench.commit()); });
  CHECK(said.find("owner and group of the target can't be kept") != std::string::npos);
  CHECK(said.find("with fixed metadata") != std::string::npos);
  CHECK(said.find("the target is unchanged") != std::string::npos);
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
  const auto said = test::as_user(test::nobody, [&] { return test::say(bench.commit()); });
  CHECK(said.find("security.capability of the target can't be kept") != std::string::npos);
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
  const auto said = test::as_user(test::nobody, [&] { return test::say(bench.commit()); });
  CHECK(said.find("the mode of the target can't be kept") != std::string::npos);
  CHECK(test::slurp(bench.target()) == "old");
  CHECK(test::mode_of(bench.target()) == 02755);
  const auto exact =
      test::as_user(test::nobody, [&] { return test::say(bench.commit(fixed(02755))); });
  CHECK(exact != "success");
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
  CHECK(test::as_user(test::nobody, [&] { return test::say(bench.commit()); }) == "success");
  CHECK(test::slurp(bench.target()) == "new");
  CHECK(test::mode_of(bench.target()) == 04755);
  CHECK(test::attribute(bench.target(), test::access_acl) == acl);
  CHECK(test::attribute(bench.target(), "user.one") == "1");
}

TEST_CASE("metadata that is applied before the content is not final", "[P6]") {
  // A write takes set-user-id bits (from all but root) and capabilities away: file_remove_privs in
  // fs/inode.c. So a write drops the fact, and a pipeline that writes after it does not compile.
  CHECK(has(dropped_by<Write>(), Fact::metadata));
}
