// SPDX-License-Identifier: BSL-1.0
// A serializer of MessagePack by nlohmann/json, for every type that it converts. To copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>

namespace recipes {

namespace pd = perdure;
using Json = nlohmann::json;

/// Looks through bytes and makes nothing of them. It stops at a nesting for which the stack of the
/// library, which reads by recursion, could be too small.
class Nesting final : public nlohmann::json_sax<Json> {
 public:
  static constexpr int depth_max = 32;

  /// Why it stopped; empty if the bytes are MessagePack.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool key(string_t& /*name*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return down(); }
  bool start_array(std::size_t /*size*/) override { return down(); }
  bool end_object() override { return up(); }
  bool end_array() override { return up(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const Json::exception& error) override {
    trouble_ = error.what();
    return false;
  }

 private:
  bool down() {
    if (++depth_ <= depth_max) return true;
    trouble_ = "it is nested deeper than " + std::to_string(depth_max) + " levels";
    return false;
  }
  bool up() {
    --depth_;
    return true;
  }

  std::string trouble_;
  int depth_ = 0;
};

/// `deserialize` takes the bytes that `serialize` writes, and no others: ErrorKind::corrupt for
/// bytes that are not MessagePack, ErrorKind::serializer for MessagePack that is not a `T`. So a
/// tracker sets the first aside, and leaves the second where it is. Any thread; it has no state.
template <class T>
struct MessagePack {
  // A migration changes a state of an older schema as JSON.
  using SchemalessForm = Json;
  using Schemaless = MessagePack<Json>;

  pd::Result<void> serialize(const T& value, pd::Sink& sink) const try {
    const std::vector<std::uint8_t> bytes = packed(value);
    return sink.write(std::as_bytes(std::span(bytes)));
  } catch (const Json::exception& error) {
    return pd::Error::serializer(error.what());
  }

  pd::Result<T> deserialize(pd::Bytes bytes) const try {
    const std::string_view text = pd::as_text(bytes);
    Nesting nesting;
    if (!Json::sax_parse(text, &nesting, Json::input_format_t::msgpack)) {
      return pd::Error::corrupt(nesting.trouble());
    }
    T value = Json::from_msgpack(text).template get<T>();
    // The conversion would round a number, and drop a member that `T` does not have, in silence.
    const std::vector<std::uint8_t> again = packed(value);
    if (pd::as_text(std::as_bytes(std::span(again))) == text) return value;
    return unlike("a number, a member or a spelling in it is not one that we write");
  } catch (const Json::exception& error) {
    return unlike(error.what());
  }

 private:
  static std::vector<std::uint8_t> packed(const T& value) { return Json::to_msgpack(Json(value)); }
  static pd::Error unlike(std::string detail) {
    return {.kind = pd::ErrorKind::serializer,
            .step = "read the value",
            .detail = std::move(detail),
            .reading = true};
  }
};

}  // namespace recipes
