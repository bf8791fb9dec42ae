// SPDX-License-Identifier: BSL-1.0
// A store in front of another one, for programs that change a part of what that one does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <perdure/detail/export.hpp>
#include <perdure/state_store.hpp>

namespace perdure {

/// Passes every call on to the store that it owns. Derive from it, and override the calls that
/// shall differ: to encrypt images, to copy each state elsewhere, to measure saves.
///
///     struct Counted : perdure::ForwardingStore {
///       using ForwardingStore::ForwardingStore;
///       perdure::Result<perdure::StoreReceipt> commit(const perdure::StateDraft& draft) override {
///         ++commits;
///         return base().commit(draft);
///       }
///       std::uint64_t commits = 0;
///     };
///
/// A store that changes the bytes has to do so in `commit`, `load` and `load_previous` alike.
/// Revisions and locks are best passed on as they are.
class PERDURE_STATE_API ForwardingStore : public StateStore {
 public:
  /// `base` must not be null.
  explicit ForwardingStore(std::unique_ptr<StateStore> base) : base_(std::move(base)) {}

  [[nodiscard]] StoreLimits limits() const override { return base_->limits(); }
  Result<std::unique_ptr<Lock>> lock(const LockWait& wait) override { return base_->lock(wait); }
  Result<Revision> revision() override { return base_->revision(); }
  Result<std::optional<StoredState>> load() override { return base_->load(); }
  Result<StoreReceipt> commit(const StateDraft& draft) override { return base_->commit(draft); }
  Result<StateHistory> history() override { return base_->history(); }
  Result<std::optional<StoredState>> load_previous(std::uint64_t generation) override {
    return base_->load_previous(generation);
  }
  Result<std::string> set_aside(const Revision& damaged, std::uint64_t generation) override {
    return base_->set_aside(damaged, generation);
  }
  Result<std::string> set_aside_previous(std::uint64_t generation) override {
    return base_->set_aside_previous(generation);
  }
  std::unique_ptr<Watch> watch() override { return base_->watch(); }
  [[nodiscard]] std::string describe() const override { return base_->describe(); }

 protected:
  /// The store below, for overrides to call.
  [[nodiscard]] StateStore& base() const noexcept { return *base_; }

 private:
  std::unique_ptr<StateStore> base_;
};

}  // namespace perdure
