// SPDX-License-Identifier: BSL-1.0
// Fail at call n for streamed files, and for what stands beside commits.
#include <perdure/perdure.hpp>

#include "faults.hpp"
#include "support/attributes.hpp"

using namespace perdure;
using test::fail_each_call;
using test::Scenario;
using testing::Operation;

namespace {

const std::string fresh(100'000, 'n');
const std::string stale = ".target.0123456789abcdef.perdure-tmp";

void old_target(const test::fs::path& at) {
  test::spit(at / "target", "old content");
}

/// Writes in pieces, commits, and after a failure tries to go on as a careless caller would.
Result<void> stream(System system, const test::fs::path& target, const WriteOptions& options) {
  BOOST_OUTCOME_TRY(auto file, AtomicFile::create(target, options, system));
  const auto outcome = [&]() -> Result<void> {
    const std::string_view text = fresh;
    BOOST_OUTCOME_TRY(file.write(as_bytes(text.substr(0, 70'000))));
    BOOST_OUTCOME_TRY(file.write(as_bytes(text.substr(70'000, 10))));
    BOOST_OUTCOME_TRY(file.write(as_bytes(text.substr(70'010))));
    BOOST_OUTCOME_TRY(file.commit());
    return success();
  }();
  if (file.write(as_bytes(fresh)) || file.commit()) {
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unknown,
                 .cause = {},
                 .step = "",
                 .path = "",
                 .detail = "it went on after its end"};
  }
  return outcome;
}

Scenario streamed(std::string name, const WriteOptions& options) {
  return {
      .name = std::move(name),
      .prepare = old_target,
      .act = [options](System system,
                       const test::fs::path& at) { return stream(system, at / "target", options); },
      .after = fresh,
      .tolerated = {{Operation::create, {EEXIST}}, {Operation::try_lock, {EWOULDBLOCK}}},
      .lies = {{Operation::stat_at, {ENOENT}}, {Operation::unlink, {ENOENT}}}};
}

Scenario removal(std::string name, const WriteOptions& options) {
  return {.name = std::move(name),
          .prepare = old_target,
          .act =
              [options](System system, const test::fs::path& at) {
                return remove_file(at / "target", options, system);
              },
          .exists_after = false,
          .tolerated = {{Operation::create, {EEXIST}}, {Operation::try_lock, {EWOULDBLOCK}}},
          .lies = {{Operation::stat_at, {ENOENT}}}};
}

/// Out of order, the end of it from another file.
Result<void> scatter(System system, const test::fs::path& at, const WriteOptions& options) {
  const auto told = [&at](const auto& opened) -> Result<Handle> {
    if (opened) return opened.value();
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unchanged,
                 .cause = opened.error(),
                 .step = "open the source",
                 .path = at.native(),
                 .detail = ""};
  };
  FileSystem& files = *system.files;
  BOOST_OUTCOME_TRY(const Handle directory,
                    told(files.open_directory(Handle::working_directory, at.native())));
  const OwnedHandle place(files, directory);
  BOOST_OUTCOME_TRY(const Handle opened, told(files.open_file(directory, "source")));
  const OwnedHandle source(files, opened);
  BOOST_OUTCOME_TRY(auto file, AtomicFile::create(at / "target", options, system));
  const std::string_view text = fresh;
  BOOST_OUTCOME_TRY(file.write_at(30'000, as_bytes(text.substr(30'000, 30'000))));
  BOOST_OUTCOME_TRY(file.write_at(0, as_bytes(text.substr(0, 30'000))));
  for (std::uint64_t offset = 0; offset < 40'000;) {
    BOOST_OUTCOME_TRY(const std::uint64_t got,
                      file.append_from(source.get(), offset, 40'000 - offset));
    if (got == 0) break;
    offset += got;
  }
  BOOST_OUTCOME_TRY(file.commit());
  return success();
}

}  // namespace

TEST_CASE("fail at call n: a file written out of order, and from another file", "[P19]") {
  for (const bool verify : {false, true}) {
    WriteOptions options;
    options.verify = verify;
    Scenario scenario = streamed(verify ? "scattered, verified" : "scattered", options);
    scenario.prepare = [](const test::fs::path& at) {
      old_target(at);
      test::spit(at / "source", fresh.substr(60'000));
    };
    scenario.act = [options](System system, const test::fs::path& at) {
      return scatter(system, at, options);
    };
    // Whatever keeps the kernel from copying: the bytes are read and written.
    scenario.tolerated.push_back({Operation::copy_range, {}});
    fail_each_call(scenario);
  }
}

TEST_CASE("fail at call n: an adopted file", "[P19]") {
  for (const bool coordinate : {false, true}) {
    WriteOptions options;
    options.coordinate = coordinate;
    Scenario scenario = streamed(coordinate ? "adopted, coordinated" : "adopted", options);
    scenario.prepare = [](const test::fs::path& at) {
      old_target(at);
      test::spit(at / "part", fresh);
    };
    scenario.act = [options](System system, const test::fs::path& at) -> Result<void> {
      BOOST_OUTCOME_TRY(AtomicFile::adopt(at / "target", at / "part", options, system));
      return success();
    };
    // Which file the rename took, which goes by the name: a look at the target tells.
    scenario.decisive = {{Operation::stat_at, {}, "target"}, {Operation::stat, {}}};
    // Where the kernel does not tell who writes, nobody is known to.
    scenario.tolerated.push_back({Operation::open_for_writing, {}});
    fail_each_call(scenario);
  }
}

TEST_CASE("fail at call n: a streamed file", "[P19]") {
  WriteOptions options;
  fail_each_call(streamed("stream", options));
  options.report_version = true;
  options.coordinate = true;
  fail_each_call(streamed("stream, coordinated", options));
  options = {};
  options.durability = Durability::none;
  Scenario none = streamed("stream, unsynced", options);
  none.close_matters = true;
  fail_each_call(none);
}

TEST_CASE("fail at call n: a file streamed by the protocol fast", "[P19]") {
  WriteOptions options;
  options.protocol = ProtocolChoice::fast;
  fail_each_call(streamed("fast stream", options));
  options.verify = true;
  fail_each_call(streamed("fast stream, verified", options));
}

TEST_CASE("fail at call n: a streamed file, verified", "[P19]") {
  WriteOptions options;
  options.verify = true;
  fail_each_call(streamed("stream, verified", options));
}

TEST_CASE("fail at call n: a streamed file that keeps, backs up, expects", "[P19]") {
  WriteOptions options;
  options.existing = ExistingPolicy::backup;
  Scenario backup = streamed("stream, backup", options);
  backup.tolerated.push_back({Operation::link, {EEXIST}});
  fail_each_call(backup);
  options.existing = ExistingPolicy::keep;
  Scenario keep = streamed("stream, keep", options);
  keep.prepare = [](const test::fs::path&) {};
  keep.existed = false;
  keep.tolerated.push_back({Operation::rename, {EINVAL}});
  keep.tolerated.push_back({Operation::create_unnamed, {EOPNOTSUPP}});  // a temp shows the mode
  fail_each_call(keep);
  Scenario expect = streamed("stream, expect", {});
  expect.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto version, read_version(at / "target"));
    return stream(system, at / "target", {.expected = version});
  };
  fail_each_call(expect);
}

TEST_CASE("fail at call n: remove_file", "[P19]") {
  WriteOptions options;
  fail_each_call(removal("remove", options));
  options.coordinate = true;
  fail_each_call(removal("remove, coordinated", options));
  Scenario expect = removal("remove, expected", {});
  expect.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto version, read_version(at / "target"));
    return remove_file(at / "target", {.expected = version}, system);
  };
  fail_each_call(expect);
}

TEST_CASE("fail at call n: read_file and read_version", "[P19]") {
  Scenario scenario = removal("read", {});
  scenario.after = scenario.before;
  scenario.exists_after = true;
  scenario.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto content, read_file(at / "target", UINT64_MAX, system));
    BOOST_OUTCOME_TRY(const auto version, read_version(at / "target", system));
    if (as_text(content.bytes) != "old content" || !content.version.same_stamps(version)) {
      throw std::logic_error("read_file made something up");
    }
    return success();
  };
  scenario.lies.clear();
  scenario.tolerated.clear();
  // "No file" is what ENOENT means to read_version; here the exception above would tell.
  Scenario version = scenario;
  version.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(read_version(at / "target", system));
    return success();
  };
  version.tolerated = {{Operation::stat_at, {ENOENT}}};
  fail_each_call(version);
  scenario.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto content, read_file(at / "target", UINT64_MAX, system));
    if (as_text(content.bytes) != "old content") {
      throw std::logic_error("read_file made something up");
    }
    return success();
  };
  scenario.tolerated = {{Operation::stat_at, {ENOENT}}};  // the open decides
  fail_each_call(scenario);
}

TEST_CASE("short reads give the whole file, a file that shrinks is read again") {
  const test::TempDirectory directory;
  old_target(directory.path());
  testing::FaultyFileSystem files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  files.script(Operation::read_at, {1, 2, 3});
  CHECK(as_text(read_file(directory / "target", UINT64_MAX, system).value().bytes) ==
        "old content");
  files.script(Operation::read_at, {4, 0});
  CHECK(as_text(read_file(directory / "target", UINT64_MAX, system).value().bytes) ==
        "old content");
  files.fail({.operation = Operation::read_at, .from_then_on = true, .count = 0});
  REQUIRE_FAILS(conflict, unchanged, read_file(directory / "target", UINT64_MAX, system));
  CHECK(files.handles_open() == 0);
}

TEST_CASE("fail at call n: clean", "[P19]") {
  Scenario scenario = removal("clean", {});
  scenario.prepare = [](const test::fs::path& at) {
    old_target(at);
    test::spit(at / "foreign", "");
    test::spit(at / stale, "half");
  };
  scenario.after = scenario.before;
  scenario.exists_after = true;
  scenario.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto report, clean(at, {}, system));
    // Each way out is told: removed, skipped, or gone before.
    if (test::temps_in(at).empty()) return success();
    if (report.skipped == std::vector{stale} || report.live == std::vector{stale}) {
      test::fs::remove(at / stale);
      return success();
    }
    return Error{.kind = ErrorKind::system,
                 .fate = Fate::unchanged,
                 .cause = {},
                 .step = "clean",
                 .path = at.native(),
                 .detail = "left without a word"};
  };
  scenario.tolerated = {{Operation::open_file, {}},
                        {Operation::stat, {}},
                        {Operation::open_for_writing, {}},
                        {Operation::unlink, {ENOENT}}};
  // A failure of clean() names no temp when it came before there was one to name: they are the
  // stale ones, and stay for the next run.
  const auto act = scenario.act;
  scenario.act = [act](System system, const test::fs::path& at) -> Result<void> {
    auto done = act(system, at);
    if (!done && done.error().detail.find("left without a word") == std::string::npos) {
      test::fs::remove(at / stale);
    }
    return done;
  };
  scenario.lies = {{Operation::unlink, {ENOENT}}, {Operation::open_file, {ENOENT}}};
  fail_each_call(scenario);
}

TEST_CASE("fail at call n: probe", "[P19]") {
  Scenario scenario = removal("probe", {});
  scenario.after = scenario.before;
  scenario.exists_after = true;
  scenario.act = [](System system, const test::fs::path& at) -> Result<void> {
    BOOST_OUTCOME_TRY(probe(at, system));
    return success();
  };
  scenario.tolerated.clear();
  scenario.lies = {{Operation::unlink, {ENOENT}}};
  // A failure while a thing is tried out is the answer.
  for (const auto operation :
       {Operation::sync_file, Operation::sync_directory, Operation::preallocate, Operation::link,
        Operation::rename, Operation::set_xattr, Operation::try_lock, Operation::open_file,
        Operation::open_for_writing, Operation::open_direct, Operation::write_through,
        Operation::write_at, Operation::sync_data}) {
    scenario.tolerated.push_back({operation, {}});
  }
  scenario.tolerated.push_back({Operation::unlink, {}});  // tried again at the end, and told then
  fail_each_call(scenario);
}
