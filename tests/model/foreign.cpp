// SPDX-License-Identifier: BSL-1.0
// Other programs change the paths between our calls.
#include "model/history.hpp"
#include "model/writer.hpp"

namespace perdure::model {
namespace {

FileId file_at(const Disk& disk, Path path) {
  return disk.now[static_cast<std::size_t>(name_of(disk, path))];
}

/// Their file is synced before it gets its name; whether the name is, is another question.
FileId make_their_file(Disk& disk, Content content) {
  const FileId made = make_file(disk, Kind::ordered, content);
  disk.files[made].disk = content;
  return made;
}

void sync_theirs(Calls& calls, Name name, std::uint8_t directory) {
  // Without an order their sync brings their own name to the disk, and nothing of ours.
  if (calls.model().kind == Kind::ordered) {
    sync_directory(calls.disk(), calls.model().kind, directory);
  } else {
    sync_name(calls.disk(), calls.model().kind, name);
  }
}

Event event_of(Foreign::Kind kind) {
  switch (kind) {
    case Foreign::Kind::replace:
      return Event::replaced;
    case Foreign::Kind::write:
      return Event::written;
    case Foreign::Kind::remove:
      return Event::deleted;
    default:
      return Event::directory_replaced;
  }
}

}  // namespace

bool can(const State& state, const Foreign& foreign) {
  if (state.left.foreign == 0) return false;
  switch (foreign.kind) {
    case Foreign::Kind::none:
      return false;
    case Foreign::Kind::replace:
      return true;
    case Foreign::Kind::write:
    case Foreign::Kind::remove:
      return file_at(state.disk, foreign.path) != 0;
    case Foreign::Kind::replace_directory:
      return state.disk.now[static_cast<std::size_t>(Name::d)] == first;
  }
  return false;
}

void interfere(Calls& calls, const Foreign& foreign) {
  State& state = calls.state();
  Disk& disk = state.disk;
  --state.left.foreign;
  const Path path = foreign.path;
  const bool of_directory = foreign.kind == Foreign::Kind::replace_directory;
  const Name name = of_directory ? Name::d : name_of(disk, path);
  const std::uint8_t directory = of_directory ? std::uint8_t{top} : directory_of(disk, path);
  const auto made = static_cast<Content>(first_foreign + state.foreigners++);
  Content content = absent;
  if (foreign.kind == Foreign::Kind::replace) {
    content = made;
    const FileId file = make_their_file(disk, content);
    change_name(disk, name, file, file, directory);
  } else if (foreign.kind == Foreign::Kind::write) {
    content = made;
    write_in_place(disk, calls.model().kind, path, content);
  } else {
    const FileId gone = of_directory ? FileId{0} : file_at(disk, path);
    change_name(disk, name, of_directory ? second : std::uint8_t{0}, gone, directory);
  }
  if (foreign.synced) sync_theirs(calls, name, directory);
  state.memory.unchanged = static_cast<std::uint8_t>(state.memory.unchanged & ~directory);

  const auto bit = static_cast<std::uint8_t>(1U << index_of(path));
  Promise promised{.status = foreign.synced ? Promise::Status::kept : Promise::Status::unsynced,
                   .touched = bit};
  promised.content[index_of(path)] = content;
  promise(state.history, promised);
  if (foreign.kind == Foreign::Kind::remove && (state.history.made & bit) != 0) {
    for (const Content content_back : state.history.own[index_of(path)]) {
      if (content_back == damaged) continue;
      Promise back{.status = Promise::Status::maybe, .touched = bit};
      back.content[index_of(path)] = content_back;
      promise(state.history, back);
    }
  }
  state.memory.overtaken =
      static_cast<std::uint8_t>(state.memory.overtaken | (state.memory.left & bit));
  state.history.others = static_cast<std::uint8_t>(state.history.others | bit);
  calls.tell(event_of(foreign.kind), {static_cast<std::uint8_t>(path), content,
                                      static_cast<std::uint8_t>(foreign.synced ? 1 : 0)});
  calls.may_crash();
}

}  // namespace perdure::model
