// SPDX-License-Identifier: BSL-1.0
// Fail at call n for one-shot commits, with every policy.
#include "faults.hpp"

#include <perdure/perdure.hpp>

#include "support/attributes.hpp"
#include "support/process.hpp"

using namespace perdure;
using test::fail_each_call;
using test::Scenario;
using testing::Operation;

namespace {

const std::string fresh = "new content";

void old_target(const test::fs::path& at) {
  test::spit(at / "target", "old content");
}

Scenario commit(std::string name, const WriteOptions& options) {
  return {.name = std::move(name),
          .prepare = old_target,
          .act = [options](System system, const test::fs::path& at) -> Result<void> {
            BOOST_OUTCOME_TRY(write_file(at / "target", fresh, options, system));
            return success();
          },
          .tolerated = {{Operation::create, {EEXIST}}, {Operation::try_lock, {EWOULDBLOCK}}},
          .lies = {{Operation::stat_at, {ENOENT}}, {Operation::unlink, {ENOENT}}}};
}

void add(Scenario& scenario, Operation operation, std::set<int> errors = {}) {
  scenario.tolerated.push_back({operation, std::move(errors)});
}

/// A target with all that can be preserved, in a directory whose default ACL gives other things.
void rich_target(const test::fs::path& at) {
  using test::AclEntry;
  old_target(at);
  if (test::is_root()) (void)!::chown((at / "target").c_str(), 1234, 1234);
  test::set_attribute(at / "target", "user.one", "1");
  test::set_attribute(at / "target", "user.two", std::string(700, '2'));
  test::set_attribute(at / "target", test::access_acl,
                      test::acl_value({{AclEntry::owner, 7},
                                       {AclEntry::user, 4, 4321},
                                       {AclEntry::group_owner, 0},
                                       {AclEntry::mask, 5},
                                       {AclEntry::others, 0}}));
  if (::chmod((at / "target").c_str(), 04750) != 0) throw std::runtime_error("chmod");
  test::set_attribute(at, test::default_acl,
                      test::acl_value({{AclEntry::owner, 7},
                                       {AclEntry::user, 7, 99},
                                       {AclEntry::group_owner, 7},
                                       {AclEntry::mask, 7},
                                       {AclEntry::others, 7}}));
}

std::string poorer(const test::fs::path& at) {
  const test::TempDirectory reference(at.parent_path());
  rich_target(reference.path());
  const auto wanted = test::status_of(reference / "target");
  const auto is = test::status_of(at / "target");
  if (is.st_mode != wanted.st_mode) return "the mode was not kept";
  if (is.st_uid != wanted.st_uid || is.st_gid != wanted.st_gid) return "the owner was not kept";
  for (const char* name : {"user.one", "user.two", test::access_acl}) {
    if (test::attribute(at / "target", name) != test::attribute(reference / "target", name)) {
      return std::string(name) + " was not kept";
    }
  }
  return {};
}

}  // namespace

TEST_CASE("fail at call n: a commit at each durability", "[P19]") {
  WriteOptions options;
  fail_each_call(commit("durable", options));
  options.durability = Durability::ordered;
  fail_each_call(commit("ordered", options));
  options.durability = Durability::none;
  Scenario none = commit("none", options);
  none.close_matters = true;
  fail_each_call(none);
}

TEST_CASE("fail at call n: a commit by the protocol fast", "[P19]") {
  WriteOptions options;
  options.protocol = ProtocolChoice::fast;
  fail_each_call(commit("fast", options));
  options.verify = true;
  fail_each_call(commit("fast, verified", options));
  options.verify = false;
  options.protocol = ProtocolChoice::automatic;
  fail_each_call(commit("automatic", options));
  options.durability = Durability::ordered;
  fail_each_call(commit("fast, ordered", options));
}

TEST_CASE("fail at call n: a commit where no file was", "[P19]") {
  Scenario scenario = commit("no file yet", {});
  scenario.prepare = [](const test::fs::path&) {};
  scenario.existed = false;
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: metadata preserved", "[P19]") {
  WriteOptions options;
  options.metadata.keep_special = true;
  Scenario scenario = commit("preserve", options);
  scenario.prepare = rich_target;
  scenario.check = poorer;
  add(scenario, Operation::get_xattr);  // only saves a call when the value is there already
  // On a coarse clock it is read through a handle, if this user may read it.
  add(scenario, Operation::open_file, {EACCES, ELOOP, ENOENT});
  add(scenario, Operation::get_xattr_at, {ENODATA});  // somebody removed it: all is read again
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: metadata fixed", "[P19]") {
  WriteOptions options;
  options.metadata = Metadata::fixed(04751);
  if (test::is_root()) options.metadata.owner = 1234;
  Scenario scenario = commit("fixed", options);
  scenario.check = [](const test::fs::path& at) {
    return test::mode_of(at / "target") == 04751 ? "" : "the mode is another";
  };
  add(scenario, Operation::set_xattr, {EOPNOTSUPP});  // a file system without ACLs has the mode
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: keep, by rename and by link", "[P19]") {
  WriteOptions options;
  options.existing = ExistingPolicy::keep;
  Scenario scenario = commit("keep", options);
  scenario.prepare = [](const test::fs::path&) {};
  scenario.existed = false;
  add(scenario, Operation::rename, {EINVAL});
  fail_each_call(scenario);
  scenario.name = "keep by link";
  add(scenario, Operation::unlink, {ENOENT});
  scenario.without_no_replace = true;
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: backup, the first and the next", "[P19]") {
  WriteOptions options;
  options.existing = ExistingPolicy::backup;
  Scenario scenario = commit("first backup", options);
  scenario.check = [](const test::fs::path& at) {
    return test::slurp(at / "target~") == "old content" ? "" : "no backup of the old content";
  };
  add(scenario, Operation::link, {EEXIST});
  fail_each_call(scenario);
  scenario.name = "next backup";
  add(scenario, Operation::unlink, {ENOENT});  // as always: the rename has taken it along
  scenario.tolerated.push_back({Operation::rename, {ENOENT}, "target~"});  // a cleaner was there
  scenario.prepare = [](const test::fs::path& at) {
    old_target(at);
    test::spit(at / "target~", "older content");
  };
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: expect, coordinate, report_version", "[P19]") {
  Scenario expect = commit("expect", {});
  expect.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto version, read_version(at / "target"));
    BOOST_OUTCOME_TRY(write_file(at / "target", fresh, {.expected = version}, system));
    return success();
  };
  fail_each_call(expect);
  WriteOptions options;
  options.coordinate = true;
  fail_each_call(commit("coordinate", options));
  options.coordinate = false;
  options.report_version = true;
  fail_each_call(commit("report_version", options));
}

TEST_CASE("fail at call n: a large image, verified", "[P19]") {
  static const std::string large(std::size_t{1} << 20U, 'L');
  WriteOptions options;
  options.verify = true;
  Scenario scenario = commit("verify", options);
  scenario.after = large;
  scenario.act = [options](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(write_file(at / "target", large, options, system));
    return success();
  };
  add(scenario, Operation::preallocate, {EOPNOTSUPP, EINTR});
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: parents made", "[P19]") {
  WriteOptions options;
  options.make_parents = true;
  Scenario scenario = commit("make_parents", options);
  scenario.prepare = [](const test::fs::path&) {};
  scenario.target = "a/b/target";
  scenario.existed = false;
  scenario.act = [options](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(write_file(at / "a/b/target", fresh, options, system));
    return success();
  };
  add(scenario, Operation::open_directory, {ENOENT});
  add(scenario, Operation::make_directory, {EEXIST});
  scenario.lies.push_back({Operation::open_directory, {ENOENT}});
  scenario.lies.push_back({Operation::make_directory, {EEXIST}});
  // To make a directory one opens the one above: whoever can't has not left this one unsynced.
  scenario.tolerated.push_back({Operation::open_directory, {EACCES}, ".."});
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: links followed into another directory", "[P19]") {
  Scenario scenario = commit("symlinks", {});
  scenario.target = "elsewhere/real";
  scenario.prepare = [](const test::fs::path& at) {
    test::fs::create_directory(at / "elsewhere");
    test::spit(at / "elsewhere/real", "old content");
    test::fs::create_symlink("real", at / "elsewhere/link");
    test::fs::create_symlink("elsewhere/link", at / "target");
  };
  fail_each_call(scenario);
}

TEST_CASE("a verified commit believes no disk that gives back other bytes") {
  for (const auto& steps : {std::initializer_list<long>{0}, {1, 2, 3}, {10, -1}}) {
    const test::TempDirectory directory;
    old_target(directory.path());
    testing::FaultyFileSystem files(native_file_system());
    files.script(Operation::read_at, steps);
    WriteOptions options;
    options.verify = true;
    const auto outcome = write_file(directory / "target", fresh, options,
                                    {.files = &files, .environment = &native_environment()});
    const bool honest = steps.size() == 3;  // short reads go on
    CHECK(outcome.has_value() == honest);
    CHECK(test::slurp(directory / "target") == (honest ? fresh : "old content"));
    CHECK(test::temps_in(directory.path()).empty());
  }
  struct Liar final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    SysResult<std::size_t> read_at(Handle file, std::uint64_t offset,
                                   std::span<std::byte> out) override {
      auto got = base().read_at(file, offset, out);
      if (got && got.value() > 0) out[got.value() - 1] ^= std::byte{1};
      return got;
    }
  };
  const test::TempDirectory directory;
  old_target(directory.path());
  Liar files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  WriteOptions options;
  options.verify = true;
  REQUIRE_FAILS(verify, unchanged, write_file(directory / "target", fresh, options, system));
  auto file = AtomicFile::create(directory / "target", options, system);
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes(fresh)));
  REQUIRE_FAILS(verify, unchanged, file.value().commit());
  CHECK(test::slurp(directory / "target") == "old content");
  CHECK(test::temps_in(directory.path()).empty());
}
