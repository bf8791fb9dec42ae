// SPDX-License-Identifier: BSL-1.0
// The test runner, compiled once for all test programs.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "catch.hpp"
