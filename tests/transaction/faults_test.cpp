// SPDX-License-Identifier: BSL-1.0
// Every call of a transaction fails, with every error that it can return, once and from then on.
#include <utility>

#include <perdure/clean.hpp>
#include <perdure/root_copy.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>

#include "support/claiming.hpp"
#include "tree.hpp"

using namespace perdure;           // NOLINT(google-build-using-namespace)
using namespace perdure::test;     // NOLINT(google-build-using-namespace)
using namespace perdure::testing;  // NOLINT(google-build-using-namespace)

namespace {

/// After a failure the tree is what the fate says, and recovery completes it.
void check_failure(const fs::path& root, const Error& error) {
  INFO(error.message());
  if (error.detail.find("`perdure clean` removes it") != std::string::npos) {
    for (const auto& directory : {root, root / "sub"}) REQUIRE_OK(clean(directory));
  }
  const Tree now = tree_of(root);
  if (error.fate == Fate::unchanged) CHECK(now == Sample::before());
  CHECK(error.fate != Fate::visible);
  REQUIRE_OK(recover(root));
  const Tree recovered = tree_of(root);
  if (error.fate == Fate::unchanged) CHECK(recovered == Sample::before());
  if (error.fate == Fate::committed) CHECK(recovered == Sample::after());
  CHECK((recovered == Sample::before() || recovered == Sample::after()));
  CHECK(private_of(root).empty());
}

/// How it is committed: `automatic` on what says that it is an ext4 or a btrfs.
struct Way {
  ProtocolChoice protocol = ProtocolChoice::portable;
  std::string type = "ext4";
};

/// Runs the sample with one fault; false when it never came to be.
bool run_with(const Fault& fault, const Way& way) {
  const TempDirectory root("/dev/shm");
  Sample::prepare(root.path());
  FileSystemInfo info = good_ext4();
  info.type = way.type;
  info.sync_reports = true;
  Claiming claiming(info);
  FaultyFileSystem faulty(claiming);
  faulty.fail(fault);
  ManualEnvironment clock;  // a lock that is never to be had is waited for without waiting
  TransactionOptions options = through(faulty);
  options.system.environment = &clock;
  options.protocol = way.protocol;
  const auto receipt = Sample::run(root.path(), options);
  CHECK(faulty.handles_open() == 0);
  if (receipt) {
    // Who is told that a file is gone takes it for somebody else's doing, and says so.
    const bool told_gone = fault.operation == Operation::stat_at && fault.error == ENOENT;
    if (!told_gone) CHECK(receipt.value().left_alone.empty());
    if (receipt.value().left_alone.empty()) CHECK(tree_of(root.path()) == Sample::after());
    REQUIRE_OK(recover(root.path()));
    auto left = private_of(root.path());
    std::erase_if(left, [&](const auto& name) {
      return (fs::path(".perdure") / name) == receipt.value().set_aside;
    });
    CHECK(left.empty());
  } else {
    check_failure(root.path(), receipt.error());
  }
  return faulty.fired() > 0;
}

/// "It is gone already" of a file that is there, or the reverse: an answer that no kernel gives,
/// and that every redo has to believe.
bool is_lie(Operation operation, int error) {
  return (operation == Operation::unlink && error == ENOENT) ||
         (operation == Operation::remove_directory && error == ENOENT) ||
         (operation == Operation::make_directory && error == EEXIST);
}

}  // namespace

TEST_CASE("a transaction fails at every call of every operation", "[P11][P19]") {
  const auto way = GENERATE(Way(), Way{ProtocolChoice::automatic, "ext4"},
                            Way{ProtocolChoice::automatic, "btrfs"});
  for (const Operation operation : all_operations()) {
    for (const bool from_then_on : {false, true}) {
      for (std::uint64_t call = 1;; ++call) {
        bool fired = false;
        for (const int error : errors_of(operation)) {
          if (is_lie(operation, error)) continue;
          INFO(to_string(operation)
               << " " << call << " " << errno_name(error) << " " << from_then_on);
          fired = run_with({.operation = operation,
                            .call = call,
                            .error = error,
                            .from_then_on = from_then_on,
                            .count = {}},
                           way);
        }
        if (!fired) break;
      }
    }
  }
}

TEST_CASE("an answer that was lost is not taken for a call that did nothing", "[P11][P19]") {
  const auto way = GENERATE(Way(), Way{ProtocolChoice::automatic, "ext4"},
                            Way{ProtocolChoice::automatic, "btrfs"});
  for (const Operation operation :
       {Operation::rename, Operation::link, Operation::unlink, Operation::sync_directory,
        Operation::sync_file, Operation::await_writeback, Operation::sync_file_system,
        Operation::make_directory}) {
    for (std::uint64_t call = 1;; ++call) {
      INFO(to_string(operation) << " " << call);
      if (!run_with({.operation = operation,
                     .call = call,
                     .error = EIO,
                     .from_then_on = false,
                     .after_effect = true,
                     .count = {}},
                    way)) {
        break;
      }
    }
  }
}

TEST_CASE("a copy that is gone behind a rename which failed is of unknown fate") {
  const TempDirectory root("/dev/shm");
  const TempDirectory outside("/dev/shm");
  Sample::prepare(root.path());
  REQUIRE_OK(Sample::run(root.path()));
  /// Renames, loses the answer, and somebody moves the copy away.
  struct Lost final : ForwardingFileSystem {
    explicit Lost(fs::path at) : ForwardingFileSystem(native_file_system()), copy(std::move(at)) {}
    SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                           const std::string& to, RenameMode mode) override {
      BOOST_OUTCOME_TRY(ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode));
      fs::rename(copy, copy.native() + ".moved");
      return std::make_error_code(std::errc::io_error);
    }
    fs::path copy;
  } lost(outside / "copy");
  REQUIRE_FAILS(system, unknown, copy_root(root.path(), lost.copy, {}, through(lost)));
}
