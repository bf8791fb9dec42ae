// SPDX-License-Identifier: BSL-1.0
// The version of the library. CMakeLists.txt reads it from here.
#pragma once

/// As major.minor.patch: a program that builds against a minor version also builds against each of
/// its patches.
#define PERDURE_VERSION "0.1.0"
