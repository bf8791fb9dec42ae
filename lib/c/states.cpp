// SPDX-License-Identifier: BSL-1.0
// The C interface to states: bytes with a generation, in an envelope or as JSON.
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <perdure/envelope.hpp>
#include <perdure/json/text.hpp>
#include <perdure/state_tracker.hpp>

#include "c/border.hpp"
#include "c/numbers.hpp"
#include "c/options.hpp"
#include "c/results.hpp"
#include "linux/fork.hpp"

/// A state of either format. Safe to use from several threads.
struct perdure_state {
  perdure_state() = default;
  perdure_state(const perdure_state&) = delete;
  perdure_state& operator=(const perdure_state&) = delete;
  virtual ~perdure_state() = default;
  virtual perdure::Result<void> load(perdure_content& out) = 0;
  virtual perdure::Result<perdure::SaveReceipt> save(perdure::Bytes bytes,
                                                     const std::uint64_t* expected) = 0;
};

namespace perdure::c {
namespace {

constexpr std::string_view open_step = "open the state";
constexpr std::string_view load_step = "load the state";
constexpr std::string_view save_step = "save the state";

/// How a state is kept in memory, and how it is made from bytes and back.
struct EnvelopeFormat {
  using Value = Buffer;
  using Serializer = Envelope<RawBytes>;
  static Value empty() { return {}; }
  static Result<Value> value_of_bytes(Bytes bytes) { return Buffer(bytes.begin(), bytes.end()); }
  static Bytes bytes_of_value(const Value& value) { return value; }
};

struct JsonFormat {
  using Value = JsonText;
  using Serializer = Json<JsonText>;
  static Value empty() { return JsonText::parse("{}").value(); }
  static Result<Value> value_of_bytes(Bytes bytes) {
    BOOST_OUTCOME_TRY(JsonText text, JsonText::parse(as_text(bytes)));
    if (text.is_object()) return text;
    return Error{.kind = ErrorKind::serializer,
                 .cause = {},
                 .step = std::string(save_step),
                 .path = {},
                 .detail = "the JSON text is not an object: put it into one, as a member"};
  }
  static Bytes bytes_of_value(const Value& value) { return as_bytes(value.text()); }
};

template <class Format>
class StateOf final : public perdure_state {
 public:
  using Value = typename Format::Value;
  using Tracker = StateTracker<Value, typename Format::Serializer>;

  explicit StateOf(Tracker tracker)
      : tracker_(std::move(tracker)), known_(tracker_.state()), origin_(tracker_.report().origin) {}

  Result<void> load(perdure_content& out) override {
    BOOST_OUTCOME_TRY(check_process());
    const std::lock_guard turn(turns_);
    BOOST_OUTCOME_TRY(take_current());
    out.generation = tracker_.generation();
    out.origin = number_of(origin_);
    if (origin_ == Origin::defaults) return success();
    const Bytes bytes = Format::bytes_of_value(*known_);
    out.bytes.assign(bytes.begin(), bytes.end());
    return success();
  }

  Result<SaveReceipt> save(Bytes bytes, const std::uint64_t* expected) override {
    BOOST_OUTCOME_TRY(check_process());
    const std::lock_guard turn(turns_);
    BOOST_OUTCOME_TRY(Value value, Format::value_of_bytes(bytes));
    if (expected != nullptr) {
      BOOST_OUTCOME_TRY(take_current());
      if (tracker_.generation() != *expected) return overtaken();
    }
    // Another program may save between the look above and the commit: then the edit finds another
    // state than the one that was looked at. If both are equal, the edit may replace it.
    auto saved = tracker_.update([&](Value& state) -> Result<void> {
      if (expected != nullptr && !(state == *known_)) return overtaken();
      state = value;
      return success();
    });
    if (!saved) return std::move(saved.error());
    known_ = tracker_.state();
    origin_ = Origin::current;
    return std::move(saved.value().receipt);
  }

 private:
  /// Refuses a forked child by the words of the tracker.
  [[nodiscard]] Result<void> check_process() {
    return made_by_.this_process() ? success() : tracker_.reload();
  }

  /// Reads a state that others saved. A state that has not changed is not read.
  Result<void> take_current() {
    BOOST_OUTCOME_TRY(tracker_.reload());
    auto current = tracker_.state();
    if (current != known_) origin_ = tracker_.report().origin;
    known_ = std::move(current);
    return success();
  }

  static Error overtaken() {
    return {.kind = ErrorKind::conflict,
            .cause = {},
            .step = std::string(save_step),
            .path = {},
            .detail = "somebody saved another generation: load it, and save on top of it"};
  }

  Tracker tracker_;
  const MadeBy made_by_{};
  std::mutex turns_;  // in a forked child a thread that is not there may hold it
  std::shared_ptr<const Value> known_;
  Origin origin_;
};

template <class Format>
Result<std::unique_ptr<perdure_state>> open_as(const Path& path, const TrackerOptions& options) {
  BOOST_OUTCOME_TRY(auto tracker,
                    StateOf<Format>::Tracker::open(path, options, {}, Format::empty()));
  return std::unique_ptr<perdure_state>(std::make_unique<StateOf<Format>>(std::move(tracker)));
}

}  // namespace
}  // namespace perdure::c

using namespace perdure;     // NOLINT(google-build-using-namespace)
using namespace perdure::c;  // NOLINT(google-build-using-namespace)

int perdure_state_open(const char* path, const perdure_state_options* options,
                       perdure_state** state, perdure_error** error) {
  return call(open_step, Fate::unknown, error, [&]() -> Result<void> {
    if (!clear(state)) return wrong_call(open_step, "the place for the handle is NULL");
    BOOST_OUTCOME_TRY(const Path at, path_of(path, open_step));
    BOOST_OUTCOME_TRY(const StateSettings asked, options_of(options, open_step));
    BOOST_OUTCOME_TRY(auto opened, asked.json ? open_as<JsonFormat>(at, asked.tracker)
                                              : open_as<EnvelopeFormat>(at, asked.tracker));
    *state = opened.release();
    return success();
  });
}

int perdure_state_load(perdure_state* state, perdure_content** content, perdure_error** error) {
  return call(load_step, Fate::unchanged, error, [&]() -> Result<void> {
    if (!clear(content)) return wrong_call(load_step, "the place for the content is NULL");
    if (state == nullptr) return wrong_call(load_step, "the handle is NULL");
    auto made = std::make_unique<perdure_content>();
    BOOST_OUTCOME_TRY(state->load(*made));
    *content = made.release();
    return success();
  });
}

int perdure_state_save(perdure_state* state, const void* bytes, size_t size,
                       const uint64_t* expected, perdure_receipt** receipt, perdure_error** error) {
  Fate thrown = Fate::unknown;
  return call(save_step, thrown, error, [&]() -> Result<void> {
    static_cast<void>(clear(receipt));
    if (state == nullptr) return wrong_call(save_step, "the handle is NULL");
    BOOST_OUTCOME_TRY(const Bytes image, bytes_of(bytes, size, save_step));
    BOOST_OUTCOME_TRY(const SaveReceipt saved, state->save(image, expected));
    thrown = reached(saved.durability);
    if (receipt == nullptr) return success();
    auto made = std::make_unique<perdure_receipt>();
    made->bytes = saved.bytes;
    made->durability = number_of(saved.durability);
    made->generation = saved.generation;
    *receipt = made.release();
    return success();
  });
}

void perdure_state_free(perdure_state* state) {
  delete state;
}
