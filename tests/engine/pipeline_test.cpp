// SPDX-License-Identifier: BSL-1.0
// Pipelines: what a receipt says, stages of one's own, stages that fail, the table in the docs.
#include <array>
#include <cerrno>
#include <functional>
#include <set>
#include <stdexcept>

#include <perdure/atomic_file.hpp>
#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::Claiming;
using test::TempDirectory;

namespace {

std::vector<std::string> stages_of(const Receipt& receipt) {
  std::vector<std::string> names;
  for (const auto& stage : receipt.stages) names.emplace_back(stage.stage);
  return names;
}

/// Appends a seal to the image, before it is written.
struct Seal {
  static constexpr std::string_view name = "seal";
  static constexpr Fact needs = Fact::image;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit& commit) const {
    Buffer sealed(commit.image.begin(), commit.image.end());
    for (const char c : std::string_view("|sealed")) sealed.push_back(static_cast<std::byte>(c));
    commit.storage = std::move(sealed);
    commit.image = commit.storage;
    return success();
  }
};

/// Makes the temp in a way of its own, right or wrong.
struct OwnTemp {
  static constexpr std::string_view name = "own temp";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = Fact::temp;
  bool opens = true;
  bool names = true;
  std::uint32_t mode = 0600;
  std::string_view content{};
  std::string other_name{};
  Result<void> run(Commit& commit) const {
    const std::string made_as = ".target.0123456789abcdef.perdure-tmp";
    const auto made = commit.files.create(commit.directory, made_as, mode);
    if (!made) return commit.failure(name, made.error());
    OwnedHandle temp(commit.files, made.value());
    if (!content.empty()) (void)commit.files.write_at(temp.get(), 0, as_bytes(content));
    const bool wrong = !opens || !names || !other_name.empty();
    if (wrong) (void)commit.files.unlink(commit.directory, made_as);
    if (opens) commit.temp = std::move(temp);
    if (names) commit.temp_name = other_name.empty() ? made_as : other_name;
    return success();
  }
};

/// A second image in the place of the first.
struct Exchange {
  static constexpr std::string_view name = "exchange";
  static constexpr Fact needs = Fact::image;
  static constexpr Fact gives = Fact::none;
  std::string_view image{};
  Result<void> run(Commit& commit) const {
    commit.image = as_bytes(image);
    return success();
  }
};

/// syncfs(2) tells each open file of content that was lost, once (struct file's f_sb_err).
struct TellsEachHandleOnce final : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<void> sync_file_system(Handle at) override {
    if (before) std::exchange(before, {})();
    if (told.insert(at).second) return std::make_error_code(std::errc::io_error);
    return ForwardingFileSystem::sync_file_system(at);
  }
  std::function<void()> before;
  std::set<Handle> told;
};

/// Tells somebody, once it is durable.
struct Notify {
  static constexpr std::string_view name = "notify";
  static constexpr Fact needs = Fact::published | Fact::durable_content | Fact::durable_name;
  static constexpr Fact gives = Fact::none;
  std::vector<std::string>* told = nullptr;
  Result<void> run(Commit& commit) const {
    told->push_back(commit.leaf);
    return success();
  }
};

/// Sends the image elsewhere before it is published here.
struct Replicate {
  static constexpr std::string_view name = "replicate";
  static constexpr Fact needs = Fact::image | Fact::ordered;
  static constexpr Fact gives = Fact::none;
  boost::filesystem::path to;
  Result<void> run(Commit& commit) const {
    BOOST_OUTCOME_TRY(write_file(to, commit.image));
    return success();
  }
};

/// A stage that answers with an error of its own, which knows nothing of fates.
template <Fact needed>
struct Refuse {
  static constexpr std::string_view name = "refuse";
  static constexpr Fact needs = needed;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit&) const {
    return Error{.kind = ErrorKind::unsupported,
                 .fate = Fate::unchanged,
                 .cause = {},
                 .step = {},
                 .path = {},
                 .detail = "no"};
  }
};

struct Throw {
  static constexpr std::string_view name = "throw";
  static constexpr Fact needs = Fact::temp;
  static constexpr Fact gives = Fact::none;
  Result<void> run(Commit&) const { throw std::runtime_error("out of this world"); }
};

Receipt committed(const TempDirectory& directory, Durability durability, bool verify) {
  WriteOptions options;
  options.durability = durability;
  options.verify = verify;
  const auto receipt = write_file(directory / "target", "content", options);
  REQUIRE_OK(receipt);
  return receipt.value();
}

std::string facts(Fact facts) {
  static constexpr std::array words{std::pair{Fact::image, "image"},
                                    std::pair{Fact::temp, "temp"},
                                    std::pair{Fact::content, "content"},
                                    std::pair{Fact::ordered, "ordered"},
                                    std::pair{Fact::metadata, "metadata"},
                                    std::pair{Fact::published, "published"},
                                    std::pair{Fact::durable_content, "durable content"},
                                    std::pair{Fact::durable_name, "durable name"}};
  std::string text;
  for (const auto& [fact, word] : words) {
    if (has(facts, fact)) text += (text.empty() ? "" : ", ") + std::string(word);
  }
  return text;
}

/// A row of the table for each of them.
template <class... Stages>
std::vector<std::string> rows(const std::tuple<Stages...>* /*of*/) {
  const auto cell = [](const std::string& text) { return text.empty() ? " |" : " " + text + " |"; };
  return {("|" + cell(std::string(Stages::name)) + cell(facts(Stages::needs)) +
           cell(facts(Stages::gives)) + cell(facts(dropped_by<Stages>())))...};
}

}  // namespace

// Both committed by the one handle of the directory, and the other one's sync took the report.
TEST_CASE("a commit hears of its lost content though another thread syncs the same directory") {
  const TempDirectory directory;
  FileSystemInfo info;
  info.type = "btrfs";
  info.sync_reports = true;
  Claiming btrfs(info);
  TellsEachHandleOnce files(btrfs);
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncAll{}, Rename{},
                          SyncParent{});
  const auto writer = AtomicWriter::bind(directory.path(), pipeline, {},
                                         {.files = &files, .environment = &native_environment()});
  REQUIRE_OK(writer);
  files.before = [&] {
    REQUIRE_FAILS(system, unchanged, writer.value().commit("other", as_bytes("content")));
  };
  REQUIRE_FAILS(system, unchanged, writer.value().commit("target", as_bytes("content")));
  CHECK(directory.names().empty());
}

// The end of the first image stayed behind the second.
TEST_CASE("an image that is written twice may grow, and is refused when it is shorter") {
  const TempDirectory directory;
  const auto write = [&](std::string_view second) {
    const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, Exchange{second}, Write{},
                            ApplyMetadata{}, SyncFile{}, Rename{}, SyncParent{});
    const auto writer = AtomicWriter::bind(directory.path(), pipeline);
    REQUIRE_OK(writer);
    return writer.value().commit("target", as_bytes("content"));
  };
  REQUIRE_OK(write("longer content"));
  CHECK(test::slurp(directory / "target") == "longer content");
  const auto refused = write("short");
  REQUIRE_FAILS(invalid_argument, unchanged, refused);
  CHECK(refused.error().step == "write the new content");
  CHECK(test::slurp(directory / "target") == "longer content");
  CHECK(directory.names() == std::vector<std::string>{"target"});
}

TEST_CASE("a receipt tells the stages that ran and the durability that they reached") {
  const TempDirectory directory;
  const Receipt durable = committed(directory, Durability::durable, false);
  CHECK(durable.durability == Durability::durable);
  CHECK(durable.protocol == Protocol::portable);
  CHECK(durable.bytes == 7);
  CHECK(durable.version.is_absent());
  CHECK(stages_of(durable) == std::vector<std::string>{"serialize", "create temp", "write",
                                                       "apply metadata", "sync file", "rename",
                                                       "sync parent"});
  const Receipt ordered = committed(directory, Durability::ordered, false);
  CHECK(ordered.durability == Durability::ordered);
  CHECK(stages_of(ordered) == std::vector<std::string>{"serialize", "create temp", "write",
                                                       "apply metadata", "sync file", "rename"});
  const Receipt none = committed(directory, Durability::none, false);
  CHECK(none.durability == Durability::none);
  CHECK(stages_of(none) == std::vector<std::string>{"serialize", "create temp", "write",
                                                    "apply metadata", "rename unordered"});
}

TEST_CASE("verify reads back between the sync and the publish") {
  const TempDirectory directory;
  CHECK(stages_of(committed(directory, Durability::durable, true)) ==
        std::vector<std::string>{"serialize", "create temp", "write", "apply metadata", "sync file",
                                 "verify", "rename", "sync parent"});
  CHECK(stages_of(committed(directory, Durability::ordered, true)).back() == "rename");
  WriteOptions options;
  options.durability = Durability::none;
  options.verify = true;
  REQUIRE_FAILS(invalid_argument, unchanged, write_file(directory / "target", "new", options));
}

TEST_CASE("a receipt's times come from the environment") {
  struct Ticking final : Environment {
    SysResult<void> random(std::span<std::byte> out) override {
      return native_environment().random(out);
    }
    std::chrono::nanoseconds monotonic() override { return std::chrono::nanoseconds(now += 10); }
    std::chrono::nanoseconds wall() override { return {}; }
    void sleep(std::chrono::nanoseconds) override {}
    int now = 0;
  };
  const TempDirectory directory;
  Ticking environment;
  const auto receipt = write_file(directory / "target", "content", {},
                                  {.files = &native_file_system(), .environment = &environment});
  REQUIRE_OK(receipt);
  for (const auto& stage : receipt.value().stages) {
    CHECK(stage.time == std::chrono::nanoseconds(10));
  }
}

TEST_CASE("a reported version is the one that a reader finds", "[P5]") {
  const TempDirectory directory;
  WriteOptions options;
  options.report_version = true;
  const auto receipt = write_file(directory / "target", "content", options);
  REQUIRE_OK(receipt);
  // The stamps alone: on a coarse clock, one of both looks may have come within the tick.
  CHECK(receipt.value().version.same_stamps(read_version(directory / "target").value()));
}

TEST_CASE("the receipt of a streamed file has the stages before its commit, too") {
  const TempDirectory directory;
  auto file = AtomicFile::create(directory / "target");
  REQUIRE_OK(file);
  REQUIRE_OK(file.value().write(as_bytes("streamed")));
  const auto receipt = file.value().commit();
  REQUIRE_OK(receipt);
  CHECK(stages_of(receipt.value()) == std::vector<std::string>{"create temp", "write",
                                                               "apply metadata", "sync file",
                                                               "rename", "sync parent"});
}

TEST_CASE("stages of one's own seal, replicate and notify") {
  const TempDirectory directory;
  std::vector<std::string> told;
  const Pipeline pipeline(Serialize{}, Seal{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                          Replicate{directory / "copy"}, Rename{}, SyncParent{}, Notify{&told});
  static_assert(decltype(pipeline)::durability == Durability::durable);
  const auto writer = AtomicWriter::bind(directory.path(), pipeline);
  REQUIRE_OK(writer);
  const auto receipt = writer.value().commit("target", std::string("text"), Text());
  REQUIRE_OK(receipt);
  CHECK(test::slurp(directory / "target") == "text|sealed");
  CHECK(test::slurp(directory / "copy") == "text|sealed");
  CHECK(told == std::vector<std::string>{"target"});
  CHECK(receipt.value().bytes == 11);
  CHECK(stages_of(receipt.value()).back() == "notify");
}

TEST_CASE("a stage of one's own may make the temp, and the target has the mode of a new file") {
  const TempDirectory directory;
  const Pipeline pipeline(Serialize{}, OwnTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, Rename{},
                          SyncParent{});
  const auto writer = AtomicWriter::bind(directory.path(), pipeline);
  REQUIRE_OK(writer);
  REQUIRE_OK(writer.value().commit("target", "new"));
  REQUIRE_OK(write_file(directory / "usual", "new"));
  CHECK(test::slurp(directory / "target") == "new");
  CHECK(boost::filesystem::status(directory / "target").permissions() ==
        boost::filesystem::status(directory / "usual").permissions());
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target", "usual"});
}

TEST_CASE("a temp of one's own that is not what the others rely on is refused with its reason") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  boost::filesystem::permissions(directory / "target", boost::filesystem::owner_all);
  const auto refused = [&](const OwnTemp& stage) {
    const auto writer = AtomicWriter::bind(
        directory.path(),
        Pipeline(Serialize{}, stage, Write{}, ApplyMetadata{}, SyncFile{}, Rename{}, SyncParent{}));
    REQUIRE_OK(writer);
    const auto receipt = writer.value().commit("target", "new");
    REQUIRE_FAILS(invalid_argument, unchanged, receipt);
    CHECK(receipt.error().step == "own temp");
    CHECK(test::slurp(directory / "target") == "old");
    return receipt.error().message();
  };
  CHECK_THAT(refused({.opens = false}), test::Contains("Commit::temp is not open"));
  CHECK_THAT(refused({.names = false}), test::Contains("Commit::temp_name is empty"));
  CHECK_THAT(refused({.mode = 0644}), test::Contains("shut out"));
  CHECK_THAT(refused({.content = "rest"}), test::Contains("it is not empty"));
  CHECK_THAT(refused({.other_name = "target"}), test::Contains("another file"));
  CHECK_THAT(refused({.other_name = "gone"}), test::Contains("there is no 'gone'"));
  CHECK_THAT(refused({.other_name = "../target"}), test::Contains("a name in its directory"));
}

// The fuzzer's: a second Write appended the image to the first, and a second Serialize did so in
// memory.
TEST_CASE("stages that run twice commit the image once") {
  const TempDirectory directory;
  const auto check = [&](const AnyPipeline& pipeline) {
    const auto writer = AtomicWriter::bind(directory.path(), pipeline);
    REQUIRE_OK(writer);
    const auto receipt = writer.value().commit("target", std::string("text"), Text());
    REQUIRE_OK(receipt);
    CHECK(receipt.value().bytes == 4);
    CHECK(test::slurp(directory / "target") == "text");
    CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  };
  check(Pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, Write{},
                 ApplyMetadata{}, SyncFile{}, Rename{}, SyncParent{}));
  check(Pipeline(Serialize{}, Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                 Rename{}, SyncParent{}));
}

TEST_CASE("a stage that fails before the publish leaves the target and no temp", "[P2][P16]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{},
                          Refuse<Fact::ordered>{}, Rename{}, SyncParent{});
  const auto writer = AtomicWriter::bind(directory.path(), pipeline);
  REQUIRE_OK(writer);
  const auto failed = writer.value().commit("target", "new");
  REQUIRE_FAILS(unsupported, unchanged, failed);
  CHECK(failed.error().path == (directory / "target").native());
  CHECK(failed.error().step == "refuse");
  CHECK(test::slurp(directory / "target") == "old");
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
}

TEST_CASE("a stage that fails after the publish can't claim that nothing happened", "[P4][P19]") {
  // A user's stage returns an Error whose fate is the default; the engine knows better.
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Write{}, ApplyMetadata{}, SyncFile{}, Rename{},
                          Refuse<Fact::published>{}, SyncParent{});
  const auto writer = AtomicWriter::bind(directory.path(), pipeline);
  REQUIRE_OK(writer);
  REQUIRE_FAILS(unsupported, visible, writer.value().commit("target", "new"));
  CHECK(test::slurp(directory / "target") == "new");
}

TEST_CASE("a stage that throws leaves no temp behind", "[P16]") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  const Pipeline pipeline(Serialize{}, CreateTemp{}, Throw{}, Write{}, ApplyMetadata{}, SyncFile{},
                          Rename{}, SyncParent{});
  const auto writer = AtomicWriter::bind(directory.path(), pipeline);
  REQUIRE_OK(writer);
  CHECK_THROWS_AS(writer.value().commit("target", "new"), std::runtime_error);
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("a serializer that fails leaves the disk untouched, and its error names the target") {
  struct Picky {
    Result<void> serialize(int, Sink& sink) const {
      BOOST_OUTCOME_TRY(sink.write(as_bytes("half")));
      return Error{.kind = ErrorKind::serializer,
                   .fate = Fate::unchanged,
                   .cause = {},
                   .step = {},
                   .path = {},
                   .detail = "odd numbers only"};
    }
  };
  const TempDirectory directory;
  const auto writer = AtomicWriter::bind(directory.path());
  REQUIRE_OK(writer);
  const auto failed = writer.value().commit("target", 2, Picky());
  REQUIRE_FAILS(serializer, unchanged, failed);
  CHECK(failed.error().step == "serialize");
  CHECK(failed.error().detail == "odd numbers only");
  CHECK(test::list(directory.path()).empty());
}

TEST_CASE("with a pipeline of one's own, the durability of the options is not looked at") {
  const TempDirectory directory;
  WriteOptions options;
  options.durability = Durability::none;
  options.verify = true;  // would be refused together with none
  const auto writer = AtomicWriter::bind(directory.path(), PortableDurable(), options);
  REQUIRE_OK(writer);
  const auto receipt = writer.value().commit("target", "new");
  REQUIRE_OK(receipt);
  CHECK(receipt.value().durability == Durability::durable);
}

TEST_CASE("options that can't be meant are refused before anything is touched") {
  const TempDirectory directory;
  test::spit(directory / "target", "old");
  WriteOptions options;
  SECTION("a mode with other bits") {
    options.metadata = Metadata::fixed(0100644);
  }
  SECTION("an owner that chown(2) takes for none") {
    options.metadata.owner = UINT32_MAX;
  }
  SECTION("a backup without a suffix") {
    options.existing = ExistingPolicy::backup;
    options.backup_suffix = "";
  }
  SECTION("a backup in another directory") {
    options.existing = ExistingPolicy::backup;
    options.backup_suffix = "/../x";
  }
  SECTION("a backup whose suffix has a zero byte") {
    options.existing = ExistingPolicy::backup;
    options.backup_suffix = std::string("\0x", 2);
  }
  REQUIRE_FAILS(invalid_argument, unchanged, write_file(directory / "target", "new", options));
  CHECK(test::list(directory.path()) == std::vector<std::string>{"target"});
  CHECK(test::slurp(directory / "target") == "old");
}

TEST_CASE("the stage table in the docs is the one in the code") {
  auto expected = rows(static_cast<const BuiltInStages*>(nullptr));
  for (auto& row : rows(static_cast<const GroupStages*>(nullptr))) {
    if (row != expected.back() && row != expected[expected.size() - 2]) expected.push_back(row);
  }
  std::vector<std::string> documented;
  std::ifstream in(PERDURE_SOURCE_DIR "/docs/architecture.md");
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "| stage | needs | gives | drops |") {
      inside = true;
    } else if (inside && !line.starts_with("|")) {
      break;
    } else if (inside && !line.starts_with("| ---")) {
      documented.push_back(line);
    }
  }
  std::string table =
      "docs/architecture.md has to say:\n| stage | needs | gives | drops |\n"
      "| --- | --- | --- | --- |\n";
  for (const auto& row : expected) table += row + "\n";
  INFO(table);
  CHECK(documented == expected);
}
