// SPDX-License-Identifier: BSL-1.0
// check_store passes the stores that perdure has, and finds each breach of a rule that is planted.
#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include <perdure/forwarding_store.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/check_store.hpp>
#include <perdure/testing/memory_store.hpp>

#include "planted.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

std::string said(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::string rule_of(const std::string& line) {
  return line.substr(0, line.find(':'));
}

}  // namespace

TEST_CASE("the store in memory keeps every rule of the seam", "[P5][P13]") {
  Memories memories;
  const auto check = check_store(memories.factory(), {.size_max = 100'000});
  CHECK(said(check.findings) == "");
  CHECK(said(check.left_out) == "");
  CHECK(check.checked.size() == 14);
}

TEST_CASE("the file store keeps every rule of the seam", "[P5][P13]") {
  const TempDirectory at(Medium::memory);
  const auto open = [&](const std::string& name) {
    return open_file_store(at / name, {.size_max = 1U << 20U});
  };
  const auto check = check_store({.open = open}, {.size_max = (1U << 20U) + 1});
  CHECK(said(check.findings) == "");
  CHECK(said(check.left_out) ==
        "a lost answer is told: the factory can't lose an answer\n"
        "writers without the lock lose nothing: the store says that its compare needs the lock\n");
}

// On older kernels, ext3 and behind hidden mounts a load gave a save that had just been made
// another revision than the save itself did.
TEST_CASE("the file store keeps every rule of the seam where stamps tick", "[P5][P13]") {
  struct Ticking final : ForwardingFileSystem {
    using ForwardingFileSystem::ForwardingFileSystem;
    Stamps stamps(Handle /*at*/, const Status& /*status*/) override { return Stamps::ticks; }
  };
  Ticking files(native_file_system());
  const System system{.files = &files, .environment = &native_environment()};
  const TempDirectory at(Medium::memory);
  const auto open = [&](const std::string& name) {
    return open_file_store(at / name, {.size_max = 1U << 20U}, system);
  };
  const auto check = check_store({.open = open}, {.size_max = (1U << 20U) + 1});
  CHECK(said(check.findings) == "");
}

TEST_CASE("the log store keeps every rule of the seam", "[P5][P13]") {
  const TempDirectory at(Medium::memory);
  const auto publish = GENERATE(Publish::unordered, Publish::later);
  const auto open = [&](const std::string& name) {
    fs::create_directory(at / name);
    LogStoreOptions options;
    options.root.publish = publish;
    options.root.segment_size = 256U << 10U;
    options.root.record_size_max = 64U << 10U;
    options.size_max = 1U << 20U;
    return open_log_store(at / name / "s", options);
  };
  const auto check = check_store({.open = open, .one_holder = true}, {.size_max = (1U << 20U) + 1});
  CHECK(said(check.findings) == "");
  CHECK(check.left_out.size() == 5);
}

TEST_CASE("each breach of a rule is found, and told under that rule") {
  for (const PlantedBreach& breach : planted_breaches()) {
    Memories memories;
    const auto check =
        check_store(memories.factory(breach.plant), {.writer_saves = 40, .size_max = 100'000});
    INFO(breach.name << "\n" << said(check.findings));
    CHECK(std::ranges::any_of(check.findings,
                              [&](const auto& line) { return rule_of(line) == breach.rule; }));
  }
}

TEST_CASE("a store that can't be opened is a finding of each rule, in the store's words") {
  const StoreFactory factory = {
      .open = [](const std::string&) -> Result<std::unique_ptr<StateStore>> {
        return Error::system(std::make_error_code(std::errc::permission_denied), "open the store");
      }};
  const auto check = check_store(factory);
  REQUIRE(check.findings.size() >= 13);
  CHECK(std::ranges::all_of(check.findings, [](const auto& line) {
    return line.find("opening a handle failed: ") != std::string::npos &&
           line.find("ermission denied") != std::string::npos;
  }));
}
