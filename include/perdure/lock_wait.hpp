// SPDX-License-Identifier: BSL-1.0
// How long a call waits for a lock, and who may end that wait.
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <utility>

#include <perdure/detail/language.hpp>

namespace perdure {

class StopCondition;

namespace detail {

template <class S>
concept StopToken = requires(const S& source) {
  { source.stop_requested() } -> std::same_as<bool>;
};
template <class S>
concept StopQuestion = requires(const S& source) {
  { source() } -> std::same_as<bool>;
};
template <class S>
concept SourceOfStops = !std::same_as<S, StopCondition> && (StopToken<S> || StopQuestion<S>);

}  // namespace detail

/// Says whether a call shall stop waiting for a lock. Made of a std::stop_token, of another object
/// with `stop_requested()`, or of a callable without arguments that returns bool. An empty one
/// never ends a wait. Copies share the source.
///
///     std::stop_source shutdown;
///     perdure::WriteOptions options;
///     options.stop = shutdown.get_token();
///
/// Not a std::stop_token itself: `<stop_token>` would add a twentieth to `options.hpp`, which most
/// programs include, and `<functional>` a fifth. A waiting call asks before each of its pauses,
/// which are 4 ms at most, on its own thread; several calls may ask at once. When the source ends
/// the wait, or throws, the target is untouched.
class StopCondition {
 public:
  StopCondition() noexcept = default;
  /// Holds a copy of the source.
  template <detail::SourceOfStops Source>
  StopCondition(Source source)  // NOLINT(google-explicit-constructor)
      : source_(std::make_shared<const Source>(std::move(source))), ask_(&ask<Source>) {}

  /// Asks the source, and lets its exceptions pass; false without a source.
  [[nodiscard]] bool is_met() const { return ask_ != nullptr && ask_(source_.get()); }

 private:
  template <class Source>
  static bool ask(const void* of) {
    const auto& source = *static_cast<const Source*>(of);
    if constexpr (detail::StopToken<Source>) {
      return source.stop_requested();
    } else {
      return source();
    }
  }

  std::shared_ptr<const void> source_;
  bool (*ask_)(const void* source) = nullptr;
};

/// How long to wait for a lock that others hold.
struct LockWait {
  /// 0 tries once; `milliseconds::max()` waits forever.
  std::chrono::milliseconds timeout_ms{10'000};
  StopCondition stop{};  ///< Ends the wait before that.
};

}  // namespace perdure
