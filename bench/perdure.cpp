// SPDX-License-Identifier: BSL-1.0
// perdure's own ways: its protocols, metadata policies and durabilities.
#include <map>
#include <stdexcept>

#include <perdure/atomic_file.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>

#include "records.hpp"
#include "saver.hpp"

namespace perdure::bench {
namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(result.value());
}

class Commits final : public Saver {
 public:
  Commits(std::string directory, WriteOptions options)
      : directory_(std::move(directory)),
        options_(std::move(options)),
        writer_(value_of(AtomicWriter::bind(directory_, options_))) {}

  bool save(const std::string& name, const std::string& content) override {
    return writer_.commit(name, content).has_value();
  }

  bool stream(const std::string& name, const std::string& content, std::size_t block) override {
    auto file = AtomicFile::create(directory_ + "/" + name, options_);
    if (!file) return false;
    Bytes rest = as_bytes(content);
    while (!rest.empty()) {
      const Bytes piece = rest.first(std::min(rest.size(), block));
      if (!file.value().write(piece)) return false;
      rest = rest.subspan(piece.size());
    }
    return file.value().commit().has_value();
  }

  bool save_state(unsigned records) override {
    auto& tracker = trackers_[records];
    if (!tracker) {
      tracker = std::make_unique<StateTracker<State>>(
          value_of(StateTracker<State>::open(state_path(records), tracker_options())));
      if (!tracker->update([&](State& state) { state = make_state(records); })) return false;
    }
    return tracker->update([](State& state) { ++state.next_id; }).has_value();
  }

  bool load_state(unsigned records) override {
    if (!trackers_.contains(records) && !save_state(records)) return false;
    const auto loaded = StateTracker<State>::open(state_path(records), tracker_options());
    return loaded && loaded.value().state()->records.size() == records;
  }

 private:
  [[nodiscard]] std::string state_path(unsigned records) const {
    return directory_ + "/state-" + std::to_string(records) + ".json";
  }
  [[nodiscard]] TrackerOptions tracker_options() const {
    TrackerOptions options;
    options.file.metadata = options_.metadata;
    options.file.protocol = options_.protocol;
    return options;
  }

  std::string directory_;
  WriteOptions options_;
  AtomicWriter writer_;
  std::map<unsigned, std::unique_ptr<StateTracker<State>>> trackers_;
};

/// Many files beneath one root, all or none.
class Transactions final : public Saver {
 public:
  explicit Transactions(std::string root) : root_(std::move(root)) {}

  bool save(const std::string& name, const std::string& content) override {
    return save_all({.prefix = name, .count = 1, .content = &content});
  }
  bool save_all(const Batch& batch) override {
    auto transaction = Transaction::begin(root_);
    if (!transaction) return false;
    for (unsigned i = 0; i < batch.count; ++i) {
      if (!transaction.value().put(batch.name(i), *batch.content)) return false;
    }
    return transaction.value().commit().has_value();
  }

 private:
  std::string root_;
};

struct Variant {
  std::string name;
  ProtocolChoice protocol;
  Durability durability;
  bool preserved;
  std::string note;
};

Way way_of(const Variant& variant) {
  WriteOptions options;
  options.protocol = variant.protocol;
  options.durability = variant.durability;
  options.metadata = variant.preserved ? Metadata::preserve() : Metadata::fixed(0644);
  const bool durable = variant.durability == Durability::durable;
  return {.name = variant.name,
          .kind = Kind::perdure,
          .reached = std::string(to_string(variant.durability)),
          .note = variant.note,
          .together = durable && variant.preserved ? "each" : "",
          .streams = durable && variant.preserved,
          .tracks = durable && variant.preserved,
          .open = opener<Commits>(options)};
}

}  // namespace

void add_perdure(Ways& ways) {
  constexpr auto portable = ProtocolChoice::portable;
  constexpr auto fast = ProtocolChoice::fast;
  using enum Durability;
  for (const auto& variant : std::vector<Variant>{
           {"perdure", portable, durable, true, "the defaults: portable, metadata preserved"},
           {"perdure fixed", portable, durable, false, "portable, a fixed mode"},
           {"perdure fast", fast, durable, true, "fast, metadata preserved"},
           {"perdure fast fixed", fast, durable, false, "fast, a fixed mode"},
           {"perdure ordered", portable, ordered, true, "portable, metadata preserved"},
           {"perdure fast ordered", fast, ordered, true, "fast, metadata preserved"},
           {"perdure none", portable, none, true, "metadata preserved"}}) {
    ways.push_back(way_of(variant));
  }
  // Group commit and batches of independent files (`write_files`) join here, `together` as "each".
  ways.push_back({.name = "perdure transaction",
                  .kind = Kind::perdure,
                  .reached = std::string(Reached::durable),
                  .note = "begin, put, commit; portable",
                  .together = "all",
                  .open = opener<Transactions>()});
}

}  // namespace perdure::bench
