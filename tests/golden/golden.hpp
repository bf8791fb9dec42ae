// SPDX-License-Identifier: BSL-1.0
// The content of every set of golden files: the generator makes it, the test expects it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <perdure/envelope.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/transaction.hpp>

namespace perdure::test::golden {

/// The name under which a folder of golden files stands in a marker: it is not a path of any
/// machine.
inline const std::string anchor = "/golden";

/// Shows a folder as `anchor`.
class Relocated : public ForwardingFileSystem {
 public:
  Relocated(FileSystem& base, std::string folder)
      : ForwardingFileSystem(base), folder_(std::move(folder)) {}

  SysResult<Handle> open_directory(Handle from, const std::string& path) override {
    const bool inside = path == anchor || path.starts_with(anchor + "/");
    return ForwardingFileSystem::open_directory(
        from, inside ? folder_ + path.substr(anchor.size()) : path);
  }

 private:
  std::string folder_;
};

/// One root, and where its transaction was killed.
struct RootCase {
  std::string name;
  std::string private_directory;
  ProtocolChoice protocol = ProtocolChoice::portable;
  std::string killed_after;     ///< The rename to this name ...
  std::uint64_t links = 0;      ///< ... and at this link after it; 0 for at once.
  std::string recovery_killed;  ///< The same for a recovery that came next; may be empty.
  bool committed = true;
};

inline std::vector<RootCase> root_cases() {
  const std::string outside = anchor + "/private";
  return {
      {"half_applied", ".perdure", ProtocolChoice::portable, "j", 2, "", true},
      {"committed_fast", outside, ProtocolChoice::fast, "j", 1, "", true},
      {"recovery_killed", ".perdure", ProtocolChoice::portable, "j", 3, "j.copy", true},
      {"staged", outside, ProtocolChoice::portable, "", 0, "", false},
  };
}

/// The state of the trackers.
struct Count {
  std::uint64_t value = 0;
  std::vector<std::string> notes;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value, notes))

using CountTracker = StateTracker<Count>;
using ListTracker = StateTracker<std::vector<std::string>>;
using TextTracker = StateTracker<std::string, Envelope<Text>>;
using CountEnvelope = Envelope<Json<Count>>;
using EnvelopedTracker = StateTracker<Count, CountEnvelope>;

inline constexpr std::uint32_t schema_version = 3;
inline constexpr const char* unknown_members =
    R"({"value": 7, "notes": ["by hand"], "later": {"kept": [1, 2]}})";

}  // namespace perdure::test::golden
