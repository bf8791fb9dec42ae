// SPDX-License-Identifier: BSL-1.0
// Streams of the standard library over sinks and bytes, for serializers that use streams alone.
#pragma once

#include <array>
#include <cstddef>
#include <istream>
#include <ostream>
#include <span>
#include <streambuf>
#include <utility>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>

namespace perdure {

namespace detail {

class SinkBuffer final : public std::streambuf {
 public:
  explicit SinkBuffer(Sink& sink) noexcept : sink_(sink) { restart(); }

  /// Hands the gathered bytes on; the first error stays.
  const Result<void>& flush() {
    const auto size = static_cast<std::size_t>(pptr() - pbase());
    if (outcome_ && size > 0) {
      outcome_ = sink_.write(std::as_bytes(std::span(gathered_).first(size)));
    }
    restart();
    return outcome_;
  }

 protected:
  int_type overflow(int_type character) override {
    if (!flush()) return traits_type::eof();
    if (!traits_type::eq_int_type(character, traits_type::eof())) {
      sputc(traits_type::to_char_type(character));
    }
    return traits_type::not_eof(character);
  }
  int sync() override { return flush() ? 0 : -1; }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    const auto size = static_cast<std::size_t>(count);
    if (size < static_cast<std::size_t>(epptr() - pptr())) {
      return std::streambuf::xsputn(text, count);
    }
    if (!flush()) return 0;
    outcome_ = sink_.write(std::as_bytes(std::span(text, size)));
    return outcome_ ? count : 0;
  }

 private:
  void restart() noexcept { setp(gathered_.data(), gathered_.data() + gathered_.size()); }

  Sink& sink_;
  Result<void> outcome_ = success();
  std::array<char, 4096> gathered_{};
};

class BytesBuffer final : public std::streambuf {
 public:
  explicit BytesBuffer(Bytes bytes) noexcept {
    // A stream of input does not write to its buffer.
    char* const begin =
        const_cast<char*>(as_text(bytes).data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    setg(begin, begin, begin + bytes.size());
  }

 protected:
  pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
    const off_type base = from == std::ios_base::beg   ? 0
                          : from == std::ios_base::cur ? gptr() - eback()
                                                       : egptr() - eback();
    const off_type size = egptr() - eback();
    if (offset < -base || offset > size - base) return pos_type(off_type(-1));
    setg(eback(), eback() + base + offset, egptr());
    return pos_type(base + offset);
  }
  pos_type seekpos(pos_type position, std::ios_base::openmode which) override {
    return seekoff(off_type(position), std::ios_base::beg, which);
  }
};

}  // namespace detail

/// A std::ostream into a sink, for serializers that write to streams (protobuf, cereal,
/// Boost.Serialization):
///
///     perdure::Result<void> serialize(const Message& message, perdure::Sink& sink) const {
///       perdure::SinkStream out(sink);
///       if (!message.SerializeToOstream(&out)) out.setstate(std::ios::failbit);
///       return out.finish();
///     }
///
/// One thread at a time. Destroying it drops what was not finished.
class SinkStream : public std::ostream {
 public:
  /// `sink` must outlive it.
  explicit SinkStream(Sink& sink) : std::ostream(nullptr), buffer_(sink) { rdbuf(&buffer_); }

  /// Hands the last bytes on. The first error of the sink, or ErrorKind::serializer for a stream
  /// that failed otherwise: the code that wrote to it gave up.
  Result<void> finish() {
    if (const auto& flushed = buffer_.flush(); !flushed) return flushed.error();
    if (good()) return success();
    return Error::serializer("the stream that it was written to has failed");
  }

 private:
  detail::SinkBuffer buffer_;
};

/// A std::istream that reads bytes where they are; they must outlive it.
class BytesStream : public std::istream {
 public:
  /// Reads from the front on; copies nothing.
  explicit BytesStream(Bytes bytes) : std::istream(nullptr), buffer_(bytes) { rdbuf(&buffer_); }

 private:
  detail::BytesBuffer buffer_;
};

}  // namespace perdure
