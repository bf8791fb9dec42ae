// SPDX-License-Identifier: BSL-1.0
// Temps are never open to more people than their targets.
#include <cerrno>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "bench.hpp"
#include "support/attributes.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::acl_of;
using test::AclEntry;
using test::Bench;
using test::TempDirectory;

namespace fs = boost::filesystem;

namespace {

WriteOptions fixed(std::uint32_t mode) {
  WriteOptions options;
  options.metadata = Metadata::fixed(mode);
  return options;
}

/// Looks at each temp at the very moment after it was made.
struct Inspector final : ForwardingFileSystem {
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
  const auto done =
      write_file(target, "new", options, {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(done);
  return files.temp_mode;
}

}  // namespace

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

// A reader who opened the temp early went on reading what came after the target was shut to him.
TEST_CASE("a stream's temp is its owner's alone, whatever becomes of the target", "[P6]") {
  const test::Umask umask(022);
  for (const mode_t mode : {0600U, 0644U, 0664U, 0755U, 0666U}) {
    for (const mode_t later : {0600U, 0644U, 0640U}) {
      const Bench bench;
      REQUIRE(::chmod(bench.target().c_str(), mode) == 0);
      CAPTURE(mode, later);
      auto file = AtomicFile::create(bench.target());
      REQUIRE_OK(file);
      const auto temps = test::temps_in(bench.directory.path());
      REQUIRE(temps.size() == 1);
      CHECK((test::mode_of(bench.directory / temps[0]) & ~(mode & 0700U)) == 0);
      REQUIRE(::chmod(bench.target().c_str(), later) == 0);
      REQUIRE_OK(file.value().commit());
      CHECK(test::mode_of(bench.target()) == later);
    }
  }
}

TEST_CASE("a streamed new file has the mode, ACL and owner that the same file written at once has",
          "[P6]") {
  struct WithoutUnnamed final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<Handle> create_unnamed(Handle at, std::uint32_t mode) override {
      if (!refuses) return base().create_unnamed(at, mode);
      return std::make_error_code(std::errc::operation_not_supported);
    }
    bool refuses = false;
  };
  WithoutUnnamed files(native_file_system());
  files.refuses = GENERATE(false, true);
  const test::Umask umask(GENERATE(0U, 027U));
  const TempDirectory directory;
  if (GENERATE(false, true)) {
    test::set_attribute(directory.path(), test::default_acl, acl_of(7, 5));
  }
  WriteOptions options;
  options.metadata.mode = GENERATE(0666U, 0777U, 04755U, 0600U);
  if (test::is_root() && GENERATE(false, true)) options.metadata.group = 43;
  const bool vanishes = GENERATE(false, true);
  REQUIRE_OK(write_file(directory / "whole", "new", options));
  if (vanishes) test::spit(directory / "streamed", "old", 0640);
  auto file = AtomicFile::create(directory / "streamed", options,
                                 {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(file);
  const auto temps = test::temps_in(directory.path());
  REQUIRE(temps.size() == 1);
  CHECK((test::mode_of(directory / temps[0]) & 077U) == 0);
  if (vanishes) fs::remove(directory / "streamed");
  REQUIRE_OK(file.value().commit());
  CHECK(test::mode_of(directory / "streamed") == test::mode_of(directory / "whole"));
  CHECK(test::status_of(directory / "streamed").st_gid ==
        test::status_of(directory / "whole").st_gid);
  CHECK(test::attribute(directory / "streamed", test::access_acl) ==
        test::attribute(directory / "whole", test::access_acl));
  CHECK(test::temps_in(directory.path()).empty());
}

TEST_CASE("a default ACL on the directory does not widen the temp", "[P6]") {
  const test::Umask umask(0);
  for (const bool fixed_mode : {false, true}) {
    Bench bench;
    REQUIRE(::chmod(bench.target().c_str(), 0640) == 0);
    test::set_attribute(bench.directory.path(), test::default_acl, acl_of(7, 7));
    Inspector files;
    REQUIRE_OK(write_file(bench.target(), "new", fixed_mode ? fixed(0640) : WriteOptions(),
                          {.files = &files, .environment = &native_environment()}));
    // The mask bounds what the default ACL gives to user 4321: the group bits of the mode.
    CHECK((files.temp_mode & 077U) == 0);
    CHECK(test::mode_of(bench.target()) == 0640);
    CHECK(test::attribute(bench.target(), test::access_acl) == "(none)");
  }
}
