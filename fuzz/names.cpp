// SPDX-License-Identifier: BSL-1.0
// Names on disk: the length of a leaf, the leaf, a number, then a name that claims to be one of
// ours. Each name that we make can be parsed, and each name that is parsed is one that we would
// make.
#include "engine/names.hpp"

#include <perdure/testing/manual_environment.hpp>

#include "fuzz.hpp"
#include "transaction/tree.hpp"

namespace perdure::fuzz {

namespace {

void check_leaf(const std::string& leaf, std::uint64_t number) {
  testing::ManualEnvironment environment(number);
  const auto fits = [](const std::string& name) {
    return name.size() <= names::length_max && names::fault_of_leaf(name).empty();
  };
  const std::string lock = names::lock_of(leaf);
  require(fits(lock) && names::is_own(lock) && !names::is_temp(lock), "a lock is a lock");
  const std::string temp = names::make_temp(leaf, environment).value();
  require(fits(temp) && names::is_temp(temp) && names::is_own(temp), "a temp is a temp");
  const std::string previous = names::previous_of(leaf, number);
  require(
      fits(previous) && names::parse_previous(previous, leaf) == number && names::is_own(previous),
      "a previous generation keeps its number");
  const std::string hidden = names::make_previous(leaf, number, environment).value();
  require(fits(hidden) && names::parse_previous(hidden, leaf) == number && names::is_own(hidden),
          "a previous generation that nobody can guess keeps its number");
  const std::string damaged = names::make_damaged(leaf, number, environment).value();
  require(fits(damaged) && names::parse_damaged(damaged, leaf) == number &&
              !names::parse_previous(damaged, leaf),
          "evidence keeps its number");
}

/// A name from a directory listing, whoever made it.
void check_name(const std::string& name, const std::string& leaf) {
  if (const auto number = names::parse_previous(name, leaf)) {
    require(names::previous_of(leaf, *number) == name, "one name for one generation");
  }
  if (const auto number = names::parse_damaged(name, leaf)) {
    require(name.size() <= names::length_max || leaf.size() > names::length_max,
            "evidence has a name that can be");
  }
  if (names::is_temp(name)) {
    require(names::fault_of_leaf(name).empty() && name.size() <= names::length_max &&
                name.front() == '.',
            "a temp has a name that can be");
  }
  if (names::is_staged(name)) {
    const std::string id = name.substr(2, 16);
    require(names::is_transaction_id(id), "a staged file's name has an id");
    const std::uint64_t number = std::stoull(name.substr(19));
    require(names::staged_of(id, number) == name, "one name for one staged file");
  }
}

/// A path from a journal or a caller: whoever follows it component by component stays beneath.
void check_path(std::string_view path) {
  if (!fault_of_path(path).empty()) return;
  require(!path.empty() && path.front() != '/' && path.back() != '/', "a path is relative");
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view component = path.substr(begin, end - begin);
    require(!component.empty() && component != "." && component != ".." &&
                component.size() <= names::length_max &&
                component.find('\0') == std::string_view::npos && component != names::root_marker,
            "a path has components that lead down");
    begin = end + 1;
  }
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure;
  using namespace perdure::fuzz;
  InputBytes input(data, size);
  const std::string leaf(input.text(input.below(names::length_max + 1)));
  const auto number = input.number<std::uint64_t>();
  const std::string name(as_text(input.rest()));
  if (names::fault_of_leaf(leaf).empty()) {
    check_leaf(leaf, number);
    check_name(name, leaf);
    // Two leaves that both fit have two locks.
    if (leaf != name && leaf.size() < 200 && name.size() < 200) {
      require(names::lock_of(leaf) != names::lock_of(name), "a lock for each leaf");
    }
  }
  check_path(name);
  return 0;
}
