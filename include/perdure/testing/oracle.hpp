// SPDX-License-Identifier: BSL-1.0
// Oracles: checks of a state after a crash and its recovery.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <perdure/detail/export.hpp>
#include <perdure/testing/explore.hpp>

/// Checks that most programs want to pass in every crash state. Each takes its facts from the
/// session's history; each is a value that threads may share.
///
/// How the history limits one target, by the words "binding" and "superseded" below:
/// - An acknowledged attempt is binding when it was `durable`, and, of any durability, as long as
///   only the process died since.
/// - A binding attempt supersedes every attempt on that target that had ended before it began.
/// - An attempt that failed as `unchanged` must never be seen.
/// - An attempt that failed as `committed` is as good as acknowledged: recovery finishes it.
/// - An attempt of Durability::none allows anything at all after a power cut, until superseded.
namespace perdure::testing::oracles {

/// The same oracle, asked before recovery.
PERDURE_TESTING_API Oracle at_once(Oracle oracle);

/// Each target is, byte for byte, one of the contents that some attempt on it (or the preparation)
/// gave it. It is missing only if it was missing at first, or some attempt removed it.
PERDURE_TESTING_API Oracle old_or_new();

/// Each target is as an attempt made it that no binding attempt supersedes. So an acknowledged
/// content is there, or a newer one; a removed file stays removed.
PERDURE_TESTING_API Oracle acknowledged();

/// As `acknowledged`, for something other than the content of one file. It may be the files of a
/// transaction in words, or the state with which a program starts. The words that `read` finds are
/// those of an attempt on `target` that no binding attempt supersedes. Allows anything for a target
/// without attempts. `read` may change the disk: it gets a copy. It returns an empty value where
/// nothing is found.
PERDURE_TESTING_API Oracle found(std::string target,
                                 std::function<std::optional<std::string>(Session&)> read);

/// Attempts with one `step` happen together, and in their order: all targets are as they were after
/// some step, and no binding step is missing. For transactions, and for histories of states. Under
/// presets::split_rename, where targets may be missing, it checks nothing and passes.
PERDURE_TESTING_API Oracle steps_whole();

/// The root holds only the targets of the history, the files from before the workload, and the
/// paths given here (a lock file, a backup). A path that ends in '/' is a directory.
PERDURE_TESTING_API Oracle no_litter(std::vector<std::string> allowed = {});

/// These files are as they were: content by path.
PERDURE_TESTING_API Oracle untouched(std::map<std::string, std::string> files);

/// The metadata that `metadata_kept` compares.
struct ExpectedMetadata {
  std::uint32_t mode = 0644;                  ///< Exactly these bits.
  std::uint32_t owner = 0;                    ///< The number of the user.
  std::uint32_t group = 0;                    ///< The number of the group.
  std::map<std::string, std::string> xattrs;  ///< All that it has: values by name.
};

/// The target, if it is there, has exactly this metadata; and no other file in its directory that
/// holds any content has permissions beyond `mode`.
PERDURE_TESTING_API Oracle metadata_kept(std::string target, ExpectedMetadata expected);

/// Running `recover` again changes nothing.
PERDURE_TESTING_API Oracle recovery_idempotent(Procedure<Session&> recover);

/// `commit` succeeds on the disk that recovery left: it returns no words.
PERDURE_TESTING_API Oracle still_works(std::function<std::string(Session&)> commit);

/// The generation that `read` finds is not below that of the newest binding attempt, and not above
/// that of the newest attempt. `number` says which generation a content is, for the contents of the
/// attempts on `target`. Two attempts that gave one number to two contents are a violation, too.
PERDURE_TESTING_API Oracle generations(
    std::string target, std::function<std::optional<std::uint64_t>(const std::string&)> number);

/// No handle is open: nothing leaks.
PERDURE_TESTING_API Oracle nothing_open();

}  // namespace perdure::testing::oracles
