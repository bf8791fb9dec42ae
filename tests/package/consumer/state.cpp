// SPDX-License-Identifier: BSL-1.0
// A user's program: keeps a state in the file that it is told, and finds it there again.
#include <boost/json.hpp>

#include <perdure/state.hpp>

struct Count {
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(Count, (), (value))

perdure::Result<int> counted(const char* path) {
  BOOST_OUTCOME_TRY(auto tracker, perdure::StateTracker<Count>::open(path));
  BOOST_OUTCOME_TRY(tracker.update([](Count& count) { ++count.value; }));
  return tracker.state()->value;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const int expected : {1, 2}) {
    const auto count = counted(argv[1]);
    if (!count) {
      std::fprintf(stderr, "%s\n", count.error().message().c_str());
      return 1;
    }
    if (count.value() != expected) return 1;
  }
  return 0;
}
