// SPDX-License-Identifier: BSL-1.0
// The reader's and writer's part of a described type, its type forgotten: one copy of this code
// serves all types.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/json/reader.hpp>
#include <perdure/json/writer.hpp>

#include "formats/json/number.hpp"

namespace perdure {
namespace {

/// One reading of a described struct.
class MembersTask {
 public:
  MembersTask(std::span<const JsonMember> members, void* object)
      : members_(members), object_(object) {}

  bool take(JsonReader& reader, const JsonLocation& at) {
    const std::size_t number = find(at.key);
    if (number == members_.size()) {
      unknown_.push_back(at.key);
      return reader.unknown(at);
    }
    std::uint64_t& word = seen_[number / 64];
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    if ((word & bit) != 0) return reader.duplicate(at);
    word |= bit;
    return members_[number].read(reader, object_, at);
  }

  bool finish(JsonReader& reader, const JsonLocation& location) {
    std::string_view twice;
    return unknown_.size() < 2 || all_different(unknown_, twice) ||
           reader.duplicate(location.member(twice));
  }

 private:
  /// Members usually come in the writer's order, so the next one is looked at first.
  std::size_t find(std::string_view key) {
    for (std::size_t i = next_; i < members_.size(); ++i) {
      if (members_[i].name == key) return next_ = i + 1, i;
    }
    for (std::size_t i = 0; i < next_; ++i) {
      if (members_[i].name == key) return next_ = i + 1, i;
    }
    return members_.size();
  }

  std::span<const JsonMember> members_;
  void* object_;
  std::size_t next_ = 0;
  std::array<std::uint64_t, json_members_max / 64> seen_{};
  std::vector<std::string_view> unknown_;
};

struct FixedTask {
  std::size_t size;
  std::size_t found;
  void* context;
  JsonTake take;
};

}  // namespace

bool JsonReader::members(const JsonLocation& location, std::span<const JsonMember> members,
                         void* object) {
  MembersTask task(members, object);
  return this->object(location, &task,
                      [](JsonReader& reader, void* context, const JsonLocation& at) {
                        return static_cast<MembersTask*>(context)->take(reader, at);
                      }) &&
         task.finish(*this, location);
}

bool JsonReader::fixed_array(const JsonLocation& location, std::size_t size, void* context,
                             JsonTake take) {
  FixedTask task{size, 0, context, take};
  if (!array(location, &task, [](JsonReader& reader, void* opaque, const JsonLocation& at) {
        auto& fixed = *static_cast<FixedTask*>(opaque);
        std::string_view ignored;
        const bool surplus = fixed.found++ >= fixed.size;
        return surplus ? reader.raw(ignored, at) : fixed.take(reader, fixed.context, at);
      })) {
    return false;
  }
  if (task.found == size) return true;
  return fail(location, "expected an array of " + std::to_string(size) + " elements, found " +
                            std::to_string(task.found));
}

bool JsonReader::enumeration(std::int64_t& out, std::span<const JsonEnumerator> names,
                             const JsonLocation& location) {
  std::string_view name;
  if (!text(name, location)) return false;
  for (const JsonEnumerator& one : names) {
    if (one.name == name) return out = one.value, true;
  }
  constexpr std::size_t shown_max = 8;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i) {
    list.append(i == 0 ? "" : ", ").append(json_excerpt(names[i].name));
  }
  if (names.size() > shown_max) list += ", ...";
  return fail(location, "expected one of " + list + ", found " + json_excerpt(name));
}

bool JsonWriter::enumeration(std::int64_t value, std::span<const JsonEnumerator> names,
                             const JsonLocation& location) {
  for (const JsonEnumerator& one : names) {
    if (one.value == value) return text(one.name, location);
  }
  return fail(location, "the value " + std::to_string(value) + " of this enum has no name");
}

bool JsonWriter::members(const JsonLocation& location, std::span<const JsonMember> members,
                         const void* object) {
  if (!begin_object(location)) return false;
  for (const JsonMember& one : members) {
    if (!member(one.name, location) || !one.write(*this, object, location.member(one.name)))
      return false;
  }
  for (const UnknownMember& one : unknown(location)) {
    // A program that knows the member by now writes its own value.
    if (std::any_of(members.begin(), members.end(),
                    [&](const JsonMember& known) { return known.name == one.key; })) {
      continue;
    }
    if (!member(one.key, location) || !raw(one.value)) return false;
  }
  return end_object(location);
}

}  // namespace perdure
