// SPDX-License-Identifier: BSL-1.0
// The first hour in one program: a file, a stream, a directory, a change, a transaction, a state.
#include <iostream>
#include <string>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>

namespace pd = perdure;

struct Queue {
  std::uint64_t next_id = 0;
};
BOOST_DESCRIBE_STRUCT(Queue, (), (next_id))

namespace {

pd::Result<void> run() {
  BOOST_OUTCOME_TRY(pd::write_file("app.conf", "threads = 8\n"));  // durable by default

  BOOST_OUTCOME_TRY(auto video, pd::AtomicFile::create("video.bin"));  // dropped = discarded
  for (int i = 0; i < 100; ++i) {
    BOOST_OUTCOME_TRY(video.write(std::string(4096, 'x')));
  }
  BOOST_OUTCOME_TRY(auto receipt, video.commit());  // bytes, durability, time of each stage
  std::cout << receipt.bytes << " bytes, " << to_string(receipt.durability) << '\n';

  BOOST_OUTCOME_TRY(auto writer, pd::AtomicWriter::bind("site", {.make_parents = true}));
  BOOST_OUTCOME_TRY(writer.commit("draft.html", "<p>draft</p>"));  // one directory, many commits

  BOOST_OUTCOME_TRY(auto old, pd::read_file("app.conf"));  // content and version of one moment
  const std::string longer = std::string(pd::as_text(old.bytes)) + "limit = 9\n";
  BOOST_OUTCOME_TRY(pd::write_file("app.conf", longer, {.expected = old.version}));

  BOOST_OUTCOME_TRY(auto tx, pd::Transaction::begin("site"));  // recovers first
  BOOST_OUTCOME_TRY(tx.put("index.html", "<p>new</p>"));
  BOOST_OUTCOME_TRY(tx.remove("draft.html"));
  BOOST_OUTCOME_TRY(tx.commit());  // all or none

  BOOST_OUTCOME_TRY(auto queue, pd::StateTracker<Queue>::open("queue.json"));  // it survives
  BOOST_OUTCOME_TRY(auto taken, queue.update([](Queue& q) { return q.next_id++; }));
  std::cout << "id " << taken.value << ", generation " << taken.receipt.generation << '\n';

  BOOST_OUTCOME_TRY(const auto conf, pd::read_file("app.conf"));
  const bool written = pd::as_text(conf.bytes) == "threads = 8\nlimit = 9\n";
  BOOST_OUTCOME_TRY(const auto draft, pd::read_version("site/draft.html"));
  if (written && draft.is_absent() && taken.value == 0) return pd::success();
  return pd::Error::corrupt("the files are not what was committed");
}

}  // namespace

int main() {
  const auto done = run();
  if (done) return 0;
  std::cerr << done.error() << '\n';  // which file, what is wrong, what became of it, what to do
  return done.error().fate == pd::Fate::unchanged ? 1 : 2;
}
