// SPDX-License-Identifier: BSL-1.0
// The fate of a commit that went well, when a step behind it failed; and of calls that only read.
#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>

#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;

namespace {

/// Fails, and takes `lost` away.
template <Fact lost = Fact::none>
struct Refuse {
  static constexpr std::string_view name = "refuse";
  static constexpr Fact needs = Fact::published;
  static constexpr Fact gives = Fact::none;
  static constexpr Fact drops = lost;
  Result<void> run(Commit& /*commit*/) const {
    return Error{
        .kind = ErrorKind::unsupported, .cause = {}, .step = {}, .path = {}, .detail = "no"};
  }
};

template <class... Stages>
Result<Receipt> commit_by(const TempDirectory& at, const Pipeline<Stages...>& pipeline) {
  const auto writer = AtomicWriter::bind(at.path(), pipeline);
  REQUIRE_OK(writer);
  return writer.value().commit("target", "new");
}

/// Looks at open files no more once one has its name.
struct Blind : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    blind = true;
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<Status> stat(Handle handle) override {
    if (blind) return std::make_error_code(std::errc::io_error);
    return ForwardingFileSystem::stat(handle);
  }
  bool blind = false;
};

}  // namespace

// A stage of the user's tells somebody that the new content is there, and that fails: the content
// was said to be "visible, but a power cut may still undo it", so that its owner saved it again.
TEST_CASE("a stage that fails behind the last sync can't undo the commit", "[P4][P19]") {
  const TempDirectory at;
  const auto check = [&](const auto& pipeline) {
    const auto failed = commit_by(at, pipeline);
    REQUIRE_FAILS(unsupported, durable, failed);
    CHECK_THAT(failed.error().message(), test::Contains("in place and durable"));
    CHECK(test::slurp(at / "target") == "new");
  };
  check(Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, Rename{},
                 SyncParent{}, Refuse<>{}));
  check(Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                 PublishTogether<Protocol::portable>{std::make_shared<GroupCommit>()}, Refuse<>{}));
}

TEST_CASE("a commit says durable only when the facts of its stages do", "[P4][P19]") {
  const TempDirectory at;
  REQUIRE_FAILS(unsupported, visible,
                commit_by(at, Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{},
                                       SyncFile{}, Rename{}, Refuse<>{}, SyncParent{})));
  REQUIRE_FAILS(
      unsupported, visible,
      commit_by(at, Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                             Rename{}, SyncParent{}, Refuse<Fact::durable_name>{})));
}

TEST_CASE("a commit whose new version can't be told is durable all the same", "[P4][P19]") {
  const TempDirectory at;
  Blind files(native_file_system());
  WriteOptions options{.report_version = true};
  SECTION("alone") {}
  SECTION("in company") {
    options.group = std::make_shared<GroupCommit>();
  }
  const auto failed = write_file(at / "target", "new", options,
                                 {.files = &files, .environment = &native_environment()});
  REQUIRE_FAILS(system, durable, failed);
  CHECK(failed.error().step == "read the new version");
  CHECK(test::slurp(at / "target") == "new");
}

TEST_CASE("a batch says of each file that it is durable", "[P9][P19]") {
  const TempDirectory at;
  Blind files(native_file_system());
  const std::vector<NewFile> two{{.target = at / "a", .image = as_bytes("1")},
                                 {.target = at / "b", .image = as_bytes("2")}};
  for (const auto& failed : write_files(two, {.report_version = true},
                                        {.files = &files, .environment = &native_environment()})) {
    REQUIRE_FAILS(system, durable, failed);
  }
}

TEST_CASE("a second commit says what the first one reached", "[P19]") {
  const TempDirectory at;
  const auto twice = [&](const WriteOptions& options) {
    auto file = AtomicFile::create(at / "target", options);
    REQUIRE_OK(file);
    REQUIRE_OK(file.value().commit());
    CHECK(file.value().write(as_bytes("more")).error().fate == file.value().commit().error().fate);
    return file.value().commit();
  };
  REQUIRE_FAILS(invalid_argument, durable, twice({}));
  REQUIRE_FAILS(invalid_argument, visible, twice({.durability = Durability::ordered}));
  auto dropped = AtomicFile::create(at / "target");
  REQUIRE_OK(dropped);
  REQUIRE_OK(dropped.value().discard());
  REQUIRE_FAILS(invalid_argument, unchanged, dropped.value().commit());
  auto transaction = Transaction::begin(at.path());
  REQUIRE_OK(transaction);
  REQUIRE_OK(transaction.value().put("f", "1"));
  REQUIRE_OK(transaction.value().commit());
  REQUIRE_FAILS(invalid_argument, durable, transaction.value().commit());
  REQUIRE_FAILS(invalid_argument, durable, transaction.value().put("f", "2"));
}

// "could not read the file: No such file or directory; the target is unchanged": which target?
TEST_CASE("an error of reading does not speak of a target", "[P19]") {
  const TempDirectory at;
  const Path missing = at / "none";
  test::spit(at / "file", "1");
  for (const std::string& said :
       {test::words_of(read_file(missing)), test::words_of(read_file(at / "file", 0)),
        test::words_of(read_version(missing / "f/g")),
        test::words_of(read_content_version(missing / "f/g")), test::words_of(probe(missing)),
        test::words_of(clean(missing)), test::words_of(inspect(missing))}) {
    INFO(said);
    CHECK_FALSE(said.empty());
    CHECK(said.find("target") == std::string::npos);
  }
  CHECK_THAT(test::words_of(write_file(missing / "f/g", "1")),
             test::Contains("the target is unchanged"));
}

TEST_CASE("each fate has a word of its own, and none of them is that of a success", "[P19]") {
  std::set<std::string_view> words{"done"};
  for (const Fate fate :
       {Fate::unchanged, Fate::visible, Fate::durable, Fate::committed, Fate::unknown}) {
    CHECK(words.insert(to_string(fate)).second);
  }
}
