// SPDX-License-Identifier: BSL-1.0
// Which writes a power cut may take.
#include "states/crash_points.hpp"

#include <algorithm>
#include <set>

#include "support/catch.hpp"

using namespace crashlab;
using Indices = std::vector<std::uint32_t>;

namespace {

/// A recording from moments alone: every write is one page of its own.
struct Story {
  Recording recording;

  Story() { recording.size = 1024 * page_size; }
  Story& write(Moment received, Moment answered = never, std::uint64_t length = page_size) {
    const auto at = recording.writes.size() * 16 * page_size;
    recording.writes.push_back({Write::Kind::zeros, received, answered, at, length, 0});
    recording.end = std::max(recording.end, received + 1);
    return *this;
  }
  /// Answered by an error; its place is that of write `place`, or one of its own.
  Story& failed(Moment received) {
    write(received);
    recording.writes.back().failed = true;
    return *this;
  }
  Story& again(Moment received, Moment answered, std::size_t place) {
    write(received, answered);
    recording.writes.back().offset = recording.writes[place].offset;
    return *this;
  }
  Story& flush(Moment received, Moment answered = never) {
    recording.flushes.push_back({received, answered});
    recording.end = std::max(recording.end, received + 1);
    return *this;
  }
  Story& ack(Moment at) {
    recording.acks.push_back({at, std::to_string(at)});
    recording.end = std::max(recording.end, at + 1);
    return *this;
  }
  Story& end(Moment at) {
    recording.end = at;
    return *this;
  }
  std::vector<CrashPoint> points(bool ignored = false) const {
    return crash_points(recording, ignored);
  }
};

std::set<Indices> kept_sets(const std::vector<Choice>& choices) {
  std::set<Indices> found;
  for (const Choice& choice : choices) found.insert(choice.kept);
  return found;
}

}  // namespace

TEST_CASE("A write is durable when the flush that followed its answer is answered") {
  const auto points = Story().write(1, 2).flush(3, 4).end(6).points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].at == 4);
  CHECK(points[0].pending == Indices{0});
  CHECK(points[1].pending.empty());
  CHECK(points[1].newly_durable == Indices{0});
}

TEST_CASE("A flush covers no write that was under way when it was received") {
  // The write's answer comes after the flush was received: the disk promised nothing about it.
  const auto points = Story().write(1, 3).flush(2, 4).end(6).points();
  REQUIRE(points.size() == 1);
  CHECK(points[0].pending == Indices{0});
}

TEST_CASE("A flush that is never answered promises nothing") {
  const auto points = Story().write(1, 2).flush(3).end(6).points();
  REQUIRE(points.size() == 1);
  CHECK(points[0].pending == Indices{0});
}

TEST_CASE("Of two flushes the one answered first makes a write durable") {
  const auto points = Story().write(1, 2).flush(3, 9).flush(4, 6).end(12).points();
  CHECK(points[0].at == 6);
  CHECK(points.back().newly_durable == Indices{0});
}

TEST_CASE("No flush makes a failed write durable: it may be there, or not") {
  const auto points = Story().failed(1).write(3, 4).flush(5, 6).end(8).points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].pending == Indices{0, 1});
  CHECK(points[1].pending == Indices{0});
  CHECK(points[1].newly_durable == Indices{1});
}

// Else a crash would show the failed content over the one that replaced it.
TEST_CASE("A failed write is gone once a later one of its place is durable") {
  const auto points = Story().failed(1).again(3, 4, 0).flush(5, 6).end(8).points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].pending == Indices{0, 1});
  CHECK(points[1].pending.empty());
}

TEST_CASE("An acknowledgement is a point of its own, before and after") {
  const auto points = Story().write(1, 2).ack(3).write(4, 5).end(7).points();
  REQUIRE(points.size() == 2);
  CHECK(points[0].ack_count == 0);
  CHECK(points[0].pending == Indices{0});
  CHECK(points[1].ack_count == 1);
  CHECK(points[1].pending == Indices{0, 1});
}

TEST_CASE("On a disk that ignores flushes nothing is ever durable") {
  const auto points = Story().write(1, 2).flush(3, 4).ack(5).write(6, 7).end(9).points(true);
  CHECK(points.back().newly_durable.empty());
  CHECK(points.back().pending == Indices{0, 1});
}

TEST_CASE("Up to twelve pending writes: every subset") {
  Story story;
  for (Moment moment = 1; moment <= 12; ++moment) story.write(moment);
  const auto points = story.points();
  const auto found = choices(story.recording, points[0], Tier::subsets, {});
  CHECK(found.size() == 4096);
  CHECK(kept_sets(found).size() == 4096);
}

TEST_CASE("Above twelve: none, all, prefixes, each alone, each dropped, and seeded samples") {
  Story story;
  const std::uint32_t count = 20;
  for (Moment moment = 1; moment <= count; ++moment) story.write(moment);
  const auto point = story.points()[0];
  const auto prefixes = kept_sets(choices(story.recording, point, Tier::prefixes, {}));
  CHECK(prefixes.size() == count + 1);
  CHECK(prefixes.contains({}));
  const auto singles = kept_sets(choices(story.recording, point, Tier::singles, {}));
  CHECK(singles.size() == 2 * count);
  ChoiceRules rules;
  const auto subsets = choices(story.recording, point, Tier::subsets, rules);
  CHECK(subsets.size() == 2 * rules.samples);
  CHECK(kept_sets(subsets) == kept_sets(choices(story.recording, point, Tier::subsets, rules)));
  rules.seed = 2;
  CHECK(kept_sets(subsets) != kept_sets(choices(story.recording, point, Tier::subsets, rules)));
}

TEST_CASE("A thousand pending writes keep the number of choices bounded") {
  Story story;
  for (Moment moment = 1; moment <= 1000; ++moment) story.write(moment, never, 512);
  story.recording.size = 1000 * 16 * page_size;
  const auto point = story.points()[0];
  for (const Tier tier : all_tiers) {
    CHECK(choices(story.recording, point, tier, {}).size() <= 2 * 514);
  }
}

TEST_CASE("Only the last eight writes are torn, and none of a single sector") {
  Story story;
  for (Moment moment = 1; moment <= 10; ++moment) story.write(moment);
  story.write(11, never, 512);
  std::set<std::uint32_t> torn;
  for (const Choice& choice : choices(story.recording, story.points()[0], Tier::tears, {})) {
    REQUIRE(choice.torn.size() == 1);
    torn.insert(choice.torn[0].write);
    CHECK(std::count(choice.kept.begin(), choice.kept.end(), choice.torn[0].write) == 1);
  }
  CHECK(torn == std::set<std::uint32_t>{3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("Sectors are counted where the disk has them") {
  Write write;
  write.offset = 1024;
  write.length = 4096;
  CHECK(sector_count(write, 512) == 8);
  CHECK(sector_count(write, 4096) == 2);  // the write lies across a border
}
