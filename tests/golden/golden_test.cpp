// SPDX-License-Identifier: BSL-1.0
// Today's code reads the files of every format that was ever released or tried.
#include "golden.hpp"

#include <fstream>
#include <sys/stat.h>

#include "engine/names.hpp"
#include "support/catch.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"
#include "support/sample.hpp"
#include "transaction/journal_format.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)
using golden::CountTracker;
using golden::EnvelopedTracker;
using golden::ListTracker;
using golden::RootCase;
using golden::TextTracker;

namespace {

std::vector<fs::path> sets() {
  std::vector<fs::path> all;
  for (const auto& name : list(GOLDEN_DATA)) all.push_back(fs::path(GOLDEN_DATA) / name);
  REQUIRE_FALSE(all.empty());
  return all;
}

/// A copy of a golden root whose files are known by what they were known by when it was made:
/// inodes, times of birth and hard links don't survive version control.
class Restored final : public golden::Relocated {
 public:
  Restored(const fs::path& from, const fs::path& to)
      : Relocated(native_file_system(), to.native()) {
    std::ifstream paths((from / "paths.txt").native());
    std::string type;
    Identity identity;
    std::int64_t mtime_ns = 0;
    unsigned mode = 0;
    std::string path;
    std::map<std::uint64_t, std::string> first_names;
    while (paths >> type >> identity.inode >> identity.birth_ns >> mtime_ns >> mode >> path) {
      const auto [first, is_new] = first_names.emplace(identity.inode, path);
      if (type == "d") {
        fs::create_directories(to / path);
      } else if (is_new) {
        fs::copy_file(from / path, to / path);
      } else {
        fs::create_hard_link(to / first->second, to / path);
      }
      if (::chmod((to / path).c_str(), mode) != 0) throw std::runtime_error("chmod " + path);
      set_mtime(to / path, mtime_ns);
      identities_[status_of(to / path).st_ino] = identity;
    }
    REQUIRE_FALSE(identities_.empty());
  }

  SysResult<Status> stat(Handle handle) override { return known(Relocated::stat(handle)); }
  SysResult<Status> stat_at(Handle directory, const std::string& name) override {
    return known(Relocated::stat_at(directory, name));
  }

 private:
  [[nodiscard]] SysResult<Status> known(SysResult<Status> status) const {
    if (!status) return status;
    const auto found = identities_.find(status.value().version.inode);
    if (found == identities_.end()) return status;
    status.value().version.inode = found->second.inode;
    status.value().version.birth_ns = found->second.birth_ns;
    return status;
  }

  std::map<std::uint64_t, Identity> identities_;
};

std::map<std::string, std::string> content_of(const fs::path& root) {
  std::map<std::string, std::string> content;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string name = entry->path().lexically_relative(root).native();
    if (name == ".perdure") entry.disable_recursion_pending();
    if (name == ".perdure-root" || name.ends_with(".perdure-lock")) continue;
    if (fs::is_regular_file(entry->path())) content[name] = slurp(entry->path());
  }
  return content;
}

TransactionOptions options_for(const RootCase& one, FileSystem& files) {
  TransactionOptions options;
  options.private_directory = one.private_directory;
  options.system.files = &files;
  return options;
}

/// The private directory of a golden root, as a folder.
fs::path private_of(const fs::path& folder, const RootCase& one) {
  return one.private_directory.front() == '/' ? folder / "private"
                                              : folder / "root" / one.private_directory;
}

void check_journal(const fs::path& file) {
  INFO(file.native());
  const std::string bytes = slurp(file);
  const auto journal = decode_journal(as_bytes(bytes));
  REQUIRE_OK(journal);
  CHECK(names::is_transaction_id(journal.value().id));
  std::map<std::string, const JournalEntry*> entries;
  for (const auto& entry : journal.value().entries) entries[entry.path] = &entry;
  REQUIRE(entries.size() == 7);
  for (const char* path : {"a", "sub/c", "n/d", "top"}) {
    INFO(path);
    CHECK(entries.at(path)->action == JournalAction::put);
    CHECK(entries.at(path)->staged_identity.inode != 0);
    const std::string& name = entries.at(path)->apply_temp;  // in older folders a temp's
    CHECK((names::is_apply_temp(name) || names::is_temp(name)));
  }
  CHECK(entries.at("a")->before->size == Sample::files_before().at("a").size());
  CHECK_FALSE(entries.at("top")->before.has_value());
  CHECK_FALSE(entries.at("n/d")->before.has_value());
  CHECK(entries.at("n")->action == JournalAction::make_directory);
  CHECK(entries.at("n")->mode == 0777);
  for (const char* path : {"b", "sub/m"}) {
    CHECK(entries.at(path)->action == JournalAction::remove);
    CHECK(entries.at(path)->before->identity.inode != 0);
    CHECK(entries.at(path)->before->mtime_ns > 0);
  }
}

/// A golden state and those beside it, where a tracker may work on them.
class States {
 public:
  explicit States(const fs::path& set) {
    for (const auto& name : list(set / "states")) {
      fs::copy_file(set / "states" / name, copy_ / name);
    }
  }
  [[nodiscard]] Path operator/(const char* leaf) const { return (copy_ / leaf).native(); }

 private:
  TempDirectory copy_;
};

std::vector<std::string> notes_up_to(std::uint64_t count) {
  std::vector<std::string> notes;
  for (std::uint64_t i = 1; i <= count; ++i) notes.push_back("note " + std::to_string(i));
  return notes;
}

}  // namespace

TEST_CASE("golden journals say what their transaction was to do") {
  for (const auto& set : sets()) {
    std::size_t journals = 0;
    for (const auto& one : golden::root_cases()) {
      const fs::path private_directory = private_of(set / "roots" / one.name, one);
      CHECK(fs::exists(private_directory / "j") == one.committed);
      CHECK(fs::exists(private_directory / "j.copy") == !one.recovery_killed.empty());
      for (const char* name : {"j", "j.copy", "j.tmp"}) {
        if (!fs::exists(private_directory / name)) continue;
        check_journal(private_directory / name);
        ++journals;
      }
    }
    CHECK(journals == 5);
  }
}

TEST_CASE("golden roots are recovered: all of a committed transaction, nothing of another",
          "[P11][P12]") {
  for (const auto& set : sets()) {
    for (const auto& one : golden::root_cases()) {
      const TempDirectory at;
      INFO(set.native() << " " << one.name);
      Restored files(set / "roots" / one.name, at.path());
      const auto seen = inspect(golden::anchor + "/root", options_for(one, files));
      REQUIRE_OK(seen);
      CHECK(seen.value().journal == one.committed);
      CHECK(seen.value().damage.empty());
      const auto report = recover(golden::anchor + "/root", options_for(one, files));
      REQUIRE_OK(report);
      CHECK(report.value().paths.size() == (one.committed ? 7U : 0U));
      std::uint64_t redone = 0;
      for (const auto& path : report.value().paths) {
        INFO(path.path);
        const bool known = path.step == RecoveryStep::done || path.step == RecoveryStep::redo;
        CHECK(known);
        if (path.step == RecoveryStep::redo) ++redone;
      }
      CHECK((redone > 0) == one.committed);
      CHECK(report.value().discarded == (one.committed ? 0U : 4U));
      CHECK(content_of(at / "root") ==
            (one.committed ? Sample::files_after() : Sample::files_before()));
      const auto left = list(private_of(at.path(), one));
      CHECK(left == std::vector<std::string>{".root.perdure-lock"});
      REQUIRE_OK(Transaction::begin(golden::anchor + "/root", options_for(one, files)));
    }
  }
}

TEST_CASE("golden markers say where the private directory is") {
  for (const auto& set : sets()) {
    for (const auto& one : golden::root_cases()) {
      const TempDirectory at;
      INFO(set.native() << " " << one.name);
      Restored files(set / "roots" / one.name, at.path());
      TransactionOptions options = options_for(one, files);
      options.private_directory = "elsewhere";
      const auto begun = Transaction::begin(golden::anchor + "/root", options);
      REQUIRE_FAILS(invalid_argument, unchanged, begun);
      CHECK(begun.error().detail.find("'" + one.private_directory + "'") != std::string::npos);
      CHECK_FALSE(fs::exists(at / "root/elsewhere"));
    }
  }
}

TEST_CASE("golden JSON states open with their stamps and their previous generations, and save",
          "[P13]") {
  for (const auto& set : sets()) {
    INFO(set.native());
    const States at(set);
    auto count = CountTracker::open(at / "count.json", {.previous_max = 2});
    REQUIRE_OK(count);
    CHECK(count.value().report().origin == Origin::current);
    CHECK(count.value().generation() == 3);
    CHECK(count.value().state()->notes == notes_up_to(3));
    REQUIRE_OK(count.value().history());
    CHECK(count.value().history().value().previous == std::vector<std::uint64_t>{2, 1});
    REQUIRE_OK(count.value().restore(2));
    CHECK(count.value().state()->notes == notes_up_to(2));
    CHECK(count.value().generation() == 4);

    auto list = ListTracker::open(at / "list.json");
    REQUIRE_OK(list);
    CHECK(*list.value().state() == std::vector<std::string>{"one", "two \"quoted\""});

    Migrations<Json<golden::Count>> newer(golden::schema_version + 1);
    bool migrated = false;
    newer.from(golden::schema_version, [&](boost::json::object&) -> Result<void> {
      migrated = true;
      return success();
    });
    const auto schema = CountTracker::open(at / "schema.json", {}, {}, {}, newer);
    REQUIRE_OK(schema);
    CHECK(migrated);
    CHECK(schema.value().state()->notes == notes_up_to(1));
    REQUIRE_FAILS(too_new, unchanged, CountTracker::open(at / "schema.json"));
  }
}

TEST_CASE("golden states keep the members that this program does not know") {
  for (const auto& set : sets()) {
    INFO(set.native());
    const States at(set);
    for (const char* leaf : {"unknown.json", "unstamped.json"}) {
      INFO(leaf);
      auto opened = CountTracker::open(at / leaf);
      REQUIRE_OK(opened);
      CHECK(opened.value().report().origin == Origin::current);
      CHECK(opened.value().state()->notes.front() == "by hand");
      REQUIRE_OK(opened.value().update([](golden::Count& count) { count.value = 9; }));
      const std::string text = slurp((at / leaf).native());
      CHECK(text.find(R"("later")") != std::string::npos);
      CHECK(text.find("9") != std::string::npos);
    }
  }
}

TEST_CASE("golden states in an envelope open with their stamps, and save", "[P13]") {
  for (const auto& set : sets()) {
    INFO(set.native());
    const States at(set);
    auto text = TextTracker::open(at / "text.envelope", {}, {}, {},
                                  Migrations<Envelope<Text>>(golden::schema_version));
    REQUIRE_OK(text);
    CHECK(*text.value().state() == "second");
    CHECK(text.value().generation() == 2);
    REQUIRE_OK(text.value().restore(1));
    CHECK(*text.value().state() == "first");
    REQUIRE_FAILS(too_new, unchanged, TextTracker::open(at / "text.envelope"));

    const auto count = EnvelopedTracker::open(at / "count.envelope");
    REQUIRE_OK(count);
    CHECK(count.value().state()->notes == notes_up_to(1));

    const auto plain = TextTracker::open(at / "unstamped.envelope");
    REQUIRE_OK(plain);
    CHECK(*plain.value().state() == "no stamp");
  }
}

TEST_CASE("a golden state that follows a lost one knows the evidence beside it", "[P14]") {
  for (const auto& set : sets()) {
    INFO(set.native());
    const States at(set);
    auto lost = CountTracker::open(at / "lost.json");
    REQUIRE_OK(lost);
    CHECK(lost.value().report().origin == Origin::current);
    CHECK(lost.value().generation() > 5);
    const auto history = lost.value().history();
    REQUIRE_OK(history);
    REQUIRE(history.value().damaged.size() == 1);
    CHECK(history.value().generation_max > 5);
  }
}
