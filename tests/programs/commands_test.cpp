// SPDX-License-Identifier: BSL-1.0
// perdure version-of, probe and clean.
#include <filesystem>
#include <sys/stat.h>

#include <boost/json/array.hpp>

#include "program.hpp"
#include "support/catch.hpp"
#include "support/mount.hpp"

namespace json = boost::json;
using perdure::test::bash;
using perdure::test::command;
using perdure::test::TempDirectory;
using Names = std::vector<std::string>;

TEST_CASE("version prints a token that changes with the file, and absent for none") {
  const TempDirectory at;
  CHECK(command(at, {"version-of", "f"}).out == "absent\n");
  CHECK(command(at, {"version-of", "f"}).status == 0);
  at.put("f", "one");
  const auto one = command(at, {"version-of", "f"});
  CHECK(one.status == 0);
  CHECK(std::count(one.out.begin(), one.out.end(), ' ') == 0);
  CHECK(command(at, {"version-of", "f"}).out == one.out);
  at.put("f", "two, longer");
  CHECK(command(at, {"version-of", "f"}).out != one.out);
  const auto object = json_of(command(at, {"version-of", "--json", "f"}));
  CHECK(std::string(object.at("version").as_string()) + "\n" ==
        command(at, {"version-of", "f"}).out);
}

TEST_CASE("version of a directory is a failure") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("d"));
  const auto failed = command(at, {"version-of", "--json", "d"});
  CHECK(failed.status == 1);
  CHECK(json_of(failed).at("kind").as_string() == "not_regular");
}

TEST_CASE("remove takes a file away, or says why not") {
  const TempDirectory at;
  at.put("f", "one");
  const std::string old = command(at, {"version-of", "f"}).out;
  at.put("f", "two, longer");
  const auto changed = command(at, {"remove", "--expect", old.substr(0, old.size() - 1), "f"});
  CHECK(changed.status == 4);
  CHECK(at.get("f") == "two, longer");
  const std::string now = command(at, {"version-of", "f"}).out;
  const auto removed = command(at, {"remove", "--expect", now.substr(0, now.size() - 1), "f"});
  CHECK(removed.status == 0);
  CHECK(removed.out == "f: removed, durable\n");
  CHECK_FALSE(std::filesystem::exists(at.file("f")));
  const auto missing = command(at, {"remove", "--json", "f"});
  CHECK(missing.status == 1);
  CHECK(perdure::test::nature_of(missing) == "system, unchanged, remove the file");
  at.put("target", "kept");
  std::filesystem::create_symlink("target", at.file("link"));
  CHECK(json_of(command(at, {"remove", "--json", "link"})).at("fate").as_string() == "done");
  CHECK(at.get("target") == "kept");
  CHECK_FALSE(std::filesystem::is_symlink(at.file("link")));
}

TEST_CASE("commands wait for a lock no longer than they are told") {
  const TempDirectory at;
  at.put("f", "old");
  const auto held = [&](const std::string& words) {
    return bash(at, "touch .f.perdure-lock; flock .f.perdure-lock " + words);
  };
  const auto refused =
      held("perdure write --lock-timeout 0 --expect $(perdure version-of f) f <<< new");
  CHECK(refused.status == 1);
  CHECK_THAT(refused.err, perdure::test::Contains("--lock-timeout"));
  CHECK(held("perdure remove --lock-timeout 0.001 --expect $(perdure version-of f) f").status == 1);
  CHECK(at.get("f") == "old");
}

TEST_CASE("apply, recover and inspect take a private directory of another name") {
  const TempDirectory at;
  std::filesystem::create_directory(at.file("r"));
  at.put("source", "1");
  const auto applied =
      command(at, {"apply", "r", "--private-directory", ".mine", "--put", "a=source"});
  CHECK(applied.status == 0);
  CHECK(std::filesystem::exists(at.file("r/.mine")));
  CHECK_FALSE(std::filesystem::exists(at.file("r/.perdure")));
  CHECK(command(at, {"inspect", "r", "--private-directory", ".mine"}).status == 0);
  CHECK(command(at, {"recover", "r", "--private-directory", ".mine"}).status == 0);
  CHECK(command(at, {"apply", "r", "--put", "a=source"}).status != 0);
}

TEST_CASE("probe names the file system of a mount that a chroot hides") {
  const TempDirectory at;
  // The root of the chroot is not a mount point, so that its mount table shows nothing but /proc.
  const auto probed =
      bash(at,
           "set -e; p=$(command -v perdure); mkdir -p c/bin c/proc c/d; cp $p c/bin\n"
           "for l in $(ldd $p | grep -o '/[^ )]*'); do mkdir -p c${l%/*}; "
           "cp -L $l c$l; done\n"
           "unshare -m sh -c 'mount -t proc proc c/proc && "
           "exec chroot c /bin/perdure probe /d'");
  if (probed.status != 0) return perdure::test::skip("no chroot here: " + probed.err);
  CHECK_THAT(probed.out, perdure::test::Contains("unknown: the mount table does not show it"));
  CHECK_THAT(probed.out, !perdure::test::Contains("file system    unknown"));
}

TEST_CASE("probe says what the directory lies on and leaves nothing there") {
  const TempDirectory at;
  const auto text = command(at, {"probe", "."});
  CHECK(text.status == 0);
  CHECK_THAT(text.out,
             perdure::test::Contains("file system ") && perdure::test::Contains("mount options "));
  const json::object object = json_of(command(at, {"probe", "--json", "."}));
  CHECK_FALSE(object.at("file_system").at("type").as_string().empty());
  CHECK(object.at("file_system").at("mount_options").is_array());
  const std::string protocol(object.at("protocol").as_string());
  const std::string reason(object.at("reason").as_string());
  CHECK((protocol == "portable" || protocol == "fast"));  // the machine's file system decides
  CHECK_FALSE(reason.empty());
  CHECK_THAT(text.out, perdure::test::Contains("protocol       " + protocol + ": " + reason));
  for (const auto& one : object.at("capabilities").as_array()) {
    CHECK(one.at("supported").is_bool());
    CHECK((one.at("supported").as_bool() || !one.at("reason").as_string().empty()));
  }
  CHECK(at.names().empty());
  CHECK(command(at, {"probe", "missing"}).status == 1);
}

TEST_CASE("probe says whether a root with a log can be kept, by which order and at which cost") {
  const TempDirectory at(perdure::test::Medium::memory);
  const json::object log = json_of(command(at, {"probe", "--json", "."})).at("log").as_object();
  if (!log.at("supported").as_bool()) return perdure::test::skip("no log can be kept in memory");
  CHECK(log.at("bytes").to_number<int>() > 2 * log.at("segment_bytes").to_number<int>());
  CHECK_FALSE(log.at("reason").as_string().empty());
  const auto text = command(at, {"probe", "."});
  CHECK_THAT(text.out, perdure::test::Contains("\nlog            " +
                                               std::string(log.at("protocol").as_string()) + ", "));
  CHECK_THAT(text.out, perdure::test::Contains("\nlog's cost     ") &&
                           perdure::test::Contains(" of records; 8.0 MiB of space\n"));
}

TEST_CASE("probe says why no log can be kept") {
  if (!perdure::test::can_mount()) return perdure::test::skip("this user may not mount");
  const TempDirectory at;
  const perdure::test::Mount mount({"-t", "ramfs", "ramfs", at.path().native()});
  if (!mount.error().empty()) return perdure::test::skip(mount.error());
  const json::object log = json_of(command(at, {"probe", "--json", "."})).at("log").as_object();
  CHECK_FALSE(log.at("supported").as_bool());
  CHECK(log.at("protocol").is_null());
  CHECK(log.at("flushes").is_null());
  CHECK_THAT(command(at, {"probe", "."}).out,
             perdure::test::Contains(
                 "\nlog            none: " + std::string(log.at("reason").as_string()) + "\n"));
}

TEST_CASE("clean removes what a killed commit left, and nothing else", "[P15]") {
  const TempDirectory at;
  at.put("f", "old");
  at.put(".f.tmp", "foreign");
  const auto killed = bash(at,
                           "mkfifo p; perdure write f --from p & exec 3>p; printf '%0200000d' 0 "
                           ">&3; kill -KILL $!; wait $! 2>/dev/null; rm p; exit 0");
  REQUIRE(killed.status == 0);
  REQUIRE(at.names().size() == 3);
  const json::object dry = json_of(command(at, {"clean", "--dry-run", "--json", "."}));
  REQUIRE(dry.at("removed").as_array().size() == 1);
  CHECK(dry.at("dry_run").as_bool());
  CHECK(at.names().size() == 3);
  const std::string temp(dry.at("removed").as_array()[0].as_string());
  CHECK(command(at, {"clean", "-n", "."}).out == "would remove  " + temp + "\n");
  const auto cleaned = command(at, {"clean", "."});
  CHECK(cleaned.status == 0);
  CHECK(cleaned.out == "removed       " + temp + "\n");
  CHECK(at.names() == Names{".f.tmp", "f"});
  CHECK(at.get("f") == "old");
  CHECK(command(at, {"clean", "."}).out.empty());
  CHECK(command(at, {"clean", "missing"}).status == 1);
}
