// SPDX-License-Identifier: BSL-1.0
// Other libraries' ways to save, each as its documentation says.
#pragma once

#include "../saver.hpp"

namespace perdure::bench {

void add_glib(Ways& ways);
void add_qsavefile(Ways& ways);
void add_sqlite(Ways& ways);
void add_lmdb(Ways& ways);
void add_leveldb(Ways& ways);
void add_rocksdb(Ways& ways);
void add_nlohmann(Ways& ways);

}  // namespace perdure::bench
