// SPDX-License-Identifier: BSL-1.0
// The records for nlohmann-json.
#pragma once

#include <nlohmann/json.hpp>

#include "records.hpp"

namespace perdure::bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Attempt, started, seconds, failed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Record, id, name, owner, attempts, load, active, tags, history)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, next_id, records)

}  // namespace perdure::bench
