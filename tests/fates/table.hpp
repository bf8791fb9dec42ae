// SPDX-License-Identifier: BSL-1.0
// The table of cases.txt, and the calls that it names, in C++.
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "fates/steered.hpp"

namespace perdure::test {

/// One row: the call, the fault, and what comes of it.
struct FateCase {
  std::string call;
  std::string fault;    ///< As the variable of steered.hpp takes it.
  std::string outcome;  ///< "KIND FATE ERRNO"
};

inline std::vector<FateCase> fate_cases(const std::string& path) {
  std::ifstream in(path);
  std::vector<FateCase> cases;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string call, operation, number, error, kind, fate, code;
    words >> call >> operation >> number >> error >> kind >> fate >> code;
    if (!words) throw std::runtime_error("a row of another form: " + line);
    cases.push_back({call, operation + " " + number + " " + error, kind + " " + fate + " " + code});
  }
  return cases;
}

/// Sets the fault for as long as it lives.
class Armed {
 public:
  explicit Armed(const std::string& fault) { ::setenv(fault_variable, fault.c_str(), 1); }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
  ~Armed() { ::unsetenv(fault_variable); }
};

}  // namespace perdure::test
