// SPDX-License-Identifier: BSL-1.0
// A tracked state, put together right and wrong: no failure that an edit returns is dropped, and no
// member takes a name of the stamp. Each case is compiled by itself (-DCASE_name); the line above a
// wrong one is what the compiler's first error has to say.
#include <memory>
#include <string>
#include <system_error>

#include <perdure/perdure.hpp>
#include <perdure/state_tracker.hpp>

namespace pd = perdure;

struct Count {
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value))
using Tracker = pd::StateTracker<Count>;

#if defined(CASE_edit_without_result)
pd::Result<void> save(Tracker& tracker) {
  return tracker.update([](Count& count) { ++count.value; });
}

#elif defined(CASE_edit_with_result)
pd::SaveHandle<> save(Tracker& tracker) {
  return tracker.save_later([](Count& count) -> pd::Result<void> {
    if (++count.value > 8) return pd::Error{};
    return pd::success();
  });
}

#elif defined(CASE_edit_with_result_of_value)
pd::Result<int> save(Tracker& tracker) {
  BOOST_OUTCOME_TRY(auto saved, tracker.update([](Count& count) -> pd::Result<int> {
    if (++count.value > 8) return pd::Error{};
    return count.value;
  }));
  return saved.value;
}

// expect: perdure: an edit calls the save off by a Result<void>
#elif defined(CASE_edit_with_error_code)
void save(Tracker& tracker) {
  (void)tracker.save_later([](Count&) { return std::make_error_code(std::errc::io_error); });
}

// expect: perdure: an edit calls the save off by a Result<void>
#elif defined(CASE_edit_with_result_of_the_seam)
void save(Tracker& tracker) {
  (void)tracker.update([](Count& count) -> pd::SysResult<int> { return count.value; });
}

// expect: perdure: an edit calls the save off by a Result<void>
#elif defined(CASE_edit_with_result_of_another_edit)
void save(Tracker& tracker, Tracker& other) {
  (void)tracker.update([&](Count&) { return other.update([](Count& count) { ++count.value; }); });
}

#elif defined(CASE_edit_that_passes_on_the_failure_of_another)
pd::Result<void> save(Tracker& tracker, Tracker& other) {
  return tracker.update([&](Count&) -> pd::Result<void> {
    return other.update([](Count& count) { ++count.value; });
  });
}

// expect: perdure: the value of an edit can't be copied
#elif defined(CASE_edit_with_unique_value)
void save(Tracker& tracker) {
  (void)tracker.update([](Count& count) { return std::make_unique<int>(count.value); });
}

#elif defined(CASE_edit_with_reference)
int save(Tracker& tracker) {
  auto saved = tracker.update([](Count& count) -> int& { return ++count.value; });
  return saved ? saved.value().value : 0;
}

// expect: perdure: an edit takes T&, may be run more than once
#elif defined(CASE_edit_that_changes_itself)
pd::Result<void> save(Tracker& tracker) {
  return tracker.update([n = 0](Count& count) mutable { count.value = ++n; });
}

// expect: perdure: generation, last_updated, checksum, schema_version and lineage are members
#elif defined(CASE_state_with_generation)
struct State {
  int generation = 0;
};
BOOST_DESCRIBE_STRUCT(State, (), (generation))
pd::Result<pd::StateTracker<State>> open() {
  return pd::StateTracker<State>::open("state");
}

// expect: perdure: generation, last_updated, checksum, schema_version and lineage are members
#elif defined(CASE_state_with_lineage)
struct State {
  std::string lineage;
};
BOOST_DESCRIBE_STRUCT(State, (), (lineage))
pd::Result<pd::StateTracker<State>> open() {
  return pd::StateTracker<State>::open("state");
}

#elif defined(CASE_state_with_lineage_below)
struct Inner {
  std::string lineage;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (lineage))
struct State {
  Inner inner;
};
BOOST_DESCRIBE_STRUCT(State, (), (inner))
pd::Result<pd::StateTracker<State>> open() {
  return pd::StateTracker<State>::open("state");
}

#endif
