// SPDX-License-Identifier: BSL-1.0
// Reads a tracked state that somebody else keeps.
#include <perdure/files.hpp>
#include <perdure/state_reader.hpp>

#include "base/make_error.hpp"
#include "base/missing.hpp"

namespace perdure::detail {

struct StateView::State {
  Result<void> read() {
    BOOST_OUTCOME_TRY(FileContent content, read_file(path, options.size_max, options.system));
    auto found = codec->load(content.bytes);
    if (!found) {
      Error error = std::move(found.error());
      if (error.path.empty()) error.path = path.native();
      error.reading = true;
      return error;
    }
    loaded = std::move(found.value());
    version = content.version;
    return success();
  }

  /// Nobody may take a file that is gone for one that is as it was.
  Result<bool> changed() const {
    BOOST_OUTCOME_TRY(const Version now, read_version(path, options.system));
    if (!now.is_absent()) return now != version;
    Error error = make_error("look at the state", path.native(),
                             std::make_error_code(std::errc::no_such_file_or_directory));
    error.reading = true;
    return error;
  }

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

Result<bool> StateView::reload() {
  BOOST_OUTCOME_TRY(const bool changed, state_->changed());
  if (!changed) return false;
  BOOST_OUTCOME_TRY(state_->read());
  return true;
}

}  // namespace perdure::detail
