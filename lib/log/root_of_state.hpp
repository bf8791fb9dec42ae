// SPDX-License-Identifier: BSL-1.0
// The way of a tracked state into a root.
#pragma once

#include <perdure/transaction.hpp>

namespace perdure {

class Root;

struct RootOfState {
  /// As Root::begin; it may name previous generations.
  static Result<Transaction> begin(Root& root);
};

}  // namespace perdure
