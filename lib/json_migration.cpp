// SPDX-License-Identifier: BSL-1.0
#include <string>

#include <boost/json.hpp>

#include <perdure/json_migration.hpp>

namespace perdure {
namespace {

Error refused(ErrorKind kind, std::string detail) {
  return {.kind = kind,
          .cause = {},
          .step = "migrate the state",
          .path = {},
          .detail = std::move(detail)};
}

}  // namespace

Result<JsonMigrated> migrate_json(Bytes bytes, const JsonMigrations& migrations,
                                  const JsonLimits& limits) try {
  const Json<boost::json::object> loose{.indent = 0, .limits = limits};
  BOOST_OUTCOME_TRY(Stamped<boost::json::object> state, loose.deserialize_stamped(bytes));
  std::uint32_t version = state.stamp.schema_version;
  if (version > migrations.current) {
    return refused(ErrorKind::too_new, "its schema_version is " + std::to_string(version) +
                                           ", and this program knows " +
                                           std::to_string(migrations.current) + " at most");
  }
  for (; version < migrations.current; ++version) {
    const auto step = migrations.from.find(version);
    if (step == migrations.from.end() || !step->second) {
      return refused(ErrorKind::serializer, "no migration from schema_version " +
                                                std::to_string(version) + " is registered");
    }
    BOOST_OUTCOME_TRYV(step->second(state.value));
  }
  JsonMigrated out;
  BufferSink sink(out.text);
  BOOST_OUTCOME_TRYV(loose.serialize(state.value, sink));
  out.stamp = std::move(state.stamp);
  out.stamped = state.stamped;
  return out;
} catch (...) {
  return json_detail::exception_error("migrate the state");
}

}  // namespace perdure
