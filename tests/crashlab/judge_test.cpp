// SPDX-License-Identifier: BSL-1.0
// `crashlab judge` on programs that are known to be right, and on orders that are known to be
// wrong.
#include <fstream>

#include <boost/json.hpp>

#include "lab.hpp"

using namespace crashlab;

namespace {

const std::string orders = CRASHLAB_ORDERS;

struct Judged {
  Outcome outcome;
  std::string grade;
  std::string findings;  ///< "torn file, rolled back file"
  boost::json::value json;
};

Judged judged(const Lab& lab, const std::vector<std::string>& command,
              const std::vector<std::string>& options = {},
              const std::string& setup = orders + " setup") {
  const std::string report = "/tmp/crashlab-judged-" + random_name();
  std::vector<std::string> words = {"judge", "--setup",      setup, "--json",
                                    report,  "--states-max", "120"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"--state-dir", lab.state_dir, "--"});
  words.insert(words.end(), command.begin(), command.end());
  Command line;
  line.arguments = {program};
  line.arguments.insert(line.arguments.end(), words.begin(), words.end());
  line.timeout_s = within(250);
  Judged found;
  found.outcome = run(line);
  INFO(one_line(found.outcome.output));
  REQUIRE((found.outcome.exit_code == 0 || found.outcome.exit_code == 1));
  found.json = boost::json::parse(read_file(report));
  std::filesystem::remove(report);
  found.grade = found.json.at("grade").as_string();
  for (const auto& finding : found.json.at("findings").as_array()) {
    found.findings += (found.findings.empty() ? "" : ", ") +
                      std::string(finding.at("kind").as_string()) + " " +
                      std::string(finding.at("path").as_string());
  }
  return found;
}

Judged judged_order(const Lab& lab, const std::string& order,
                    const std::vector<std::string>& options = {}) {
  return judged(lab, {orders, order}, options);
}

}  // namespace

TEST_CASE("right orders are judged right") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string order : {"replace", "link_in", "tree"}) {
    const Judged found = judged_order(lab, order, {"--durable"});
    INFO(order << ": " << one_line(found.outcome.output));
    CHECK(found.outcome.exit_code == 0);
    CHECK(found.findings.find("torn") == std::string::npos);
    CHECK(found.findings.find("lost") == std::string::npos);
    CHECK(found.findings.find("rolled back") == std::string::npos);
  }
}

TEST_CASE("what is written in place by a right order is judged as such, mappings as well") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string order : {"append", "map"}) {
    const Judged found = judged_order(lab, order, {"--durable"});
    INFO(order << ": " << one_line(found.outcome.output));
    CHECK(found.outcome.exit_code == 0);
    CHECK((found.grade == "in place" || found.grade == "durable"));
  }
}

TEST_CASE("perdure's own write is judged durable") {
  NEEDS_LAB();
  const Lab lab;
  const Judged found =
      judged(lab, {"sh", "-c", std::string("echo new | ") + CRASHLAB_PERDURE + " write file"},
             {"--durable"});
  INFO(one_line(found.outcome.output));
  CHECK(found.outcome.exit_code == 0);
  CHECK(found.json.at("syncs_needless").as_array().empty());
}

TEST_CASE("wrong orders are found") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string order : {"unsynced", "cut", "other_synced", "removed", "early"}) {
    const Judged found = judged_order(lab, order);
    INFO(order << ": " << one_line(found.outcome.output));
    CHECK(found.outcome.exit_code == 1);
    const std::string kind = order == "removed" ? "missing" : "torn";
    CHECK(found.findings.find(kind + " file") != std::string::npos);
  }
}

TEST_CASE("xfs and btrfs are judged by their own promises") {
  NEEDS_LAB();
  const Lab lab;
  for (const std::string fs : {"xfs", "btrfs"}) {
    if (::access(("/usr/sbin/mkfs." + fs).c_str(), X_OK) != 0) {
      perdure::test::skip("mkfs." + fs + " is not installed");
      continue;
    }
    const Judged right = judged_order(lab, "link_in", {"--fs", fs, "--durable"});
    INFO(one_line(right.outcome.output));
    CHECK(right.grade == "durable");
    const Judged wrong = judged_order(lab, "cut", {"--fs", fs});
    INFO(one_line(wrong.outcome.output));
    CHECK(wrong.grade == "torn");
  }
}

TEST_CASE("a rename that nobody syncs is rolled back: a fault if the end promises it") {
  NEEDS_LAB();
  const Lab lab;
  const Judged found = judged_order(lab, "undirected");
  INFO(one_line(found.outcome.output));
  CHECK(found.outcome.exit_code == 0);
  CHECK(found.grade == "ordered");
  CHECK(found.findings.find("rolled back file") != std::string::npos);
  CHECK(judged_order(lab, "undirected", {"--durable"}).outcome.exit_code == 1);
}

TEST_CASE("on a disk that ignores flushes even a right order loses what was promised") {
  NEEDS_LAB();
  const Lab lab;
  const Judged found = judged_order(lab, "replace", {"--ignore-flushes"});
  INFO(one_line(found.outcome.output));
  CHECK(found.grade == "lost");
}

TEST_CASE("a sync that promises nothing new is named, and a finding can be mounted") {
  NEEDS_LAB();
  const Lab lab;
  const Judged doubled = judged_order(lab, "doubled");
  INFO(one_line(doubled.outcome.output));
  CHECK(doubled.json.at("syncs").to_number<int>() == 6);
  CHECK(doubled.json.at("syncs_cheapest").to_number<int>() == 4);
  CHECK(doubled.json.at("syncs_cheapest_fast").to_number<int>() == 2);
  CHECK(doubled.json.at("syncs_needless").as_array().size() == 2);

  const Judged cut = judged_order(lab, "cut");
  const std::string id(cut.json.at("findings").at(0).at("id").as_string());
  Command mount = lab.command({"mount", id});
  mount.arguments.insert(mount.arguments.end(), {"--", "sh", "-c", "wc -c <$CRASHLAB_MOUNT/file"});
  const Outcome look = run(mount);
  INFO(one_line(look.output));
  CHECK(look.exit_code == 0);
  CHECK(lab({"show", id}).output.find("the checker said: torn: file is empty") !=
        std::string::npos);
  CHECK(lab.left_behind().empty());
}

TEST_CASE("what the program's own recovery says is compared with what it says after kills") {
  NEEDS_LAB();
  const Lab lab;
  // Two lines make a record, and the recovery prints whole records.
  const std::string write =
      "for i in 1 2 3; do echo begin $i >>log2; sync log2; echo end $i >>log2; sync log2; done";
  const std::string setup = "echo begin 0 >log2; echo end 0 >>log2; sync log2 .";
  const std::vector<std::string> command = {"sh", "-c", write};
  const Judged right =
      judged(lab, command, {"--recover", "grep -a '^end .' log2", "--durable"}, setup);
  INFO(one_line(right.outcome.output));
  CHECK(right.outcome.exit_code == 0);
  const Judged fails = judged_order(lab, "cut", {"--recover", "test -s file"});
  INFO(one_line(fails.outcome.output));
  CHECK(fails.outcome.output.find("(recovered) the recovery fails: status 1") != std::string::npos);
  const Judged wrong = judged_order(lab, "unsynced", {"--recover", "cksum file"});
  INFO(one_line(wrong.outcome.output));
  CHECK(wrong.outcome.exit_code == 1);
  CHECK(wrong.findings.find("torn (recovered)") != std::string::npos);
}
