// SPDX-License-Identifier: BSL-1.0
// An envelope with a stamp and a checksum around any format.
#pragma once

#include <cstdint>
#include <utility>

#include <perdure/bytes.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// The 64 or 88 bytes before an enveloped image; docs/format-state.md has their layout.
struct EnvelopeHeader {
  Stamp stamp;           ///< Its unknown members are not in the header.
  bool stamped = false;  ///< Whether generation and time mean anything.
};

/// Writes the header for `inner`, then `inner`.
PERDURE_STATE_API Result<void> write_envelope(const EnvelopeHeader& header, Bytes inner,
                                              Sink& sink);

/// Checks an envelope: magic, version, length and checksum. `inner` becomes a view into `bytes`.
/// ErrorKind::too_new for a newer format, ErrorKind::corrupt for anything else that is not intact.
PERDURE_STATE_API Result<EnvelopeHeader> read_envelope(Bytes bytes, Bytes& inner);

/// The generation that damaged bytes claim to be; 0 if they don't begin as an envelope does.
[[nodiscard]] PERDURE_STATE_API std::uint64_t claimed_generation(Bytes bytes) noexcept;

namespace detail {

template <class S>
struct SchemalessOf {
  using Form = Buffer;
  using Serializer = RawBytes;
};

template <class S>
requires requires {
  typename S::Schemaless;
}
struct SchemalessOf<S> {
  using Form = typename S::SchemalessForm;
  using Serializer = typename S::Schemaless;
};

}  // namespace detail

/// Puts a header with length, generation and checksum before what another serializer writes, so
/// that every change and every missing byte is noticed. A Serializer for every type that `S`
/// serializes, and a StampedSerializer.
///
///     perdure::StateTracker<Index, perdure::Envelope<MyBinary>>
///
/// If `S` takes a stamp itself, `S` gets the stamp too, so that nothing that `S` keeps beside the
/// value is lost. The inner bytes are all in memory for the length of a call. An error of `S` is
/// handed on as it is.
template <class S>
struct Envelope {
  /// The form in which Migrations change a state of an older schema: that of `S` if it has one,
  /// otherwise the inner bytes.
  using SchemalessForm = typename detail::SchemalessOf<S>::Form;
  /// The serializer of that form.
  using Schemaless = Envelope<typename detail::SchemalessOf<S>::Serializer>;
  static constexpr bool keeps_lineage = true;  ///< The header has Stamp::lineage.

  S inner{};  ///< Makes the bytes behind the header.

  /// Writes a header without generation and time, then what `inner` makes.
  template <class T>
  requires SerializerFor<S, T> Result<void> serialize(const T& value, Sink& sink)
  const {
    Buffer bytes;
    BufferSink into(bytes);
    BOOST_OUTCOME_TRYV(inner.serialize(value, into));
    return write_envelope({}, bytes, sink);
  }

  /// Reads what either function wrote. The header is checked, and its stamp dropped.
  auto deserialize(Bytes bytes) const -> decltype(std::declval<const S&>().deserialize(bytes)) {
    Bytes content;
    BOOST_OUTCOME_TRYV(read_envelope(bytes, content));
    return inner.deserialize(content);
  }

  /// Writes a header with the stamp, then what `inner` makes. The unknown members of the stamp are
  /// kept only by an `inner` that takes a stamp itself.
  template <class T>
  requires SerializerFor<S, T> Result<void> serialize_stamped(const T& value, const Stamp& stamp,
                                                              Sink& sink)
  const {
    Buffer bytes;
    BufferSink into(bytes);
    if constexpr (requires { inner.serialize_stamped(value, stamp, into); }) {
      BOOST_OUTCOME_TRYV(inner.serialize_stamped(value, stamp, into));
    } else {
      BOOST_OUTCOME_TRYV(inner.serialize(value, into));
    }
    return write_envelope({.stamp = stamp, .stamped = true}, bytes, sink);
  }

  /// `Stamped::stamped` is false for bytes that `serialize` wrote.
  auto deserialize_stamped(Bytes bytes) const -> Result<
      Stamped<typename decltype(std::declval<const S&>().deserialize(bytes))::value_type>> {
    using T = typename decltype(inner.deserialize(bytes))::value_type;
    Bytes content;
    BOOST_OUTCOME_TRY(EnvelopeHeader header, read_envelope(bytes, content));
    Stamped<T> out;
    if constexpr (requires { inner.deserialize_stamped(content); }) {
      BOOST_OUTCOME_TRY(auto kept, inner.deserialize_stamped(content));
      out.value = std::move(kept.value);
      header.stamp.unknown = std::move(kept.stamp.unknown);
    } else {
      BOOST_OUTCOME_TRY(out.value, inner.deserialize(content));
    }
    out.stamp = std::move(header.stamp);
    out.stamped = header.stamped;
    return out;
  }

  /// As perdure::claimed_generation.
  std::uint64_t claimed_generation(Bytes bytes) const noexcept {
    return perdure::claimed_generation(bytes);
  }
  /// The serializer with which Migrations read and write a state of an older schema.
  Schemaless schemaless() const {
    if constexpr (requires { inner.schemaless(); }) {
      return {inner.schemaless()};
    } else {
      return {};
    }
  }
};

}  // namespace perdure
