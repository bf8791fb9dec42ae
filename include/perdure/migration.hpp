// SPDX-License-Identifier: BSL-1.0
// Migrations from one schema version to the next.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <boost/json/value.hpp>

#include <perdure/json/migrated.hpp>
#include <perdure/serializer.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// The schema version that a program writes, and how states of older versions become it.
///
/// A migration changes the state in a form without a schema: a `boost::json::object` for Json, the
/// inner bytes for an Envelope. Each migration leads to the next version; they run one after the
/// other.
///
///     Migrations<Json<Queue>> migrations(2);
///     migrations.from(1, [](boost::json::object& state) -> Result<void> {
///       state["next_id"] = state["last_id"].to_number<std::int64_t>() + 1;
///       return success();
///     });
///
/// A migration of Json sees numbers as Boost.JSON does: a decimal is a double, and an integer that
/// 64 bits don't hold is refused. A value that no migration changed or moved keeps its spelling.
///
/// A state of a newer version is refused (ErrorKind::too_new), whatever it looks like. A file that
/// says no version has version 0. A value; const use from several threads is safe.
template <class S>
class Migrations {
  using Schemaless = typename S::Schemaless;  // a StampedSerializer ...
  using Form = typename S::SchemalessForm;    // ... of this

 public:
  /// Changes the state in place, or says why it can't.
  using Migration = std::function<Result<void>(Form&)>;

  Migrations() = default;
  /// For a program that writes `schema_version`.
  explicit Migrations(std::uint32_t schema_version) : schema_version_(schema_version) {}

  /// Registers how version `version` becomes the one after it.
  Migrations& from(std::uint32_t version, Migration migration) {
    migrations_[version] = std::move(migration);
    return *this;
  }

  /// The version that the program writes.
  [[nodiscard]] std::uint32_t schema_version() const noexcept { return schema_version_; }

  /// Reads a state of this version or an older one.
  template <class T>
  Result<Stamped<T>> load(const S& serializer, Bytes bytes) const {
    Result<Stamped<T>> direct = serializer.deserialize_stamped(bytes);
    const bool known = direct && direct.value().stamp.schema_version == schema_version_;
    const bool damaged = !direct && direct.error().kind != ErrorKind::serializer;
    if (known || damaged) return direct;
    const Schemaless schemaless = serializer.schemaless();
    BOOST_OUTCOME_TRY(Stamped<Form> old, schemaless.deserialize_stamped(bytes));
    if (old.stamp.schema_version == schema_version_) return direct;
    BOOST_OUTCOME_TRY(migrate(old));
    return load_migrated<T>(serializer, schemaless, old);
  }

 private:
  Error failure(ErrorKind kind, std::string detail) const {
    return {.kind = kind,
            .fate = Fate::unchanged,
            .cause = {},
            .step = "read the state",
            .path = {},
            .detail = std::move(detail)};
  }

  /// An exception of a migration (a JSON library's "not a number") comes as an error.
  Result<void> guarded(const Migration& migration, Form& form) const try {
    return migration(form);
  } catch (const std::exception& thrown) {
    return failure(ErrorKind::serializer, std::string("the migration failed: ") + thrown.what());
  }

  Result<void> migrate(Stamped<Form>& old) const {
    std::uint32_t& version = old.stamp.schema_version;
    if (version > schema_version_) {
      return failure(ErrorKind::too_new, "it has schema version " + std::to_string(version) +
                                             ", and this program knows " +
                                             std::to_string(schema_version_) +
                                             " at most; use the newer program");
    }
    for (; version < schema_version_; ++version) {
      const auto migration = migrations_.find(version);
      if (migration == migrations_.end()) {
        return failure(ErrorKind::serializer, "it has schema version " + std::to_string(version) +
                                                  ", and no migration from there is registered");
      }
      BOOST_OUTCOME_TRY(guarded(migration->second, old.value));
    }
    return success();
  }

  template <class T>
  Result<Stamped<T>> load_migrated(const S& serializer, const Schemaless& schemaless,
                                   const Stamped<Form>& old) const {
    Buffer bytes;
    BufferSink sink(bytes);
    BOOST_OUTCOME_TRY(schemaless.serialize_stamped(old.value, old.stamp, sink));
    BOOST_OUTCOME_TRY(Stamped<T> migrated, serializer.deserialize_stamped(bytes));
    migrated.stamped = old.stamped;
    return migrated;
  }

  std::uint32_t schema_version_ = 0;
  std::map<std::uint32_t, Migration> migrations_;
};

}  // namespace perdure
