// SPDX-License-Identifier: BSL-1.0
/// Everything. Include single headers where compile time matters.
#pragma once

#include <perdure/atomic_file.hpp>
#include <perdure/atomic_writer.hpp>
#include <perdure/clean.hpp>
#include <perdure/envelope.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/json.hpp>
#include <perdure/json_pointer.hpp>
#include <perdure/probe.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>
