// SPDX-License-Identifier: BSL-1.0
// The words for a report of recovery.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include <perdure/recovery_report.hpp>

#include "terminal/output.hpp"

namespace perdure::cli {

enum class RecoveryMode { recovered, abandoned, inspected };

[[nodiscard]] boost::json::object to_json(const RecoveryReport& report);
[[nodiscard]] std::string to_text(const std::string& root, const RecoveryReport& report,
                                  RecoveryMode mode);
/// The status that `recover` would end with, going by what `inspect` saw.
[[nodiscard]] ExitStatus status_of_inspected(const RecoveryReport& report);

/// Says on standard error, a line each, which deeds of recovery came before what the user asked
/// for; nothing if there were none.
void tell_recovery(const std::string& root, const RecoveryReport& report);
/// The line for a path that is somebody else's. `kept`: where its new content is; may be empty.
void tell_left_alone(const std::string& path, const std::string& kept);

}  // namespace perdure::cli
