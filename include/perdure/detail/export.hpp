// SPDX-License-Identifier: BSL-1.0
// Marks everything that programs may use of the shared libraries: all else is hidden in them.
#pragma once

// One mark for each library: a system other than ELF would need to know which library exports and
// which imports. The marks are the same in every build, static or shared, installed or not, so that
// no user has to define any.
#if defined(__GNUC__)
#define PERDURE_API __attribute__((visibility("default")))
#else
#define PERDURE_API
#endif
#define PERDURE_STATE_API PERDURE_API
#define PERDURE_ETCD_API PERDURE_API
#define PERDURE_TESTING_API PERDURE_API
