// SPDX-License-Identifier: BSL-1.0
// A journal of events, compressed while it is written: zstd in front of an AtomicFile. With
// --check: does reading refuse damage, and content beyond its limit?
#include "compressed.hpp"

#include <iostream>
#include <string>
#include <string_view>

#include <perdure/perdure.hpp>

#include "damage.hpp"

namespace pd = perdure;

namespace app {

constexpr std::uint64_t size_max = 16 << 20;  // of what is read

pd::Result<void> run() {
  BOOST_OUTCOME_TRY(auto file, pd::AtomicFile::create("events.zst"));
  recipes::CompressedSink out(file, 9);
  std::uint64_t size = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string line = "event " + std::to_string(i) + ": nothing happened\n";
    BOOST_OUTCOME_TRY(out.write(pd::as_bytes(line)));
    size += line.size();
  }
  BOOST_OUTCOME_TRY(out.finish());
  BOOST_OUTCOME_TRY(const auto receipt, file.commit());  // until now nobody sees a part of it

  BOOST_OUTCOME_TRY(const auto compressed, pd::read_file("events.zst", size_max));
  BOOST_OUTCOME_TRY(const auto content, recipes::decompressed(compressed.bytes, size_max));
  if (content.size() != size || !pd::as_text(content).ends_with("99999: nothing happened\n")) {
    return pd::Error::corrupt("it is not what was written");
  }
  std::cout << size << " bytes of events in a file of " << receipt.bytes << '\n';
  return pd::success();
}

/// True if each is refused in words.
bool check() {
  using Format = recipes::Compressed<pd::Text>;
  const Format format;
  const std::string words = "the quick brown fox jumps over the lazy dog, and over it again";
  // A frame says how it was compressed, which may be said in other ways.
  if (!recipes::notices_damage("words", format, words, recipes::Harmless::same_value)) return false;

  const std::string zeros(100'000'000, '\0');
  const pd::Buffer bomb = recipes::bytes_of(format, zeros);
  const auto read = format.deserialize(bomb);
  if (read || read.error().kind != pd::ErrorKind::serializer) {
    return std::cerr << "the limit did not hold\n", false;
  }
  std::cout << bomb.size() << " bytes that would be " << zeros.size() << ": " << read.error()
            << '\n';
  Format limited;
  limited.size_max = words.size();
  if (!limited.deserialize(recipes::bytes_of(format, words))) return false;  // as much as allowed
  --limited.size_max;
  return recipes::is_refused(limited, recipes::bytes_of(format, words), "one byte too many") &&
         recipes::is_refused(format, pd::as_bytes("no frame"), "something else");
}

}  // namespace app

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--check") return app::check() ? 0 : 1;
  const auto done = app::run();
  if (!done) std::cerr << done.error() << '\n';
  return done ? 0 : 1;
}
