// SPDX-License-Identifier: BSL-1.0
// Compression by zstd: of a sink, of bytes, and of another serializer. To copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <zstd.h>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>

namespace recipes {

namespace pd = perdure;

inline constexpr int level_max = 19;       // zstd's highest for which ...
inline constexpr int window_log_max = 23;  // ... a reader needs no more than 8 MiB

using Compressor = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

inline pd::Error no_memory(std::string step) {
  return pd::Error::system(std::make_error_code(std::errc::not_enough_memory), std::move(step));
}

/// Compresses all that is written to it into another sink, block by block: memory does not grow
/// with the content. One thread at a time. Without `finish` the content has no end.
class CompressedSink final : public pd::Sink {
 public:
  /// `into` must outlive it. `level` is zstd's: 1 is fast, 19 small, and more refused.
  CompressedSink(pd::Sink& into, int level) : into_(into), level_(level) {}

  pd::Result<void> write(pd::Bytes bytes) override { return run(bytes, ZSTD_e_continue); }
  pd::Result<void> finish() { return run({}, ZSTD_e_end); }

 private:
  pd::Result<void> run(pd::Bytes bytes, ZSTD_EndDirective directive) {
    BOOST_OUTCOME_TRYV(begin());
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (std::size_t left = 1; left > 0;) {
      ZSTD_outBuffer out{block_.data(), block_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
      if (ZSTD_isError(left) != 0) return pd::Error::serializer(ZSTD_getErrorName(left));
      BOOST_OUTCOME_TRYV(into_.write(pd::Bytes(block_).first(out.pos)));
      if (directive == ZSTD_e_continue) left = in.size - in.pos;
    }
    return pd::success();
  }
  pd::Result<void> begin() {
    if (context_) return pd::success();
    context_.reset(ZSTD_createCCtx());
    if (!context_) return no_memory("compress");
    if (level_ > level_max) return pd::Error::serializer("the level of zstd is 19 at most");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level_);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);  // a flipped bit is noticed
    return pd::success();
  }

  pd::Sink& into_;
  int level_;
  Compressor context_{nullptr, &ZSTD_freeCCtx};
  pd::Buffer block_ = pd::Buffer(64 << 10);
};

/// The content of one frame of zstd. It trusts no bytes: whatever they claim, it stops behind
/// `size_max` bytes of content, and keeps 8 MiB of them in zstd at most. ErrorKind::corrupt for
/// damage; ErrorKind::serializer for content that would be larger, which is not damage.
inline pd::Result<pd::Buffer> decompressed(pd::Bytes bytes, std::uint64_t size_max) {
  const Decompressor context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context) return no_memory("decompress");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
  pd::Buffer content;
  pd::Buffer block(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (std::size_t left = 1; left > 0;) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return pd::Error::corrupt(ZSTD_getErrorName(left));
    if (out.pos > size_max - content.size()) {
      return pd::Error{.kind = pd::ErrorKind::serializer,
                       .step = "decompress",
                       .detail = "its content has more than " + std::to_string(size_max) +
                                 " bytes; raise the limit if it should have",
                       .reading = true};
    }
    content.insert(content.end(), block.data(), block.data() + out.pos);
    const bool ended = in.pos == in.size && out.pos < out.size;
    if (left > 0 && ended) return pd::Error::corrupt("the compressed bytes end too early");
  }
  if (in.pos == in.size) return content;
  return pd::Error::corrupt("something follows the compressed bytes");
}

/// Compresses what another serializer writes.
template <class S>
struct Compressed {
  S inner{};
  int level = 3;
  std::uint64_t size_max = 64 << 20;  ///< Of the content; in bytes, when it is read.

  template <class T>
  requires pd::SerializerFor<S, T> pd::Result<void> serialize(const T& value, pd::Sink& sink)
  const {
    CompressedSink through(sink, level);
    BOOST_OUTCOME_TRYV(inner.serialize(value, through));
    return through.finish();
  }
  auto deserialize(pd::Bytes bytes) const -> decltype(inner.deserialize(bytes)) {
    BOOST_OUTCOME_TRY(const pd::Buffer content, decompressed(bytes, size_max));
    return inner.deserialize(content);
  }
};

}  // namespace recipes
