// SPDX-License-Identifier: BSL-1.0
// The core, as a program uses it: compiled under flags that its users may have.
#include <perdure/perdure.hpp>

int main() {
  auto file = perdure::AtomicFile::create("f");
  if (!file || !file.value().write("text")) return 1;
  if (!file.value().commit()) return 1;
  auto transaction = perdure::Transaction::begin("site");
  return transaction && transaction.value().put("a", "1") && transaction.value().commit() ? 0 : 1;
}
