// SPDX-License-Identifier: BSL-1.0
// The size that the process lets its files grow to.
#pragma once

#include <cstdint>

namespace perdure {

/// Whether a file that ends there is larger than RLIMIT_FSIZE allows (setrlimit(2)). The kernel
/// would end the process by SIGXFSZ. The limit is read at the first call, after a fork, and before
/// this says yes: one that is lowered later goes unnoticed. Safe to use from several threads.
[[nodiscard]] bool exceeds_size_limit(std::uint64_t end) noexcept;

}  // namespace perdure
