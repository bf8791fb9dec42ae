// SPDX-License-Identifier: BSL-1.0
// The model makes the calls that the library makes, in their order.
#include <map>
#include <string>
#include <vector>

#include <perdure/recovery.hpp>
#include <perdure/root.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/manual_environment.hpp>
#include <perdure/testing/simulated_file_system.hpp>

#include "model/search.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

namespace perdure::test {
namespace {

using namespace perdure::testing;  // NOLINT: this file is about nothing else

using Lines = std::vector<std::string>;

constexpr std::uint64_t block = 4096;
constexpr std::uint64_t records_begin = 4 * block;
constexpr std::uint64_t segment_size = 2 * block;

/// Notes the calls that matter to what a crash leaves, from the first sync of the log on.
class Recorder final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  Lines lines;

  SysResult<Handle> open_directory(Handle from, const std::string& path) override {
    return named(ForwardingFileSystem::open_directory(from, path), path);
  }
  SysResult<Handle> open_beneath(Handle from, const std::string& path) override {
    return named(ForwardingFileSystem::open_beneath(from, path), path == "." ? names_[from] : path);
  }
  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    return named(ForwardingFileSystem::create(directory, name, mode), name);
  }
  SysResult<Handle> open_file(Handle directory, const std::string& name) override {
    return named(ForwardingFileSystem::open_file(directory, name), name);
  }
  SysResult<Handle> open_lock(Handle directory, const std::string& name) override {
    return named(ForwardingFileSystem::open_lock(directory, name), name);
  }
  SysResult<Handle> open_direct(Handle directory, const std::string& name) override {
    return named(ForwardingFileSystem::open_direct(directory, name), name);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (names_[file] == "log" && offset < records_begin) {
      note("write header " + std::to_string(offset / block));
    } else if (names_[file] == "log") {
      note("write " + records_at(offset, bytes));
    }
    return ForwardingFileSystem::write_at(file, offset, bytes);
  }
  SysResult<std::size_t> write_through(Handle file, std::uint64_t offset, Bytes bytes) override {
    note("write through " + records_at(offset, bytes));
    return ForwardingFileSystem::write_through(file, offset, bytes);
  }
  SysResult<void> sync_data(Handle file) override {
    began_ = began_ || names_[file] == "log";
    note("sync_data " + names_[file]);
    return ForwardingFileSystem::sync_data(file);
  }
  SysResult<void> sync_file(Handle file) override {
    note("sync_file " + (names_[file] == "j.tmp" ? "j.tmp" : std::string("of a path")));
    return ForwardingFileSystem::sync_file(file);
  }
  SysResult<void> await_writeback(Handle file) override {
    note("await_writeback");
    return ForwardingFileSystem::await_writeback(file);
  }
  SysResult<void> sync_directory(Handle directory) override {
    note("sync_directory " + names_[directory]);
    return ForwardingFileSystem::sync_directory(directory);
  }
  SysResult<void> sync_file_system(Handle directory) override {
    note("sync_file_system");
    return ForwardingFileSystem::sync_file_system(directory);
  }
  SysResult<void> rename(Handle from_directory, const std::string& from, Handle to_directory,
                         const std::string& to, RenameMode mode) override {
    if (from == "log.tmp") rename_opened("log.tmp", to);
    if (is_known(to)) note("rename to " + to);
    return ForwardingFileSystem::rename(from_directory, from, to_directory, to, mode);
  }
  SysResult<void> unlink(Handle directory, const std::string& name) override {
    const auto done = ForwardingFileSystem::unlink(directory, name);
    if (done && is_known(name)) note("unlink " + name);
    return done;
  }

 private:
  static bool is_known(const std::string& name) {
    return name == "x" || name == "y" || name == "j";
  }
  static std::string records_at(std::uint64_t offset, Bytes bytes) {
    const std::uint64_t at = offset - records_begin;
    return std::to_string(bytes.size() / block) + " record at " +
           std::to_string(at / segment_size) + "." + std::to_string(at % segment_size / block);
  }
  void note(const std::string& line) {
    if (began_) lines.push_back(line);
  }
  SysResult<Handle> named(SysResult<Handle> opened, const std::string& name) {
    if (opened) names_[opened.value()] = name;
    return opened;
  }
  void rename_opened(const std::string& from, const std::string& to) {
    for (auto& [handle, name] : names_) {
      if (name == from) name = to;
    }
  }

  std::map<Handle, std::string> names_;
  bool began_ = false;
};

std::string name_of(std::uint8_t directory) {
  if (directory == model::top) return "/r";
  return directory == model::own ? ".perdure" : "d";
}

/// A call of the model in the recorder's words; empty for what is none.
std::string line_of(const model::Step& step) {
  using model::Event;
  const auto& words = step.words;
  switch (step.event) {
    case Event::write_header:
      return "write header " + std::to_string(words[2]);
    case Event::write_records:
    case Event::write_through:
      return (step.event == Event::write_records ? "write " : "write through ") +
             std::to_string(words[2]) + " record at " + std::to_string(words[0] % 2) + "." +
             std::to_string(words[1]);
    case Event::sync_log:
      return "sync_data log";
    case Event::sync_file:
      return words[0] == model::damaged ? "sync_file j.tmp" : "sync_file of a path";
    case Event::await_file:
      return "await_writeback";
    case Event::name_file:
      return std::string("rename to ") + (words[0] == 0 ? "x" : "y");
    case Event::unlink_file:
      return std::string("unlink ") + (words[0] == 0 ? "x" : "y");
    case Event::name_journal:
      return "rename to j";
    case Event::unlink_journal:
      return "unlink j";
    case Event::sync_directory:
      return "sync_directory " + name_of(words[0]);
    case Event::sync_file_system:
      return "sync_file_system";
    default:
      return "";
  }
}

/// Nothing fails, nothing crashes.
class Noted final : public model::Fate {
 public:
  Lines lines;
  int choose(int) override { return 0; }
  void tell(const model::Step& step) override {
    if (const std::string line = line_of(step); !line.empty()) lines.push_back(line);
  }
  void may_crash(const model::State&) override {}
};

/// Both do the same, side by side.
class Pair {
 public:
  Pair(const Preset& preset, const model::Model& model, Publish publish)
      : model_(model),
        publish_(publish),
        disk_(preset),
        state_(model::first_state({.commits = 9})) {
    disk_.put("/r/d/x", "old");
    disk_.sync_all();
  }

  void open() {
    RootOptions options;
    options.segment_size = segment_size;
    options.publish = publish_;
    options.writes = model_.direct ? LogWrites::direct : LogWrites::cached;
    options.system = {.files = &recorder_, .environment = &environment_};
    auto opened = Root::open("/r", options);
    REQUIRE_OK(opened);
    root_.emplace(std::move(opened.value()));
    perform({.kind = model::Act::Kind::open});
  }
  /// As if the process were killed: what is in memory is gone.
  void kill() {
    disk_.kill();
    root_.reset();  // its calls fail: its handles are gone
    recorder_.lines = noted_.lines;
    state_.memory = {};
    model::normalise(state_, false);
  }
  void commit(const model::Wanted& wanted) {
    auto begun = root_->begin();
    REQUIRE_OK(begun);
    change(begun.value(), wanted[0], "d/x");
    change(begun.value(), wanted[1], "y");
    REQUIRE_OK(begun.value().commit());
    model::Act act{.kind = model::Act::Kind::commit};
    act.one = wanted;
    perform(act);
  }
  void settle() {
    REQUIRE_OK(root_->settle());
    perform({.kind = model::Act::Kind::settle});
  }
  void close() {
    REQUIRE_OK(root_->close());
    perform({.kind = model::Act::Kind::close});
  }
  void compare() { CHECK(noted_.lines == recorder_.lines); }

 private:
  static void change(Transaction& transaction, model::Action action, const std::string& path) {
    if (action == model::Action::put) REQUIRE_OK(transaction.put(path, "new"));
    if (action == model::Action::remove) REQUIRE_OK(transaction.remove(path));
  }
  void perform(const model::Act& act) {
    model::Calls calls(state_, model_, noted_);
    model::perform(calls, act);
    compare();
  }

  model::Model model_;
  Publish publish_;
  SimulatedFileSystem disk_;
  Recorder recorder_{disk_};
  ManualEnvironment environment_;
  std::optional<Root> root_;
  model::State state_;
  Noted noted_;
};

constexpr auto put = model::Action::put;
constexpr auto remove = model::Action::remove;
constexpr auto none = model::Action::none;

void compare_calls(const Preset& preset, const model::Model& model,
                   Publish publish = Publish::at_once) {
  Pair pair(preset, model, publish);
  pair.open();
  pair.commit({put, none});
  pair.commit({none, put});
  pair.commit({put, put});
  pair.commit({remove, none});
  pair.settle();
  pair.commit({none, put});
  pair.close();
  pair.open();
  pair.commit({put, none});
  pair.commit({none, remove});
  pair.kill();
  pair.open();
  pair.close();
}

}  // namespace

TEST_CASE("the model of the log makes the calls of the library: by `fast`") {
  compare_calls(presets::ext4, {.kind = model::Kind::ordered});
}

TEST_CASE("the model of the log makes the calls of the library: by `whole`") {
  compare_calls(presets::worst, {.kind = model::Kind::unordered});
}

TEST_CASE("the model of the log makes the calls of the library: in no order") {
  compare_calls(presets::ext4, {.kind = model::Kind::ordered, .publish = model::Publish::unordered},
                Publish::unordered);
}

TEST_CASE("the model of the log makes the calls of the library: left for the settling") {
  compare_calls(presets::ext4, {.kind = model::Kind::ordered, .publish = model::Publish::later},
                Publish::later);
}

TEST_CASE("the model of the log makes the calls of the library: past the page cache") {
  compare_calls(presets::ext4, {.kind = model::Kind::ordered, .direct = true});
}

}  // namespace perdure::test
