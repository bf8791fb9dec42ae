// SPDX-License-Identifier: BSL-1.0
// Objects that were moved from: what may still be done with them, and what ends the program.
#include <utility>

#include <perdure/perdure.hpp>

#include "support/directory.hpp"
#include "support/ending.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::aborted;
using test::end_of;
using test::TempDirectory;

// A null pointer was followed, which may do anything: crash, or write elsewhere.
TEST_CASE("what was moved from can't be used, in no build", "[P16]") {
  const TempDirectory at;
  auto writer = AtomicWriter::bind(at.path()).value();
  auto file = AtomicFile::create(at / "streamed").value();
  auto transaction = Transaction::begin(at.path()).value();
  const AtomicWriter writer_now = std::move(writer);
  const AtomicFile file_now = std::move(file);
  const Transaction transaction_now = std::move(transaction);
  // NOLINTBEGIN(bugprone-use-after-move): that is the subject
  CHECK(end_of([&] { (void)writer.commit("f", "1"); }) == aborted);
  CHECK(end_of([&] { (void)file.write(as_bytes("1")); }) == aborted);
  CHECK(end_of([&] { (void)file.size(); }) == aborted);
  CHECK(end_of([&] { (void)file.commit(); }) == aborted);
  CHECK(end_of([&] { (void)file.discard(); }) == aborted);
  CHECK(end_of([&] { (void)transaction.put("f", "1"); }) == aborted);
  CHECK(end_of([&] { (void)transaction.read("f"); }) == aborted);
  CHECK(end_of([&] { (void)transaction.commit(); }) == aborted);
  // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("what was moved from can be assigned to, and destroyed", "[P16]") {
  const TempDirectory at;
  auto writer = AtomicWriter::bind(at.path()).value();
  const AtomicWriter taken = std::move(writer);
  writer = AtomicWriter::bind(at.path()).value();
  REQUIRE_OK(writer.commit("f", "1"));
  auto file = AtomicFile::create(at / "streamed").value();
  { const AtomicFile dropped = std::move(file); }
  file = AtomicFile::create(at / "streamed").value();
  REQUIRE_OK(file.commit());
  const auto left = std::move(file);
}
