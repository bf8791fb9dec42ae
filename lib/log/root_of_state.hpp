// SPDX-License-Identifier: BSL-1.0
// How a tracked state commits through a root.
#pragma once

#include <functional>

#include <perdure/transaction.hpp>

#include "base/internal.hpp"

namespace perdure {

class Root;

struct PERDURE_INTERNAL_API RootOfState {
  /// As Root::begin; it may name previous generations. `compare` decides last whether to commit: it
  /// runs while nothing else is committed, maybe on another thread while `commit` waits.
  static Result<Transaction> begin(Root& root, std::function<Result<void>()> compare);
};

}  // namespace perdure
