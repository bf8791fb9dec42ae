// SPDX-License-Identifier: BSL-1.0
// Transactions over an overlay, whose files of a lower layer get other inodes when they are linked;
// in a user name space, other numbers for each name.
#include <functional>
#include <string>

#include <perdure/root.hpp>

#include "crash.hpp"
#include "support/mount.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::string_view not_mounted = "mount: ";

/// Runs `work` in a root on an overlay, with the files a, b and d/c in its lower layer.
std::string on_overlay(const std::function<std::string(const fs::path& root)>& work) {
  const TempDirectory at;
  for (const char* name : {"lower/r/d", "upper", "work", "merged"}) {
    fs::create_directories(at / name);
  }
  for (const char* name : {"a", "b", "d/c"}) spit(at / "lower/r" / name, name);
  const Mount overlay({"-t", "overlay", "-o",
                       "lowerdir=" + (at / "lower").native() + ",upperdir=" +
                           (at / "upper").native() + ",workdir=" + (at / "work").native(),
                       "none", (at / "merged").native()});
  if (!overlay.error().empty()) return overlay.error();
  return work(at / "merged/r");
}

Result<TransactionReceipt> change(const fs::path& root, const TransactionOptions& options) {
  BOOST_OUTCOME_TRY(auto transaction, Transaction::begin(root, options));
  BOOST_OUTCOME_TRY(transaction.move("a", "d/a"));
  BOOST_OUTCOME_TRY(transaction.move("d/c", "c"));
  BOOST_OUTCOME_TRY(transaction.put("b", "new"));
  return transaction.commit();
}

const Tree changed{{"b", "new"}, {"c", "d/c"}, {"d/", ""}, {"d/a", "a"}};

/// Empty if all is well.
std::string move_all(const fs::path& root) {
  const auto receipt = change(root, {});
  if (!receipt) return receipt.error().message();
  for (const std::string& path : receipt.value().left_alone) return path + " is left alone";
  return tree_of(root) == changed ? "" : "the tree is another one";
}

/// The same, killed before each rename and link, and recovered.
std::string move_killed(const fs::path& root, Operation operation, std::uint64_t call) {
  const Tree before = tree_of(root);
  DyingFileSystem dying(native_file_system(), operation, call);
  if (change(root, through(dying))) return "it was not killed";
  const auto recovered = recover(root);
  if (!recovered) return recovered.error().message();
  Tree now = tree_of(root);
  // Of a trial, or the marker's. `clean` takes none through an overlay: somebody else may write it.
  std::erase_if(now, [](const auto& file) { return file.first.ends_with(".perdure-tmp"); });
  if (now == changed) return "";
  if (!recovered.value().journal && now == before) return "";
  std::string words = "half of it is there:";
  for (const auto& [path, content] : now) words += " " + path;
  return words;
}

/// Commits through a log, and is killed; what was acknowledged is there after a recovery.
std::string log_killed(const fs::path& root, Operation operation, std::uint64_t call) {
  DyingFileSystem dying(native_file_system(), operation, call);
  RootOptions options;
  options.system.files = &dying;
  std::map<std::string, bool> acknowledged;
  bool whole = false;
  {
    auto open = Root::open(root, options);
    for (const char* path : {"a", "d/c"}) {
      acknowledged[path] = open && open.value().put(path, "new");
    }
    whole = open && open.value().close();
  }
  const auto recovered = recover(root);
  if (!recovered) return recovered.error().message();
  for (const RecoveredPath& path : recovered.value().paths) {
    if (path.step == RecoveryStep::foreign) return path.path + " is foreign";
  }
  for (const auto& [path, told] : acknowledged) {
    const std::string now = slurp(root / path);
    if (now != "new" && (told || now != path)) return path + " is '" + now + "'";
  }
  return whole ? "it was not killed" : "";
}

void check_all(const std::function<std::string(const std::function<std::string()>&)>& within) {
  const std::string said = within([] { return on_overlay(move_all); });
  if (said.starts_with("no ") || said.starts_with(not_mounted)) return skip(said);
  CHECK(said == "");
  if (!said.empty()) return;
  for (const Operation operation : {Operation::sync_file, Operation::rename, Operation::link,
                                    Operation::unlink, Operation::write_at}) {
    for (std::uint64_t call = 1;; ++call) {
      const std::string killed = within([&] {
        return on_overlay([&](const fs::path& root) { return log_killed(root, operation, call); });
      });
      if (killed == "it was not killed") break;
      CAPTURE(to_string(operation), call);
      CHECK(killed == "");
      if (!killed.empty()) break;
    }
  }
  for (const Operation operation : {Operation::link, Operation::rename, Operation::unlink}) {
    for (std::uint64_t call = 1;; ++call) {
      const std::string killed = within([&] {
        return on_overlay([&](const fs::path& root) { return move_killed(root, operation, call); });
      });
      if (killed == "it was not killed") break;
      CAPTURE(to_string(operation), call);
      CHECK(killed == "");
      if (!killed.empty()) break;
    }
  }
}

}  // namespace

TEST_CASE("files of a lower layer are moved and replaced", "[P11]") {
  if (!can_mount()) return skip("this user may not mount");
  check_all([](const std::function<std::string()>& work) { return work(); });
}

TEST_CASE("files of a lower layer are moved and replaced in a container without root", "[P11]") {
  check_all(in_user_namespace);
}
