// SPDX-License-Identifier: BSL-1.0
// Marks what the shared libraries of perdure need of each other, and what they never show.
#pragma once

#include <perdure/detail/export.hpp>

// Exported for perdure's own libraries alone, and no part of the interface: it may change in each
// version. tests/package/internals.txt lists every one of them.
#define PERDURE_INTERNAL_API PERDURE_API

// For the definition of a class within an exported one, which would be exported with it.
#if defined(__GNUC__)
#define PERDURE_LOCAL __attribute__((visibility("hidden")))
#else
#define PERDURE_LOCAL
#endif
