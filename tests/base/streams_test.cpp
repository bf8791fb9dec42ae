// SPDX-License-Identifier: BSL-1.0
// Serializers that write to a std::ostream reach a sink, errors too.
#include <string>

#include <perdure/streams.hpp>

#include "support/catch.hpp"

using namespace perdure;  // NOLINT(google-build-using-namespace)

namespace {

struct SmallDisk final : Sink {
  Result<void> write(Bytes bytes) override {
    if (content.size() + bytes.size() > 10'000) {
      return Error::system(std::make_error_code(std::errc::no_space_on_device), "write");
    }
    content += as_text(bytes);
    return success();
  }
  std::string content;
};

}  // namespace

TEST_CASE("a stream hands on all that is written to it, in its order") {
  Buffer buffer;
  BufferSink sink(buffer);
  std::string expected;
  SinkStream out(sink);
  for (int i = 0; i < 3000; ++i) {
    out << i << ' ';
    expected += std::to_string(i) + " ";
  }
  const std::string large(100'000, 'x');
  out << large << '\n' << large;
  expected += large + "\n" + large;
  CHECK(out.finish());
  CHECK(as_text(buffer) == expected);
}

TEST_CASE("a stream says that its sink has failed") {
  SmallDisk disk;
  SinkStream out(disk);
  for (int i = 0; i < 13'000; ++i) out.put('x');
  CHECK_FALSE(out.good());
  const auto outcome = out.finish();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().cause == std::errc::no_space_on_device);
  SinkStream late(disk);  // it notices at the end alone
  late << std::string(4000, 'x');
  CHECK(late.good());
  CHECK_FALSE(late.finish());
}

TEST_CASE("a stream that was given up is not taken for whole") {
  Buffer buffer;
  BufferSink sink(buffer);
  SinkStream out(sink);
  out << "half";
  out.setstate(std::ios::failbit);
  CHECK(out.finish().error().kind == ErrorKind::serializer);
}

TEST_CASE("bytes are read through a stream, and may be sought in") {
  const std::string text = "12 34\nrest";
  BytesStream in(as_bytes(text));
  int one = 0;
  int two = 0;
  std::string rest;
  in >> one >> two >> rest;
  CHECK((one == 12 && two == 34 && rest == "rest"));
  CHECK(in.eof());
  in.clear();
  in.seekg(3);
  in >> two;
  CHECK(two == 34);
  CHECK(in.tellg() == 5);
  in.seekg(20);
  CHECK(in.fail());
}
