// SPDX-License-Identifier: BSL-1.0
// Marks the names that the shared libraries of perdure use of each other, and names that they never
// export.
#pragma once

#include <perdure/detail/export.hpp>

// Exported for perdure's own libraries alone, and no part of the interface: it may change in each
// version. tests/package/internals.txt lists every one of them.
#define PERDURE_INTERNAL_API PERDURE_API

// For a class within an exported one: without this mark it would be exported, too.
#if defined(__GNUC__)
#define PERDURE_LOCAL __attribute__((visibility("hidden")))
#else
#define PERDURE_LOCAL
#endif
