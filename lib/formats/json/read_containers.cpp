// SPDX-License-Identifier: BSL-1.0
// Reads objects and arrays, and values that the program does not know.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/json/reader.hpp>

#include "formats/json/number.hpp"
#include "formats/json/reader.hpp"
#include "formats/json/scan.hpp"

namespace perdure {

namespace od = simdjson::ondemand;

bool JsonReader::object(const JsonLocation& location, void* context, JsonTake take) {
  Impl& impl = *impl_;
  if (kind() != JsonKind::object) return mismatch(location, "an object");
  od::object members;
  if (const auto error = impl.value.get_object().get(members)) return impl.malformed(error);
  if (!impl.enter(location)) return false;
  const bool outermost = impl.stamped && location.up == nullptr;
  for (auto member : members) {
    od::field field;
    if (const auto error = std::move(member).get(field)) return impl.malformed(error);
    JsonLocation at = location.member({});
    const char* const begin = field.key().raw();
    const char* const end = string_end(begin);
    if (*end == '"') {
      at.key = {begin, static_cast<std::size_t>(end - begin)};
    } else if (field.unescaped_key().get(at.key)) {
      return malformed(location, "an escape in a member's name is not valid");
    }
    impl.value = field.value();
    if (outermost && StampFields::owns(at.key)) {
      std::string_view text;
      if (!raw(text, at)) return false;
      if (!impl.fields.take(at.key, text)) return duplicate(at);
    } else if (!take(*this, context, at)) {
      return false;
    }
  }
  --impl.depth;
  return true;
}

bool JsonReader::array(const JsonLocation& location, void* context, JsonTake take) {
  Impl& impl = *impl_;
  if (kind() != JsonKind::array) return mismatch(location, "an array");
  od::array elements;
  if (const auto error = impl.value.get_array().get(elements)) return impl.malformed(error);
  if (!impl.enter(location)) return false;
  JsonLocation at = location.at(0);
  for (auto element : elements) {
    // get() takes an rvalue only. NOLINTNEXTLINE(performance-move-const-arg)
    if (const auto error = std::move(element).get(impl.value)) return impl.malformed(error);
    if (!take(*this, context, at)) return false;
    ++at.index;
  }
  --impl.depth;
  return true;
}

bool JsonReader::raw(std::string_view& out, const JsonLocation& location) {
  Impl& impl = *impl_;
  const JsonKind found = kind();
  const std::string_view token = impl.token();
  out = token;
  std::string_view text;
  bool flag = false;
  std::vector<std::string_view> names;
  switch (found) {
    case JsonKind::malformed:
      return impl.malformed(simdjson::TAPE_ERROR);
    case JsonKind::null:
      return (impl.value.is_null().get(flag) == simdjson::SUCCESS && flag) ||
             impl.malformed(simdjson::N_ATOM_ERROR);
    case JsonKind::boolean:
      return impl.value.get_bool().get(flag) == simdjson::SUCCESS ||
             impl.malformed(simdjson::T_ATOM_ERROR);
    // The parser would refuse a number that does not fit into its types, so it does not read this
    // one. The iteration steps over it.
    case JsonKind::number:
      return is_number(token) || malformed(location, json_excerpt(token) + " is not a number");
    case JsonKind::string:
      return this->text(text, location);
    case JsonKind::array:
      if (!array(location, nullptr, [](JsonReader& reader, void*, const JsonLocation& at) {
            std::string_view ignored;
            return reader.raw(ignored, at);
          })) {
        return false;
      }
      break;
    case JsonKind::object:
      if (!object(location, &names, [](JsonReader& reader, void* context, const JsonLocation& at) {
            static_cast<std::vector<std::string_view>*>(context)->push_back(at.key);
            std::string_view ignored;
            return reader.raw(ignored, at);
          })) {
        return false;
      }
      if (!all_different(names, text)) return duplicate(location.member(text));
      break;
  }
  const char* end = nullptr;
  if (const auto error = impl.document.current_location().get(end)) return impl.malformed(error);
  out = trimmed({token.data(), static_cast<std::size_t>(end - token.data())});
  return true;
}

bool JsonReader::spelled(std::string& out, const JsonLocation& location) {
  const bool outermost = impl_->stamped && location.up == nullptr;
  if (outermost && kind() != JsonKind::object) return mismatch(location, "an object");
  std::string_view text;
  if (!raw(text, location)) return false;
  out = outermost ? json_detail::without_stamp(text) : std::string(text);
  return true;
}

bool JsonReader::unknown(const JsonLocation& at) {
  std::string_view value;
  if (!raw(value, at)) return false;
  if (impl_->stamped) impl_->fields.keep(at, value);
  return true;
}

}  // namespace perdure
