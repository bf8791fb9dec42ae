// SPDX-License-Identifier: BSL-1.0
// Finds the cause that the code of a system call does not tell.
#pragma once

#include <optional>

#include <perdure/error.hpp>
#include <perdure/system/file_system.hpp>

namespace perdure {

/// Gives an error of a system call the circumstance that its code does not tell, if it has no
/// detail yet (base/advice.hpp lists them). `directory` is where the call was made, `existing` the
/// file that it was about. Only a call that failed pays for the look.
void explain(Error& error, FileSystem& files, Handle directory,
             const std::optional<Status>& existing);

}  // namespace perdure
