// SPDX-License-Identifier: BSL-1.0
// Which kind and fate come of a system call that fails, for each call of the interface: the table
// of cases.txt, in C++. fates.c and fates.py hold C and Python to the same rows.
#include <array>
#include <iostream>
#include <memory>

#include <perdure/envelope.hpp>
#include <perdure/perdure.hpp>
#include <perdure/root.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>

#include "fates/table.hpp"
#include "support/directory.hpp"
#include "support/result.hpp"

namespace {

using namespace perdure;  // NOLINT(google-build-using-namespace)
using test::Armed;
namespace fs = boost::filesystem;

using Tracker = StateTracker<Buffer, Envelope<RawBytes>>;
using Call = std::function<std::string(const fs::path& place, const std::string& fault)>;

/// The outcome as the table spells it.
template <class T>
std::string outcome_of(const Result<T>& result) {
  if (result) return "none none 0";
  const Error& error = result.error();
  const std::string code =
      error.cause ? std::string(testing::errno_name(error.cause.value())) : "0";
  return std::string(to_string(error.kind)) + " " + std::string(to_string(error.fate)) + " " + code;
}

/// Makes the call with the fault, and nothing else with it.
template <class Work>
std::string with(const std::string& fault, Work work) {
  const Armed armed(fault);
  return outcome_of(work());
}

TransactionOptions transaction_options() {
  TransactionOptions options;
  options.system = test::steered_system();
  return options;
}

/// A transaction with two files that is to be committed.
Transaction begun(const fs::path& place) {
  auto transaction = Transaction::begin(place, transaction_options()).value();
  transaction.put("target", "new").value();
  transaction.put("other", "new").value();
  return transaction;
}

Root opened(const fs::path& place) {
  RootOptions options;
  options.system = test::steered_system();
  return Root::open(place, options).value();
}

Tracker tracker_of(const fs::path& place) {
  TrackerOptions options;
  options.system = test::steered_system();
  return Tracker::open(place / "state", options).value();
}

auto saving(Tracker& tracker, std::string_view text) {
  return tracker.update([text](Buffer& state) {
    const Bytes bytes = as_bytes(text);
    state.assign(bytes.begin(), bytes.end());
  });
}

const System steered = test::steered_system();
using Calls = std::map<std::string, Call>;
const Calls file_calls{
    {"write",
     [](const fs::path& place, const std::string& fault) {
       return with(fault, [&] { return write_file(place / "target", "new", {}, steered); });
     }},
    {"read",
     [](const fs::path& place, const std::string& fault) {
       return with(fault, [&] { return read_file(place / "target", UINT64_MAX, steered); });
     }},
    {"remove",
     [](const fs::path& place, const std::string& fault) {
       return with(fault, [&] { return remove_file(place / "target", {}, steered); });
     }},
    {"file_create",
     [](const fs::path& place, const std::string& fault) {
       return with(fault, [&] { return AtomicFile::create(place / "target", {}, steered); });
     }},
    {"file_write",
     [](const fs::path& place, const std::string& fault) {
       auto file = AtomicFile::create(place / "target", {}, steered).value();
       const std::string large(std::size_t{1} << 20U, 'x');
       return with(fault, [&] { return file.write(large); });
     }},
    {"file_commit",
     [](const fs::path& place, const std::string& fault) {
       auto file = AtomicFile::create(place / "target", {}, steered).value();
       file.write("new").value();
       return with(fault, [&] { return file.commit(); });
     }},
};
const Calls transaction_calls{
    {"transaction_begin",
     [](const fs::path& place, const std::string& fault) {
       return with(fault, [&] { return Transaction::begin(place, transaction_options()); });
     }},
    {"transaction_put",
     [](const fs::path& place, const std::string& fault) {
       auto transaction = Transaction::begin(place, transaction_options()).value();
       return with(fault, [&] { return transaction.put("target", "new"); });
     }},
    {"transaction_commit",
     [](const fs::path& place, const std::string& fault) {
       auto transaction = begun(place);
       return with(fault, [&] { return transaction.commit(); });
     }},
    {"recover",
     [](const fs::path& place, const std::string& fault) {
       {
         auto transaction = begun(place);
         const Armed crash("rename 3 EIO");  // the journal has its name, and no file has
         transaction.commit().error();
       }
       return with(fault, [&] { return recover(place, transaction_options()); });
     }},
};
const Calls root_calls{
    {"root_open",
     [](const fs::path& place, const std::string& fault) {
       RootOptions options;
       options.system = steered;
       return with(fault, [&] { return Root::open(place, options); });
     }},
    {"root_commit",
     [](const fs::path& place, const std::string& fault) {
       auto root = opened(place);
       auto transaction = root.begin().value();
       transaction.put("target", "new").value();
       return with(fault, [&] { return transaction.commit(); });
     }},
    {"root_settle",
     [](const fs::path& place, const std::string& fault) {
       auto root = opened(place);
       root.put("target", "new").value();
       return with(fault, [&] { return root.settle(); });
     }},
    {"root_close",
     [](const fs::path& place, const std::string& fault) {
       auto root = opened(place);
       root.put("target", "new").value();
       return with(fault, [&] { return root.close(); });
     }},
};
const Calls state_calls{
    {"state_open",
     [](const fs::path& place, const std::string& fault) {
       auto first = tracker_of(place);
       saving(first, "old").value();
       TrackerOptions options;
       options.system = steered;
       return with(fault, [&] { return Tracker::open(place / "state", options); });
     }},
    {"state_load",
     [](const fs::path& place, const std::string& fault) {
       auto tracker = tracker_of(place);
       auto other = tracker_of(place);
       saving(other, "old").value();
       return with(fault, [&] { return tracker.reload(); });
     }},
    {"state_save",
     [](const fs::path& place, const std::string& fault) {
       auto tracker = tracker_of(place);
       saving(tracker, "old").value();
       return with(fault, [&]() -> Result<void> { return saving(tracker, "new"); });
     }},
};

const std::array all_calls{&file_calls, &transaction_calls, &root_calls, &state_calls};

std::string run(const test::FateCase& row) {
  const test::TempDirectory place;
  place.put("target", "old");
  for (const Calls* const calls : all_calls) {
    const auto found = calls->find(row.call);
    if (found != calls->end()) return found->second(place.path(), row.fault);
  }
  return "a call that C++ does not know";
}

/// Whether the file system lets a root have a log. Without one the rows of roots say nothing.
bool can_be_held_open() {
  const test::TempDirectory place;
  const auto root = Root::open(place.path());
  if (root) return true;
  REQUIRE_FAILS(unsupported, unchanged, root);
  std::cout << "without the rows of root_...: " << root.error().message() << "\n";
  return false;
}

}  // namespace

TEST_CASE("C++ gives the kinds and fates of the table", "[P19]") {
  const auto rows = test::fate_cases(PERDURE_FATE_CASES);
  CHECK(rows.size() > 50);
  const bool roots = can_be_held_open();
  for (const auto& row : rows) {
    if (!roots && row.call.starts_with("root_")) continue;
    INFO(row.call << ": " << row.fault);
    CHECK(run(row) == row.outcome);
  }
}
