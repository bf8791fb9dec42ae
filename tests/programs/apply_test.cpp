// SPDX-License-Identifier: BSL-1.0
// perdure apply.
#include <filesystem>
#include <sys/stat.h>
#include <vector>

#include <boost/json/array.hpp>

#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/transaction.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::command;
using perdure::test::TempDirectory;

namespace {

/// A copy of a site that was a root, with a state that was tracked, a lock and a temp in it.
void copy_of_a_site(const TempDirectory& at) {
  for (const char* directory : {"from", "from/.perdure", "from/sub", "from/sub/.perdure", "to"}) {
    std::filesystem::create_directory(at.file(directory));
  }
  at.put("from/.perdure-root", "perdure root 1\n.perdure\n");
  at.put("from/.perdure/.root.perdure-lock", "");
  at.put("from/index.html", "new");
  at.put("from/state.json", "{}");
  at.put("from/.state.json.perdure-lock", "");
  at.put("from/.state.json.7.perdure-prev", "old");
  at.put("from/sub/.page.0123456789abcdef.perdure-tmp", "half");
  at.put("from/sub/page", "new");
  at.put("from/sub/.perdure/notes", "no root's: a directory like any other");
}

}  // namespace

// Each of two programs then held the lock, one of the old file and one of the new.
TEST_CASE("apply --from leaves the library's own files out, and says so") {
  const TempDirectory at;
  copy_of_a_site(at);
  at.put("to/.state.json.perdure-lock", "live");
  const auto applied = command(at, {"apply", "to", "--from", "from"});
  CHECK(applied.status == 0);
  CHECK(applied.out.find("  left out  from/.perdure (perdure's own)\n") != std::string::npos);
  CHECK(applied.out.find("  left out  from/.perdure-root (perdure's own)\n") != std::string::npos);
  CHECK(applied.out.find("from/sub/.page.0123456789abcdef.perdure-tmp") != std::string::npos);
  CHECK(applied.out.find("root.perdure-lock") == std::string::npos);  // with its directory
  CHECK(at.get("to/.state.json.perdure-lock") == "live");
  CHECK(at.get("to/.state.json.7.perdure-prev") == "(none)");
  CHECK(at.get("to/index.html") == "new");
  CHECK(at.get("to/state.json") == "{}");
  CHECK(at.get("to/sub/page") == "new");
  CHECK(at.get("to/sub/.perdure/notes") == "no root's: a directory like any other");

  const json::object object = json_of(command(at, {"apply", "to", "--from", "from", "--json"}));
  const json::array wanted{"from/.perdure", "from/.perdure-root", "from/.state.json.7.perdure-prev",
                           "from/.state.json.perdure-lock",
                           "from/sub/.page.0123456789abcdef.perdure-tmp"};
  CHECK(object.at("left_out") == wanted);
  CHECK(object.at("fate").as_string() == "done");  // "committed" is what recovery has to finish
  CHECK(object.at("files").as_int64() == 4);
  const auto quiet = command(at, {"apply", "to", "--from", "from", "--quiet"});
  CHECK(quiet.status == 0);
  CHECK(quiet.out.empty());
}

TEST_CASE("apply --from leaves out the private directory that the root's marker names") {
  const TempDirectory at;
  copy_of_a_site(at);
  at.put("from/.perdure-root", "perdure root 1\nprivate\n");
  std::filesystem::rename(at.file("from/.perdure"), at.file("from/private"));
  at.put("from/private/s_1", "staged");
  REQUIRE(command(at, {"apply", "to", "--from", "from"}).status == 0);
  CHECK(at.get("to/private/s_1") == "(none)");
  CHECK(at.get("to/index.html") == "new");
}

TEST_CASE("apply --from --delete leaves what the source has, and perdure's own") {
  const TempDirectory at;
  copy_of_a_site(at);
  REQUIRE(command(at, {"apply", "to", "--from", "from"}).status == 0);
  std::filesystem::create_directories(at.file("to/old/deep"));
  at.put("to/old/deep/page", "old");
  at.put("to/draft", "old");
  at.put("to/.state.json.perdure-lock", "live");
  at.put("from/index.html", "newer");
  const auto applied = command(at, {"apply", "to", "--from", "from", "--delete"});
  CHECK(applied.status == 0);
  CHECK(applied.out.find(", 3 unchanged\n") != std::string::npos);
  CHECK(at.get("to/index.html") == "newer");
  CHECK(at.get("to/draft") == "(none)");
  CHECK_FALSE(std::filesystem::exists(at.file("to/old")));
  CHECK(at.get("to/.state.json.perdure-lock") == "live");
  const auto again = json_of(command(at, {"apply", "to", "--from", "from", "--delete", "--json"}));
  CHECK(again.at("files").as_int64() == 0);
  CHECK(again.at("unchanged").as_int64() == 4);
  CHECK(command(at, {"apply", "to", "--delete"}).status == 2);
}

TEST_CASE("apply --remove-all takes a directory with all that is in it") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("to/old/deep"));
  at.put("to/old/deep/page", "old");
  at.put("to/kept", "kept");
  CHECK(command(at, {"apply", "to", "--remove", "old"}).status == 1);
  REQUIRE(command(at, {"apply", "to", "--remove-all", "old"}).status == 0);
  CHECK_FALSE(std::filesystem::exists(at.file("to/old")));
  CHECK(at.get("to/kept") == "kept");
}

TEST_CASE("apply refuses the library's own names where it is told them") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("to/.f.perdure-lock", "live");
  at.put("src", "x");
  CHECK(command(at, {"apply", "to", "--put", ".f.perdure-lock=src"}).status == 2);
  const auto refused = command(at, {"apply", "--json", "to", "--remove", ".f.perdure-lock"});
  CHECK(refused.status == 2);
  CHECK(nature_of(refused) == "invalid_argument, unchanged, remove the file");
  CHECK(at.get("to/.f.perdure-lock") == "live");
  CHECK(json_of(command(at, {"apply", "to", "--put", "a=src", "--json"})).at("left_out") ==
        json::array());
}

namespace {

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace

// `--remove x --put x=s` removed x, and of two --put of one path the second won.
TEST_CASE("apply refuses a command line that contradicts itself, and makes nothing") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("from/d"));
  std::filesystem::create_directory(at.file("to"));
  at.put("from/x", "of the tree");
  at.put("from/d/y", "of the tree");
  at.put("s", "1");
  at.put("t", "2");
  const std::vector<std::vector<std::string>> contradictions{
      {"--remove", "x", "--put", "x=s"},   {"--put", "x=s", "--put", "x=t"},
      {"--put", "x=s", "--put", "x=s"},    {"--put", "x=s", "--from", "from"},
      {"--remove", "x", "--from", "from"}, {"--remove", "d", "--from", "from"},
      {"--put", "d=s", "--from", "from"},  {"--put", "a=s", "--put", "a/b=t"},
      {"--remove", "a", "--put", "a/b=t"}, {"--put", "x/under=s", "--from", "from"},
      {"--put", "a=-", "--put", "b=-"},    {"--remove-all", "d", "--from", "from"},
  };
  for (const auto& options : contradictions) {
    std::vector<std::string> all{"apply", "--json", "to"};
    all.insert(all.end(), options.begin(), options.end());
    const auto refused = command(at, all);
    CAPTURE(options);
    CHECK(refused.status == 2);
    CHECK(nature_of(refused) == "invalid_argument, unchanged, read the command line");
    CHECK(names_in(at.file("to")).empty());
  }
}

TEST_CASE("apply refuses a link or a pipe in the tree, and makes nothing") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("from/d"));
  std::filesystem::create_directory(at.file("to"));
  at.put("from/x", "of the tree");
  SECTION("a link") {
    std::filesystem::create_symlink("../x", at.file("from/d/odd"));
  }
  SECTION("a pipe") {
    REQUIRE(::mkfifo(at.file("from/d/odd").c_str(), 0600) == 0);
  }
  const auto refused = command(at, {"apply", "--json", "to", "--from", "from"});
  CHECK(refused.status == 1);
  CHECK(nature_of(refused) == "not_regular, unchanged, read the tree");
  CHECK(names_in(at.file("to")).empty());
}

TEST_CASE("apply puts symbolic links, and takes those of a tree where that is asked for", "[P11]") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("from/d"));
  std::filesystem::create_directory(at.file("to"));
  at.put("from/x", "of the tree");
  std::filesystem::create_symlink("../x", at.file("from/d/link"));
  const auto done = command(
      at, {"apply", "to", "--from", "from", "--symlinks", "--put-symlink", "current=releases/1=2"});
  CHECK(done.status == 0);
  CHECK(std::filesystem::read_symlink(at.file("to/d/link")) == "../x");
  CHECK(std::filesystem::read_symlink(at.file("to/current")) == "releases/1=2");
  const auto twice =
      command(at, {"apply", "--json", "to", "--put-symlink", "a=b", "--remove", "a"});
  CHECK(twice.status == 2);
  CHECK_THAT(twice.out, perdure::test::Contains("--put-symlink a=b and --remove a both name it"));
}

TEST_CASE("backup copies a root, or says why not") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("s", "1");
  const auto refused = command(at, {"backup", "--json", "to", "copy"});
  CHECK(refused.status == 2);
  CHECK(nature_of(refused) == "invalid_argument, unchanged, copy the root");
  REQUIRE(command(at, {"apply", "to", "--put", "a=s"}).status == 0);
  const auto done = command(at, {"backup", "to", "copy"});
  CHECK(done.status == 0);
  CHECK_THAT(done.out, Catch::Matchers::StartsWith("copy: a copy of 1 file, 1 byte, checked; "));
  CHECK(at.get("copy/a") == "1");
  CHECK(names_in(at.file("copy")) == std::vector<std::string>{"a"});
  const auto again = command(at, {"backup", "--json", "to", "copy"});
  CHECK(again.status == 4);
  CHECK(nature_of(again) == "exists, unchanged, copy the root");
  const auto other = command(at, {"backup", "--json", "--no-check", "to", "other"});
  CHECK(json_of(other).at("files").as_int64() == 1);
  CHECK_FALSE(json_of(other).at("checked").as_bool());
}

TEST_CASE("a root whose private directory was lost is repaired by recover") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("s", "1");
  REQUIRE(command(at, {"apply", "to", "--put", "a=s"}).status == 0);
  std::filesystem::remove_all(at.file("to/.perdure"));
  const auto refused = command(at, {"apply", "to", "--put", "b=s"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("perdure recover") != std::string::npos);
  CHECK(command(at, {"recover", "to"}).out ==
        "to: its private directory was gone, and is there again, empty\n");
  CHECK_FALSE(json_of(command(at, {"recover", "--json", "to"})).at("restored").as_bool());
  CHECK(command(at, {"apply", "to", "--put", "b=s"}).status == 0);
}

TEST_CASE("apply, recover and state take the durability for file systems without directory sync") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("src", "new");
  const auto applied = command(at, {"apply", "to", "--put", "a=src", "--durability", "ordered",
                                    "--protocol", "automatic", "--json"});
  CHECK(applied.status == 0);
  CHECK(json_of(applied).at("durability").as_string() == "ordered");
  CHECK(at.get("to/a") == "new");
  CHECK(command(at, {"recover", "to", "--durability", "ordered"}).status == 0);
  CHECK(command(at, {"state", "set", "s", "/a", "1", "--durability", "ordered"}).status == 0);
  CHECK(command(at, {"apply", "to", "--remove", "a", "--durability", "none"}).status == 2);
}

TEST_CASE("apply replaces and removes read-only files, unless it is told to refuse them") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  at.put("src", "new");
  at.put("to/a", "old");
  at.put("to/b", "old");
  for (const char* name : {"to/a", "to/b"}) REQUIRE(::chmod(at.file(name).c_str(), 0444) == 0);
  for (const std::vector<std::string>& change :
       {std::vector<std::string>{"--put", "a=src"}, {"--remove", "b"}}) {
    std::vector<std::string> all{"apply", "--json", "to", "--refuse-read-only"};
    all.insert(all.end(), change.begin(), change.end());
    const auto refused = command(at, all);
    CHECK(refused.status == 4);
    CHECK(nature_of(refused) == "read_only, unchanged, check the transaction");
  }
  CHECK(at.get("to/a") == "old");
  CHECK(command(at, {"apply", "to", "--put", "a=src", "--remove", "b"}).status == 0);
  CHECK(at.get("to/a") == "new");
  CHECK(at.get("to/b") == "(none)");
}

// There was no way to get a file into a directory that was to be made, except by a tree.
TEST_CASE("apply makes the directories of what it puts, if it is told to") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("to/there"));
  at.put("src", "new");
  const auto missing = command(at, {"apply", "to", "--put", "a/b/c=src"});
  CHECK(missing.status == 1);
  CHECK_THAT(missing.err, perdure::test::Contains("--parents"));
  CHECK_FALSE(std::filesystem::exists(at.file("to/a")));
  CHECK(command(at, {"apply", "to", "--parents", "--put", "a/b/c=src", "--put", "a/d=src", "--put",
                     "there/c=src", "--put-symlink", "links/one=there", "--put", "plain=src"})
            .status == 0);
  for (const char* name : {"a/b/c", "a/d", "there/c", "plain"}) {
    CHECK(at.get(std::string("to/") + name) == "new");
  }
  CHECK(std::filesystem::read_symlink(at.file("to/links/one")) == "there");
  CHECK(command(at, {"apply", "to", "--parents", "--put", "plain/x=src"}).status != 0);
  CHECK(at.get("to/plain") == "new");
  std::filesystem::create_directory(at.file("from"));
  CHECK(
      command(at, {"apply", "to", "--from", "from", "--delete", "--parents", "--put", "a/b/c=src"})
          .status == 0);
  CHECK(at.get("to/a/b/c") == "new");
  CHECK_FALSE(std::filesystem::exists(at.file("to/plain")));
}

// It recovered in silence, and dropped what it did not put in place.
TEST_CASE("apply says on standard error and in its object which transaction it finished first") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("to"));
  for (const char* name : {"to/a", "to/b", "src"}) at.put(name, "old");
  const auto put = [&](const std::string& name) {
    return command(at, {"apply", "--json", "to", "--put", name + "=src"});
  };
  at.put("src", "new");
  REQUIRE(put("a").status == 0);
  // Killed between the journal and the files.
  perdure::testing::FaultyFileSystem dying(perdure::native_file_system());
  dying.fail({.operation = perdure::testing::Operation::link,
              .call = 3,  // one is the trial, the second for "a"
              .error = EIO,
              .from_then_on = true,
              .count = {}});
  perdure::TransactionOptions options;
  options.system.files = &dying;
  auto transaction = perdure::Transaction::begin(at.file("to"), options).value();
  transaction.put("a", "newer").value();
  transaction.put("b", "newer").value();
  REQUIRE(transaction.commit().error().fate == perdure::Fate::committed);
  at.put("to/b", "theirs");
  const auto applied = put("c");
  REQUIRE(applied.status == 0);
  const json::object recovery = json_of(applied).at("recovery").as_object();
  CHECK(recovery.at("journal").as_bool());
  const json::object left = recovery.at("paths").as_array().at(1).as_object();
  CHECK(left.at("path").as_string() == "b");
  CHECK(left.at("step").as_string() == "foreign");
  const std::string kept(left.at("kept").as_string());
  CHECK(at.get("to/" + kept) == "newer");
  CHECK(applied.err.find("finished transaction") != std::string::npos);
  CHECK(applied.err.find("perdure: b: somebody else changed it") != std::string::npos);
  CHECK(applied.err.find(kept) != std::string::npos);
  CHECK(at.get("to/a") == "newer");
  CHECK(at.get("to/b") == "theirs");
  const auto again = put("c");
  CHECK_FALSE(json_of(again).at("recovery").at("journal").as_bool());
  CHECK(again.err.empty());
}

// A program of the source could not be run where it was published, and a file that only its owner
// might read could be read by all.
TEST_CASE("apply gives new files and directories the mode of their source, less the umask",
          "[P6][P17]") {
  const TempDirectory at;
  const perdure::test::Umask mask(022);
  const auto make = [&](const std::string& name, mode_t mode) {
    perdure::test::spit(at / name, "new", mode);
  };
  const auto mode_of = [&](const std::string& name) { return perdure::test::mode_of(at / name); };
  std::filesystem::create_directories(at.file("from/closed"));
  std::filesystem::create_directory(at.file("to"));
  make("from/program", 0777);
  make("from/secret", 0600);
  make("from/kept", 0755);
  make("from/special", 04755);
  make("from/closed/page", 0644);
  make("source", 0700);
  make("to/kept", 0604);
  REQUIRE(::chmod(at.file("from/closed").c_str(), 0500) == 0);
  const auto applied = command(at, {"apply", "to", "--from", "from", "--put", "put=source"});
  INFO(applied.err);
  REQUIRE(applied.status == 0);
  CHECK(mode_of("to/program") == 0755);
  CHECK(mode_of("to/secret") == 0600);
  CHECK(mode_of("to/kept") == 0604);
  CHECK(mode_of("to/special") == 0755);
  CHECK(mode_of("to/closed") == 0700);
  CHECK(mode_of("to/closed/page") == 0644);
  CHECK(mode_of("to/put") == 0700);
  REQUIRE(::chmod(at.file("from/closed").c_str(), 0700) == 0);
}
