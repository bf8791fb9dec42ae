// SPDX-License-Identifier: BSL-1.0
// Serializers, and the sinks that they write into.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>

namespace perdure {

/// A sink takes the bytes of a serializer. A serializer hands every error of `write` on.
class PERDURE_API Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  /// Takes all of `bytes`, behind those of earlier calls, or is an error. The caller may free
  /// `bytes` when it returns.
  virtual Result<void> write(Bytes bytes) = 0;
};

/// A sink that keeps all bytes in memory.
class BufferSink final : public Sink {
 public:
  /// Appends to `buffer`, which must outlive the sink.
  explicit BufferSink(Buffer& buffer) : buffer_(buffer) {}
  /// Never an error. std::bad_alloc where memory ends; the buffer is then as it was.
  Result<void> write(Bytes bytes) override {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return success();
  }

 private:
  Buffer& buffer_;
};

/// Can turn a `T` into bytes. Passed explicitly to the call that writes; a serializer of one's own
/// is a struct with this one function (and `deserialize`, to read too). `serialize` may be called
/// again for a retry and must not change anything.
template <class S, class T>
concept SerializerFor = requires(const S& serializer, const T& value, Sink& sink) {
  { serializer.serialize(value, sink) } -> std::same_as<Result<void>>;
};

/// Can also turn the bytes back into a `T`. `deserialize` trusts nothing: any bytes at all give a
/// value or an error.
template <class S, class T>
concept Serializer = SerializerFor<S, T> && requires(const S& serializer, Bytes bytes) {
  { serializer.deserialize(bytes) } -> std::same_as<Result<T>>;
};

/// Bytes as they are.
struct RawBytes {
  /// By one `write`.
  Result<void> serialize(Bytes bytes, Sink& sink) const { return sink.write(bytes); }
  /// A copy.
  Result<Buffer> deserialize(Bytes bytes) const { return Buffer(bytes.begin(), bytes.end()); }
};

/// Text as it is, no line ending changed.
struct Text {
  /// By one `write`.
  Result<void> serialize(std::string_view text, Sink& sink) const {
    return sink.write(as_bytes(text));
  }
  /// A copy. Takes any bytes, UTF-8 or not.
  Result<std::string> deserialize(Bytes bytes) const { return std::string(as_text(bytes)); }
};

}  // namespace perdure
