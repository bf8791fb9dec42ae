// SPDX-License-Identifier: BSL-1.0
// Reads a tracked state that somebody else keeps.
#include <perdure/state_reader.hpp>

#include "base/internal.hpp"
#include "base/make_error.hpp"
#include "engine/read.hpp"
#include "engine/target.hpp"
#include "engine/trust.hpp"
#include "engine/version.hpp"
#include "state/change_wait.hpp"

namespace perdure::detail {

struct PERDURE_LOCAL StateView::State {
  /// Finds the file, following links as they are now. In a sticky directory another user's file is
  /// not believed.
  Result<void> find(Target& target) const {
    BOOST_OUTCOME_TRY(open_target(target, path, SymlinkPolicy::follow));
    const auto status = target.files.stat(target.directory);
    if (!status) return target.failure(step, status.error());
    target.directory_status = status.value();
    if (target.existing) {
      return check_owner(target, step, "the state there", target.existing->owner);
    }
    return target.failure(step, std::make_error_code(std::errc::no_such_file_or_directory));
  }

  Result<void> read() {
    Target target(*options.system.files, *options.system.environment);
    BOOST_OUTCOME_TRY(reading(find(target)));
    const auto check = [&](Handle file) -> Result<void> {
      const auto found = target.files.stat(file);
      if (!found) return target.failure(step, found.error());
      return check_owner(target, step, "the state there", found.value().owner);
    };
    BOOST_OUTCOME_TRY(FileContent content,
                      reading(read_steady(target, target.leaf, options.size_max, check)));
    auto found = codec->load(content.bytes);
    if (!found) {
      Error error = std::move(found.error());
      if (error.path.empty()) error.path = path.native();
      return reading(std::move(error));
    }
    loaded = std::move(found.value());
    version = content.version;
    return success();
  }

  /// A file that is gone must not count as unchanged.
  Result<bool> changed() const {
    Target target(*options.system.files, *options.system.environment);
    BOOST_OUTCOME_TRY(reading(find(target)));
    BOOST_OUTCOME_TRY(const bool same,
                      reading(has_version(target, target.leaf, *target.existing, version)));
    return !same;
  }

  static constexpr std::string_view step = "read the state";
  Path path;
  std::unique_ptr<StateCodec> codec;
  ReaderOptions options;
  LoadedState loaded{};
  Version version{};
};

StateView::StateView(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
StateView::StateView(StateView&&) noexcept = default;
StateView& StateView::operator=(StateView&&) noexcept = default;
StateView::~StateView() = default;

Result<StateView> StateView::open(const Path& path, std::unique_ptr<StateCodec> codec,
                                  const ReaderOptions& options) {
  std::unique_ptr<State> state(new State{path, std::move(codec), options});
  BOOST_OUTCOME_TRY(state->read());
  return StateView(std::move(state));
}

const LoadedState& StateView::loaded() const noexcept {
  return state_->loaded;
}

Result<bool> StateView::changed() {
  return state_->changed();
}

Result<bool> StateView::wait_changed(const LockWait& wait) {
  return wait_for_change([&] { return state_->changed(); }, [] { return nullptr; }, wait,
                         *state_->options.system.environment);
}

Result<bool> StateView::reload() {
  BOOST_OUTCOME_TRY(const bool changed, state_->changed());
  if (!changed) return false;
  BOOST_OUTCOME_TRY(state_->read());
  return true;
}

}  // namespace perdure::detail
