// SPDX-License-Identifier: BSL-1.0
// perdure write: each option does what its help says.
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>

#include "program.hpp"
#include "support/catch.hpp"

namespace json = boost::json;
using perdure::test::bash;
using perdure::test::command;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

std::vector<std::string> stages_of(const json::object& receipt) {
  std::vector<std::string> names;
  for (const auto& stage : receipt.at("stages").as_array()) {
    names.emplace_back(stage.at("name").as_string());
    CHECK(stage.at("microseconds").as_int64() >= 0);
  }
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string token(const TempDirectory& at, const std::string& leaf) {
  std::string text = command(at, {"version-of", leaf}).out;
  REQUIRE_FALSE(text.empty());
  text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("write commits standard input, and nothing but the target is left", "[P16]") {
  const TempDirectory at;
  const std::string binary = std::string("a\0b\r\n\xff", 6) + std::string(200'000, 'x');
  for (const std::string& content : {std::string("one\n"), std::string(), binary}) {
    const auto done = command(at, {"write", "f"}, content);
    CHECK(done.status == 0);
    CHECK(done.err.empty());
    CHECK(at.holds("f", content));
    CHECK(at.names() == Names{"f"});
  }
}

TEST_CASE("write reads the file that --from names, and standard input for -") {
  const TempDirectory at;
  at.put("source", "from a file");
  CHECK(command(at, {"write", "--from", "source", "f"}, "not this").status == 0);
  CHECK(at.get("f") == "from a file");
  CHECK(command(at, {"write", "f", "--from=-"}, "but this").status == 0);
  CHECK(at.get("f") == "but this");
}

TEST_CASE("the input may be the target itself") {
  const TempDirectory at;
  at.put("names", "b\na\nb\n");
  CHECK(bash(at, "sort -u names | perdure write names").status == 0);
  CHECK(at.get("names") == "a\nb\n");
  CHECK(command(at, {"write", "--from", "names", "names"}).status == 0);
  CHECK(at.get("names") == "a\nb\n");
}

TEST_CASE("the report is one line, with --verbose a line for each stage, with --quiet nothing") {
  const TempDirectory at;
  const auto brief = command(at, {"write", "f"}, "1234");
  CHECK_THAT(brief.out, Catch::Matchers::StartsWith("f: committed 4 bytes, durable, portable, "));
  CHECK(std::count(brief.out.begin(), brief.out.end(), '\n') == 1);
  const auto verbose = command(at, {"write", "-v", "f"}, "1234");
  CHECK_THAT(verbose.out, perdure::test::Contains("\n  sync file "));
  CHECK_THAT(verbose.out, perdure::test::Contains("\n  sync parent "));
  const auto quiet = command(at, {"write", "-q", "f"}, "1234");
  CHECK(quiet.status == 0);
  CHECK(quiet.out + quiet.err == "");
}

TEST_CASE("a name can't command the terminal that the report goes to", "[P17]") {
  const TempDirectory at;
  const auto done = command(at, {"write", "a\033]0;b"}, "1");
  CHECK_THAT(done.out, Catch::Matchers::StartsWith("a?]0;b: committed"));
}

TEST_CASE("write --json is one object, and its version is that of the file") {
  const TempDirectory at;
  const auto done = command(at, {"write", "--json", "f"}, "12345");
  CHECK(done.status == 0);
  CHECK(done.err.empty());
  const json::object receipt = json_of(done);
  CHECK(receipt.at("fate").as_string() == "done");
  CHECK(receipt.at("bytes").as_int64() == 5);
  CHECK(receipt.at("durability").as_string() == "durable");
  CHECK(receipt.at("protocol").as_string() == "portable");
  // On a coarse clock a later look may spell the version of one content otherwise.
  const std::string version(receipt.at("version").as_string());
  CHECK(command(at, {"write", "--expect", version, "f"}, "123456").status == 0);
  CHECK(command(at, {"write", "--expect", version, "f"}, "123456").status == 4);
  CHECK(contains(stages_of(receipt), "sync parent"));
}

TEST_CASE("write --json names a file whose name is not UTF-8") {
  const TempDirectory at;
  at.put("f", "old");
  const auto refused = command(at, {"write", "--json", "no\xff/f"}, "1");
  CHECK(refused.status == 1);
  CHECK(json_of(refused).at("path").as_string() == "no\xef\xbf\xbd");
}

TEST_CASE("write --durability says what is reached, and only that much is done", "[P3]") {
  const TempDirectory at;
  const auto stages = [&](const std::string& durability) {
    const auto done = command(at, {"write", "--json", "--durability", durability, "f"}, durability);
    CHECK(done.status == 0);
    CHECK(json_of(done).at("durability").as_string() == durability);
    CHECK(at.get("f") == durability);
    return stages_of(json_of(done));
  };
  const auto durable = stages("durable");
  CHECK(contains(durable, "sync file"));
  CHECK(contains(durable, "sync parent"));
  const auto ordered = stages("ordered");
  CHECK(contains(ordered, "sync file"));
  CHECK_FALSE(contains(ordered, "sync parent"));
  const auto none = stages("none");
  CHECK_FALSE(contains(none, "sync file"));
  CHECK_FALSE(contains(none, "sync parent"));
}

// Commits into /dev/shm end in memory, which lacks what `fast` needs.
TEST_CASE("write --protocol: fast is refused where it does not hold, automatic says what it took",
          "[P3]") {
  const TempDirectory at;
  const std::string in_memory = "/dev/shm/perdure-test-" + std::to_string(::getpid());
  const auto refused = command(at, {"write", "--protocol", "fast", in_memory}, "new");
  CHECK(refused.status == 1);
  CHECK_FALSE(std::filesystem::exists(in_memory));
  const auto done = command(at, {"write", "--json", "--protocol", "automatic", in_memory}, "new");
  CHECK(done.status == 0);
  CHECK(json_of(done).at("protocol").as_string() == "portable");
  std::filesystem::remove(in_memory);
  const auto probed = command(at, {"probe", "--json", "/dev/shm"});
  CHECK(json_of(probed).at("protocol").as_string() == "portable");
  CHECK(command(at, {"write", "--protocol", "quick", "f"}, "").status == 2);
  CHECK(command(at, {"state", "set", "--protocol", "automatic", "s", "/a", "1"}).status == 0);
  const std::string root = in_memory + "-root";
  std::filesystem::create_directory(root);
  const std::vector<std::string> apply{"apply", root, "--put", "a=-", "--json", "--protocol"};
  const auto with = [&](const std::string& protocol) {
    auto arguments = apply;
    arguments.push_back(protocol);
    return command(at, arguments, "new");
  };
  const auto not_applied = with("fast");
  CHECK(not_applied.status == 1);
  CHECK(nature_of(not_applied) == "unsupported, unchanged, choose the protocol");
  CHECK_FALSE(std::filesystem::exists(root + "/a"));
  CHECK(json_of(with("automatic")).at("protocol").as_string() == "portable");
  std::filesystem::remove_all(root);
}

TEST_CASE("write --keep refuses with status 4 when the target exists", "[P5]") {
  const TempDirectory at;
  CHECK(command(at, {"write", "--keep", "f"}, "first").status == 0);
  const auto refused = command(at, {"write", "--keep", "--json", "f"}, "second");
  CHECK(refused.status == 4);
  CHECK(nature_of(refused) == "exists, unchanged, publish");
  CHECK(at.get("f") == "first");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("write --backup keeps the old content under FILE~, and does not take FILE for a suffix") {
  const TempDirectory at;
  at.put("f", "old");
  CHECK(command(at, {"write", "--backup", "f"}, "new").status == 0);
  CHECK(at.get("f") == "new");
  CHECK(at.get("f~") == "old");
  CHECK(command(at, {"write", "f", "--backup=.bak"}, "newer").status == 0);
  CHECK(at.get("f") == "newer");
  CHECK(at.get("f.bak") == "new");
  CHECK(at.get("f~") == "old");
  CHECK(at.names() == Names{"f", "f.bak", "f~"});
}

TEST_CASE("write --backup of a target that is not there is a plain write") {
  const TempDirectory at;
  CHECK(command(at, {"write", "--backup", "f"}, "new").status == 0);
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("write --symlink follows, replaces or refuses", "[P7]") {
  const TempDirectory at;
  at.put("file", "old");
  REQUIRE(::symlink("file", (at.file("link")).c_str()) == 0);
  CHECK(command(at, {"write", "--symlink", "refuse", "link"}, "1").status == 4);
  CHECK(at.get("file") == "old");
  CHECK(command(at, {"write", "--symlink", "follow", "link"}, "2").status == 0);
  CHECK(at.get("file") == "2");
  CHECK(command(at, {"write", "link"}, "3").status == 0);  // the default
  CHECK(at.get("file") == "3");
  CHECK(std::filesystem::is_symlink(at.file("link")));
  CHECK(command(at, {"write", "--symlink", "replace", "link"}, "4").status == 0);
  CHECK_FALSE(std::filesystem::is_symlink(at.file("link")));
  CHECK(at.get("link") == "4");
  CHECK(at.get("file") == "3");
}

TEST_CASE("without --mode the mode is kept, with it it is exact whatever the umask", "[P6]") {
  const TempDirectory at;
  at.put("f", "old");
  REQUIRE(::chmod((at.file("f")).c_str(), 0640) == 0);
  CHECK(command(at, {"write", "f"}, "1").status == 0);
  CHECK(mode_of(at.file("f")) == 0640);
  CHECK(bash(at, "umask 077; echo 2 | perdure write --mode 0664 f").status == 0);
  CHECK(mode_of(at.file("f")) == 0664);
  CHECK(bash(at, "umask 027; echo 3 | perdure write g").status == 0);
  CHECK(mode_of(at.file("g")) == 0640);
}

TEST_CASE("write --mode keeps the owner, --owner and --group give another, --fixed one's own",
          "[P6]") {
  if (::geteuid() != 0) return perdure::test::skip("needs root to give files away");
  const TempDirectory at;
  at.put("f", "old");
  const auto owner_of = [&] {
    struct stat status {};
    REQUIRE(::stat(at.file("f").c_str(), &status) == 0);
    return std::pair(status.st_uid, status.st_gid);
  };
  using Owner = std::pair<uid_t, gid_t>;
  REQUIRE(::chown(at.file("f").c_str(), 1234, 5678) == 0);
  CHECK(command(at, {"write", "--mode", "640", "f"}, "1").status == 0);
  CHECK(owner_of() == Owner(1234, 5678));
  CHECK(command(at, {"write", "--group", "43", "f"}, "2").status == 0);
  CHECK(owner_of() == Owner(1234, 43));
  CHECK(command(at, {"write", "--owner", "daemon", "--group", "daemon", "f"}, "3").status == 0);
  CHECK(owner_of() == Owner(1, 1));
  CHECK(mode_of(at.file("f")) == 0640);
  CHECK(command(at, {"write", "--mode", "600", "--fixed", "f"}, "4").status == 0);
  CHECK(owner_of() == Owner(0, 0));
}

TEST_CASE("write takes the set-user-id bit away, and keeps it with --keep-special", "[P6]") {
  const TempDirectory at;
  at.put("f", "old");
  REQUIRE(::chmod((at.file("f")).c_str(), 04755) == 0);
  CHECK(command(at, {"write", "--keep-special", "f"}, "1").status == 0);
  CHECK(mode_of(at.file("f")) == 04755);
  CHECK(command(at, {"write", "f"}, "2").status == 0);
  CHECK(mode_of(at.file("f")) == 0755);
}

TEST_CASE("apply takes the set-user-id bit away, and keeps it with --keep-special", "[P6]") {
  const TempDirectory at;
  std::filesystem::create_directories(at.file("to/sub"));
  std::filesystem::create_directories(at.file("tree/sub"));
  at.put("tree/sub/f", "new");
  for (const char* name : {"to/f", "to/sub/f"}) {
    at.put(name, "old");
    REQUIRE(::chmod(at.file(name).c_str(), 04755) == 0);
  }
  const std::vector<std::string> both{"apply", "to", "--put", "f=tree/sub/f", "--from", "tree"};
  auto special = both;
  special.emplace_back("--keep-special");
  CHECK(command(at, special).status == 0);
  CHECK(mode_of(at.file("to/f")) == 04755);
  CHECK(mode_of(at.file("to/sub/f")) == 04755);
  CHECK(command(at, both).status == 0);
  CHECK(mode_of(at.file("to/f")) == 0755);
  CHECK(mode_of(at.file("to/sub/f")) == 0755);
}

TEST_CASE("write --expect commits over that version and no other", "[P5]") {
  const TempDirectory at;
  CHECK(token(at, "f") == "absent");
  CHECK(command(at, {"write", "--expect", "absent", "f"}, "one").status == 0);
  CHECK(command(at, {"write", "--expect", "absent", "f"}, "other").status == 4);
  const std::string one = token(at, "f");
  CHECK(command(at, {"write", "--expect", one, "f"}, "two").status == 0);
  const auto refused = command(at, {"write", "--json", "--expect", one, "f"}, "three");
  CHECK(refused.status == 4);
  CHECK(json_of(refused).at("kind").as_string() == "conflict");
  CHECK(at.get("f") == "two");
  CHECK(at.names() == Names{"f"});
}

TEST_CASE("a failure with --json is one object that says what became of the target", "[P19]") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("d"));
  const auto failed = command(at, {"write", "--json", "d"}, "1");
  CHECK(failed.status == 1);
  const json::object object = json_of(failed);
  CHECK(object.at("fate").as_string() == "unchanged");
  CHECK(object.at("kind").as_string() == "not_regular");
  CHECK(object.at("path").as_string() == "d");
  CHECK_FALSE(object.at("step").as_string().empty());
  CHECK_FALSE(object.at("error").as_string().empty());
}

TEST_CASE("write --parents makes the directories on the way") {
  const TempDirectory at;
  CHECK(command(at, {"write", "a/b/f"}, "1").status == 1);
  CHECK(at.names().empty());
  CHECK(command(at, {"write", "--parents", "a/b/f"}, "1").status == 0);
  CHECK(at.get("a/b/f") == "1");
}

TEST_CASE("write --verify is a stage of the receipt") {
  const TempDirectory at;
  const auto done = command(at, {"write", "--verify", "--json", "f"}, "checked");
  CHECK(done.status == 0);
  CHECK(contains(stages_of(json_of(done)), "verify"));
  CHECK(at.get("f") == "checked");
}

TEST_CASE("a limit of size and a link of /proc end a write without a trace") {
  const TempDirectory at;
  at.put("old", "kept\n");
  CHECK(bash(at, "ulimit -f 10; head -c 100000 /dev/zero | perdure write big").status == 1);
  // /dev/stdout is a link to it, and not every /dev has one.
  CHECK(bash(at, "echo new | perdure write /proc/self/fd/1 >> old").status == 4);
  CHECK(at.get("old") == "kept\n");
  CHECK(at.names() == Names{"old"});
}

TEST_CASE("write --refuse-read-only refuses a file that nobody may write to") {
  const TempDirectory at;
  at.put("f", "old");
  REQUIRE(::chmod(at.file("f").c_str(), 0444) == 0);
  CHECK(command(at, {"write", "--refuse-read-only", "f"}, "new").status == 4);
  CHECK(at.get("f") == "old");
  CHECK(command(at, {"write", "f"}, "new").status == 0);
  CHECK(at.get("f") == "new");
  CHECK(mode_of(at.file("f")) == 0444);
}

TEST_CASE("write --from gives a new file the mode of its source, less the umask", "[P6]") {
  const TempDirectory at;
  const perdure::test::Umask mask(022);
  perdure::test::spit(at / "program", "new", 0777);
  perdure::test::spit(at / "secret", "new", 0600);
  perdure::test::spit(at / "kept", "old", 0640);
  const auto mode_of = [&](const std::string& name) { return perdure::test::mode_of(at / name); };
  CHECK(command(at, {"write", "a", "--from", "program"}).status == 0);
  CHECK(command(at, {"write", "b", "--from", "secret"}).status == 0);
  CHECK(command(at, {"write", "kept", "--from", "program"}).status == 0);
  CHECK(command(at, {"write", "c", "--from", "program", "--mode", "666"}).status == 0);
  CHECK(command(at, {"write", "d"}, "input").status == 0);
  CHECK(mode_of("a") == 0755);
  CHECK(mode_of("b") == 0600);
  CHECK(mode_of("kept") == 0640);
  CHECK(mode_of("c") == 0666);
  CHECK(mode_of("d") == 0644);
}
