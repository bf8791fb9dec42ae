// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include <boost/json/fwd.hpp>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/json.hpp>
#include <perdure/stamp.hpp>

namespace perdure {

/// Brings a state, as the older program wrote it, to the next version of the schema.
using JsonMigration = std::function<Result<void>(boost::json::object& state)>;

/// The version of the schema that a program writes, and the way to it.
struct JsonMigrations {
  std::uint32_t current = 0;
  /// Under each older version the step to the one after it.
  std::map<std::uint32_t, JsonMigration> from;
};

/// A state as a text without a stamp, brought to the current version, with the stamp of the text
/// that it came from.
struct JsonMigrated {
  Buffer text;
  Stamp stamp;
  bool stamped = false;
};

/// Runs the migrations on `bytes`. ErrorKind::too_new for a newer version, ErrorKind::serializer
/// where a step is missing; the error of a step otherwise. What a step throws comes as an error.
Result<JsonMigrated> migrate_json(Bytes bytes, const JsonMigrations& migrations,
                                  const JsonLimits& limits);

/// Reads a state of this or an older version of the schema. A state of the current version is read
/// straight into `T`; an older one is parsed without a schema, migrated, and then read.
template <class T>
Result<Stamped<T>> deserialize_migrated(const Json<T>& json, Bytes bytes,
                                        const JsonMigrations& migrations) {
  Result<Stamped<T>> direct = json.deserialize_stamped(bytes);
  if (direct ? direct.value().stamp.schema_version == migrations.current
             : direct.error().kind != ErrorKind::serializer) {
    return direct;
  }
  Result<JsonMigrated> migrated = migrate_json(bytes, migrations, json.limits);
  if (!migrated) return std::move(migrated).error();
  JsonMigrated& source = migrated.value();
  // Of the current version, and yet it did not fit.
  if (!direct && source.stamp.schema_version == migrations.current) return direct;
  Result<Stamped<T>> out = json.deserialize_stamped(source.text);
  if (!out) return out;
  // Steps may have moved or dropped what this program does not know: only the new text counts.
  source.stamp.unknown = std::move(out.value().stamp.unknown);
  source.stamp.schema_version = migrations.current;
  out.value().stamp = std::move(source.stamp);
  out.value().stamped = source.stamped;
  return out;
}

}  // namespace perdure
