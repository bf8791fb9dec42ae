// SPDX-License-Identifier: BSL-1.0
/// All of `perdure::state`: the state tracker, its stores, migrations, JSON and envelopes. Include
/// single headers where compile time matters.
#pragma once

#include <perdure/envelope.hpp>
#include <perdure/forwarding_store.hpp>
#include <perdure/json.hpp>
#include <perdure/json_pointer.hpp>
#include <perdure/migration.hpp>
#include <perdure/state_reader.hpp>
#include <perdure/state_store.hpp>
#include <perdure/state_tracker.hpp>
