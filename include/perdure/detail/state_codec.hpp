// SPDX-License-Identifier: BSL-1.0
// A state's type and its serializer behind an interface without types, for the tracker's sources.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <perdure/bytes.hpp>
#include <perdure/detail/caught.hpp>
#include <perdure/detail/export.hpp>
#include <perdure/error.hpp>
#include <perdure/migration.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure::detail {

/// A state whose type only the codec knows.
struct LoadedState {
  std::shared_ptr<const void> value;
  Stamp stamp;
  bool stamped = false;
};

/// The part of `T` and its serializer that the tracker needs. Their exceptions come as errors.
class PERDURE_STATE_API StateCodec {
 public:
  StateCodec() = default;
  StateCodec(const StateCodec&) = delete;
  StateCodec& operator=(const StateCodec&) = delete;
  virtual ~StateCodec() = default;
  [[nodiscard]] virtual Result<LoadedState> load(Bytes bytes) const = 0;
  /// As `load`, but a stamp that does not fit is not an error.
  [[nodiscard]] virtual Result<LoadedState> load_edited(Bytes bytes) const = 0;
  [[nodiscard]] virtual Result<void> save(const void* value, const Stamp& stamp,
                                          Sink& sink) const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<void>> copy(const void* value) const = 0;
  [[nodiscard]] virtual std::shared_ptr<const void> defaults() const = 0;
  [[nodiscard]] virtual std::uint32_t schema_version() const = 0;
  /// Whether what `save` writes has the lineage in it.
  [[nodiscard]] virtual bool keeps_lineage() const = 0;
  /// The generation that damaged bytes claim to be; 0 if they don't say.
  [[nodiscard]] virtual std::uint64_t claimed_generation(Bytes bytes) const = 0;
};

template <class T, class S>
class CodecOf final : public StateCodec {
 public:
  CodecOf(S serializer, T initial, Migrations<S> migrations)
      : serializer_(std::move(serializer)),
        defaults_(std::make_shared<const T>(std::move(initial))),
        migrations_(std::move(migrations)) {}

  [[nodiscard]] Result<LoadedState> load(Bytes bytes) const override try {
    BOOST_OUTCOME_TRY(Stamped<T> read, migrations_.template load<T>(serializer_, bytes));
    return to_loaded(std::move(read));
  } catch (...) {
    return caught("read the state");
  }
  [[nodiscard]] Result<LoadedState> load_edited(Bytes bytes) const override try {
    if constexpr (requires { serializer_.deserialize_edited(bytes); }) {
      BOOST_OUTCOME_TRY(Stamped<T> read, serializer_.deserialize_edited(bytes));
      if (read.stamp.schema_version == schema_version()) return to_loaded(std::move(read));
      return Error{.kind = ErrorKind::unsupported,
                   .cause = {},
                   .step = "read the state",
                   .path = {},
                   .detail =
                       "an edited state of another schema version can't be accepted: set "
                       "its schema_version to " +
                       std::to_string(schema_version())};
    } else {
      static_cast<void>(bytes);
      return Error{.kind = ErrorKind::corrupt,
                   .cause = {},
                   .step = "read the state",
                   .path = {},
                   .detail = "this format is not one to edit by hand"};
    }
  } catch (...) {
    return caught("read the state");
  }
  [[nodiscard]] Result<void> save(const void* value, const Stamp& stamp, Sink& sink) const override
      try {
    return serializer_.serialize_stamped(*static_cast<const T*>(value), stamp, sink);
  } catch (...) {
    return caught("write the state");
  }
  [[nodiscard]] Result<std::shared_ptr<void>> copy(const void* value) const override try {
    return std::shared_ptr<void>(std::make_shared<T>(*static_cast<const T*>(value)));
  } catch (...) {
    return caught("copy the state");
  }
  [[nodiscard]] std::shared_ptr<const void> defaults() const override { return defaults_; }
  [[nodiscard]] std::uint32_t schema_version() const override {
    return migrations_.schema_version();
  }
  [[nodiscard]] bool keeps_lineage() const override {
    if constexpr (requires { S::keeps_lineage; }) {
      return S::keeps_lineage;
    } else {
      return false;
    }
  }
  [[nodiscard]] std::uint64_t claimed_generation(Bytes bytes) const override {
    if constexpr (requires { serializer_.claimed_generation(bytes); }) {
      return serializer_.claimed_generation(bytes);
    } else {
      static_cast<void>(bytes);
      return 0;
    }
  }

 private:
  static LoadedState to_loaded(Stamped<T> read) {
    return {std::make_shared<const T>(std::move(read.value)), std::move(read.stamp), read.stamped};
  }

  S serializer_;
  std::shared_ptr<const T> defaults_;
  Migrations<S> migrations_;
};

}  // namespace perdure::detail
