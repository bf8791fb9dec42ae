// SPDX-License-Identifier: BSL-1.0
// The version of the library. CMakeLists.txt reads it from here.
#pragma once

/// As major.minor.patch: programs that were built against one minor version build against its
/// patches.
#define PERDURE_VERSION "0.1.0"
