// SPDX-License-Identifier: BSL-1.0
// The command line as its users start it.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "support/directory.hpp"
#include "support/program.hpp"

namespace perdure::test {

/// As `run`, with the `perdure` that was built first in PATH, and nothing else of ours that
/// matters.
Start in_surroundings(Start start);
/// `perdure ARGUMENTS...`, run in `directory`.
Outcome command(const TempDirectory& directory, std::vector<std::string> arguments,
                std::string input = {});
/// A script of bash's, run in `directory`, with `perdure` in its PATH.
Outcome bash(const TempDirectory& directory, const std::string& script);
/// `perdure ARGUMENTS...` below strace with its options, which make system calls fail, say.
Outcome traced(const TempDirectory& directory, const std::vector<std::string>& strace_options,
               const std::vector<std::string>& arguments, std::string input = {});

/// Standard output as the one JSON object that it has to be.
boost::json::object json_of(const Outcome& outcome);
/// Kind, fate and step of the error that `--json` told; throws if there is none.
std::string nature_of(const Outcome& outcome);

}  // namespace perdure::test
