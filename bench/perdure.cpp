// SPDX-License-Identifier: BSL-1.0
// perdure's own ways: its protocols, metadata policies and durabilities.
#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

#include <perdure/atomic_file.hpp>
#include <perdure/atomic_writer.hpp>
#include <perdure/files.hpp>
#include <perdure/group_commit.hpp>
#include <perdure/root.hpp>
#include <perdure/state_tracker.hpp>
#include <perdure/transaction.hpp>

#include "records.hpp"
#include "saver.hpp"

namespace perdure::bench {
namespace {

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result.value());
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

  bool save_all(const Batch& batch) override {
    std::vector<NewFile> files;
    for (unsigned i = 0; i < batch.count; ++i) {
      files.push_back({directory_ + "/" + batch.name(i), as_bytes(*batch.content)});
    }
    const auto results = write_files(files, options_);
    return std::all_of(results.begin(), results.end(),
                       [](const auto& result) { return result.has_value(); });
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

/// Many threads, each with commits of its own, in one group.
class Grouped final : public Saver {
 public:
  Grouped(const std::string& directory, WriteOptions options)
      : writer_(value_of(AtomicWriter::bind(directory, in_group(std::move(options))))) {}

  bool save(const std::string& name, const std::string& content) override {
    return writer_.commit(name, content).has_value();
  }
  bool save_all(const Batch& batch) override {
    constexpr unsigned threads_max = 64;
    const unsigned count = std::min(batch.count, threads_max);
    std::atomic<bool> failed = false;
    std::vector<std::jthread> threads;
    for (unsigned first = 0; first < count; ++first) {
      threads.emplace_back([&, first] {
        for (unsigned i = first; i < batch.count; i += count) {
          if (!save(batch.name(i), *batch.content)) failed = true;
        }
      });
    }
    threads.clear();  // joins
    return !failed;
  }

 private:
  static WriteOptions in_group(WriteOptions options) {
    options.group = std::make_shared<GroupCommit>();
    return options;
  }

  AtomicWriter writer_;
};

/// Many files beneath one root, all or none.
class Transactions final : public Saver {
 public:
  Transactions(std::string root, ProtocolChoice protocol) : root_(std::move(root)) {
    options_.protocol = protocol;
    for (const bool there : {true, false}) {  // the first commit makes the root
      auto transaction = value_of(Transaction::begin(root_, options_));
      value_of(there ? transaction.put("first", "") : transaction.remove("first"));
      value_of(transaction.commit());
    }
  }

  bool save(const std::string& name, const std::string& content) override {
    return save_all({.prefix = name, .count = 1, .content = &content});
  }
  bool save_all(const Batch& batch) override {
    auto transaction = Transaction::begin(root_, options_);
    if (!transaction) return false;
    for (unsigned i = 0; i < batch.count; ++i) {
      if (!transaction.value().put(batch.name(i), *batch.content)) return false;
    }
    return transaction.value().commit().has_value();
  }

 private:
  std::string root_;
  TransactionOptions options_;
};

/// A root that is held open with its log: one record for all files of a call. `settles`: all of
/// that is settled before the call returns, so that no crash needs the log.
class Logged final : public Saver {
 public:
  Logged(const std::string& root, Publish publish, bool settles)
      : root_(value_of(Root::open(root, options_of(publish)))), settles_(settles) {}

  bool save(const std::string& name, const std::string& content) override {
    return root_.put(name, content) && settle();
  }
  bool save_all(const Batch& batch) override {
    auto transaction = root_.begin();
    if (!transaction) return false;
    for (unsigned i = 0; i < batch.count; ++i) {
      if (!transaction.value().put(batch.name(i), *batch.content)) return false;
    }
    return transaction.value().commit() && settle();
  }

 private:
  static RootOptions options_of(Publish publish) {
    RootOptions options;
    options.publish = publish;
    return options;
  }
  bool settle() { return !settles_ || root_.settle(); }

  Root root_;
  bool settles_;
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
  constexpr auto automatic = ProtocolChoice::automatic;
  using enum Durability;
  for (const auto& variant : std::vector<Variant>{
           {"perdure", portable, durable, true, "the defaults: portable; many by write_files"},
           {"perdure fixed", portable, durable, false, "portable, a fixed mode"},
           {"perdure automatic", automatic, durable, true, "automatic; many by write_files"},
           {"perdure automatic fixed", automatic, durable, false, "automatic, a fixed mode"},
           {"perdure ordered", portable, ordered, true, "portable"},
           {"perdure automatic ordered", automatic, ordered, true, "automatic"},
           {"perdure none", portable, none, true, "no sync"}}) {
    ways.push_back(way_of(variant));
  }
  for (const auto choice : {portable, automatic}) {
    WriteOptions options;
    options.protocol = choice;
    const std::string protocol = choice == automatic ? " automatic" : "";
    ways.push_back({.name = "perdure group" + protocol,
                    .kind = Kind::perdure,
                    .reached = std::string(Reached::durable),
                    .note = "up to 64 threads, each its own commits, one GroupCommit",
                    .together = "each",
                    .alone = false,
                    .open = opener<Grouped>(options)});
    ways.push_back({.name = "perdure transaction" + protocol,
                    .kind = Kind::perdure,
                    .reached = std::string(Reached::durable),
                    .note = "begin, put, commit",
                    .together = "all",
                    .open = opener<Transactions>(choice)});
  }
  for (const Publish publish : {Publish::at_once, Publish::later}) {
    const bool later = publish == Publish::later;
    for (const bool settles : {false, true}) {
      const std::string opened = later ? "an open Root that publishes later: " : "an open Root: ";
      ways.push_back({.name = std::string("perdure log") + (later ? " later" : "") +
                              (settles ? " settled" : ""),
                      .kind = Kind::perdure,
                      .reached = std::string(Reached::durable),
                      .note = settles ? "the same, and settle after each"
                                      : opened + "put; many by begin, put, commit",
                      .together = "all",
                      .size_max = RootOptions().record_size_max,
                      .open = opener<Logged>(publish, settles)});
    }
  }
}

}  // namespace perdure::bench
