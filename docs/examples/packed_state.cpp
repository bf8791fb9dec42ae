// SPDX-License-Identifier: BSL-1.0
// A state that is binary (MessagePack), compressed (zstd), checksummed and versioned (Envelope).
// With --check: is damage refused?
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include <perdure/perdure.hpp>
#include <perdure/state.hpp>

#include "compressed.hpp"
#include "damage.hpp"
#include "message_pack.hpp"

namespace pd = perdure;

namespace app {

/// The schema of version 1.
struct OldBoard {
  std::map<std::string, std::uint64_t> points;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OldBoard, points)

/// Version 2 counts the games.
struct Board {
  std::uint64_t games = 0;
  std::map<std::string, std::uint64_t> points;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Board, games, points)

template <class T>
struct Packed : recipes::Compressed<recipes::MessagePack<T>> {
  // A migration gets the decompressed state as JSON.
  using SchemalessForm = recipes::Json;
  using Schemaless = Packed<recipes::Json>;
};
template <class T>
using Format = pd::Envelope<Packed<T>>;
template <class T>
using Tracker = pd::StateTracker<T, Format<T>>;

pd::Migrations<Format<Board>> migrations() {
  pd::Migrations<Format<Board>> all(2);
  all.from(1, [](recipes::Json& board) -> pd::Result<void> {
    board["games"] = board.at("points").size();
    return pd::success();
  });
  return all;
}

/// Saves a state as the older program did.
pd::Result<void> save_old() {
  const pd::Migrations<Format<OldBoard>> first(1);
  BOOST_OUTCOME_TRY(auto board, Tracker<OldBoard>::open("board", {}, {}, {}, first));
  return board.update([](OldBoard& old) {
    for (std::uint64_t i = 0; i < 1000; ++i) old.points["player " + std::to_string(i)] = i;
  });
}

pd::Result<void> run() {
  BOOST_OUTCOME_TRY(save_old());
  BOOST_OUTCOME_TRY(auto board, Tracker<Board>::open("board", {}, {}, {}, migrations()));
  BOOST_OUTCOME_TRY(const auto saved, board.update([](Board& b) {
    b.points["ada"] += 10;
    return ++b.games;
  }));
  using Reader = pd::StateReader<Board, Format<Board>>;
  BOOST_OUTCOME_TRY(const auto reader, Reader::open("board", {}, {}, migrations()));
  const Board& read = *reader.state();
  if (read.games != 1001 || read.points.size() != 1001 || reader.stamp().schema_version != 2) {
    return pd::Error::corrupt("it is not what was saved");
  }
  const std::size_t plain = recipes::bytes_of(recipes::MessagePack<Board>(), read).size();
  std::cout << "game " << saved.value << ", in generation " << reader.generation() << ": " << plain
            << " bytes of MessagePack in a file of " << saved.receipt.bytes << '\n';
  return pd::success();
}

/// After a run.
pd::Result<bool> check() {
  const Board small{2, {{"ada", 10}, {"grace", 7}}};
  const bool noticed =
      recipes::notices_damage("a board", Format<Board>(), small, recipes::Harmless::none);

  // A file that is cut off is damage: a tracker would set it aside.
  BOOST_OUTCOME_TRY(const auto file, pd::read_file("board"));
  BOOST_OUTCOME_TRY(pd::write_file("cut", pd::Bytes(file.bytes).first(file.bytes.size() / 2)));
  const auto cut = pd::load_state<Board, Format<Board>>("cut", {}, {}, migrations());
  // One that is larger than the limit is not: a tracker leaves it where it is.
  Format<Board> limited;
  limited.inner.size_max = 1000;
  const auto large = Tracker<Board>::open("board", {}, limited, {}, migrations());
  BOOST_OUTCOME_TRY(const auto still, pd::read_file("board"));
  if (cut || large || still.bytes != file.bytes) return false;
  std::cout << cut.error() << '\n' << large.error() << '\n';
  return noticed && cut.error().kind == pd::ErrorKind::corrupt &&
         large.error().kind == pd::ErrorKind::serializer;
}

}  // namespace app

int main(int argc, char** argv) {
  const auto done = app::run();
  if (!done) return std::cerr << done.error() << '\n', 1;
  if (argc != 2 || std::string_view(argv[1]) != "--check") return 0;
  const auto checked = app::check();
  if (!checked) return std::cerr << checked.error() << '\n', 1;
  return checked.value() ? 0 : 1;
}
