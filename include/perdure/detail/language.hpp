// SPDX-License-Identifier: BSL-1.0
// Says in words which language the headers need.
#pragma once

#if __cplusplus < 202002L
#error "perdure needs C++20: compile with -std=c++20 or a later standard"
#endif
