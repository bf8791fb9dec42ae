// SPDX-License-Identifier: BSL-1.0
/// The core, `perdure::perdure`: commits, transactions, groups, pipelines. `<perdure/state.hpp>`
/// has the rest. Include single headers where compile time matters.
#pragma once

#include <perdure/atomic_file.hpp>
#include <perdure/atomic_writer.hpp>
#include <perdure/clean.hpp>
#include <perdure/commit_handle.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/mirror.hpp>
#include <perdure/pipeline/pipeline.hpp>
#include <perdure/probe.hpp>
#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/root_copy.hpp>
#include <perdure/system/native.hpp>
#include <perdure/transaction.hpp>
#include <perdure/version.hpp>
