// SPDX-License-Identifier: BSL-1.0
// Notes the attempts of a program, and the answers that it got.
#include "testing/explorer/session.hpp"

#include <algorithm>

#include "testing/simulator/simulation_access.hpp"

namespace perdure::testing {

Session::Session(System system, SimulatedFileSystem& disk, std::vector<Event> history)
    : system_(system),
      disk_(disk),
      history_(std::move(history)),
      lock_(std::make_unique<SessionLock>()) {}

Session::~Session() = default;

const Preset& Session::preset() const noexcept {
  return *SimulationAccess::of(disk_).disk.preset;
}

void Session::add(Event event) {
  if (lock_->before) lock_->before();
  history_.push_back(std::move(event));
}

std::size_t Session::attempt(const std::string& target, std::optional<std::string> content,
                             Durability durability, std::uint64_t step) {
  const std::scoped_lock lock(lock_->mutex);
  const auto number =
      static_cast<std::size_t>(std::ranges::count(history_, Event::Kind::attempt, &Event::kind));
  add({.kind = Event::Kind::attempt,
       .attempt = number,
       .target = target,
       .content = std::move(content),
       .durability = durability,
       .step = step});
  return number;
}

void Session::acknowledge(std::size_t attempt) {
  const std::scoped_lock lock(lock_->mutex);
  add({.kind = Event::Kind::acknowledged, .attempt = attempt});
}

void Session::fail(std::size_t attempt, Fate fate) {
  const std::scoped_lock lock(lock_->mutex);
  add({.kind = Event::Kind::failed,
       .attempt = attempt,
       .target = {},
       .content = {},
       .durability = Durability::durable,
       .step = 0,
       .fate = fate});
}

void Session::wrong(std::string words) {
  const std::scoped_lock lock(lock_->mutex);
  if (words_.empty()) words_ = std::move(words);
}

void add_crash(std::vector<Event>& history, Event::Kind kind) {
  if (!history.empty()) {
    Event& last = history.back();
    if (last.kind == Event::Kind::power_cut) return;
    if (last.kind == Event::Kind::kill) {
      last.kind = kind;
      return;
    }
  }
  history.push_back({.kind = kind});
}

std::uint64_t hash_history(const std::vector<Event>& history) {
  std::uint64_t hash = history.size();
  for (const Event& event : history) {
    hash = mix(hash, static_cast<std::uint64_t>(event.kind) | (event.attempt << 8U));
    hash = mix(hash, static_cast<std::uint64_t>(event.durability) |
                         (static_cast<std::uint64_t>(event.fate) << 8U) | (event.step << 16U));
    if (event.kind != Event::Kind::attempt) continue;
    hash = mix(hash, hash_text(event.target));
    hash = mix(hash, event.content ? hash_text(*event.content) : 1);
  }
  return hash;
}

}  // namespace perdure::testing
