// SPDX-License-Identifier: BSL-1.0
// States of a small tree, with what was there at each moment and what was promised.
#include "witness/ruling.hpp"

#include "support/catch.hpp"
#include "witness/promises.hpp"

using namespace crashlab;

namespace {

/// A directory whose calls are told one by one; `old` under "file" is there before.
struct Story {
  History history;
  ContentStore store;
  Costs costs;
  Promises promises;
  std::map<std::string, Node> nodes;

  explicit Story(bool file_sync_keeps_name = true)
      : promises({file_sync_keeps_name}, history, costs) {
    add("file", "old");
  }

  Node add(const std::string& name, const std::string& text) {
    const Node node = history.add({}, store.take(text));
    history.bind({History::root, name}, node);
    return nodes[name] = node;
  }
  Story& create(const std::string& name, const std::string& text = "") {
    history.next("open");
    add(name, text);
    return *this;
  }
  Story& write(const std::string& name, const std::string& text) {
    history.next("write");
    history.set_content(nodes.at(name), store.take(text));
    return *this;
  }
  Story& close(const std::string& name) {
    history.set_intact(nodes.at(name));
    return *this;
  }
  Story& rename(const std::string& from, const std::string& to) {
    history.next("rename");
    const Node node = nodes.at(from);
    nodes.erase(from);
    nodes[to] = node;
    history.bind({History::root, from}, std::nullopt);
    history.bind({History::root, to}, node);
    return *this;
  }
  Story& remove(const std::string& name) {
    history.next("unlink");
    history.bind({History::root, name}, std::nullopt);
    return *this;
  }
  Story& sync(const std::string& name, bool names_too = true) {
    const Position seen = history.now();
    history.next("fsync");
    promises.sync(name == "." ? History::root : nodes.at(name), seen, names_too);
    promises.told("fsync " + name);
    return *this;
  }
  Story& end() {
    history.next("the end");
    for (const auto& [name, node] : nodes) history.set_intact(node);
    history.mark();
    return *this;
  }

  /// All that is said of a state after so many promises: "torn file", sorted by path.
  std::string said(std::size_t marks, const std::map<std::string, std::string>& files,
                   const RulingRules& rules = {}) {
    Tree tree;
    for (const auto& [path, text] : files) {
      Entry entry;
      entry.kind = NodeKind::file;
      entry.content = store.take(text);
      tree.emplace(path, std::move(entry));
    }
    std::string all;
    const bool ended = marks >= history.mark_count();
    for (const Finding& finding : rule(history, history.window(marks), ended, tree, rules)) {
      all += (all.empty() ? "" : ", ") + std::string(name_of(finding.kind)) + " " + finding.path;
    }
    return all;
  }
};

Story replacing() {
  Story story;
  story.create("tmp").write("tmp", "new").sync("tmp").close("tmp").rename("tmp", "file");
  return story;
}

}  // namespace

TEST_CASE("the right order: old or new at each moment, and new after its promise") {
  Story story = replacing();
  story.sync(".").end();
  CHECK(story.said(0, {{"file", "old"}}).empty());
  CHECK(story.said(0, {{"file", "old"}, {"tmp", ""}}).empty());
  CHECK(story.said(0, {{"file", "old"}, {"tmp", "new"}}).empty());
  CHECK(story.said(1, {{"file", "old"}, {"tmp", "new"}}).empty());
  CHECK(story.said(1, {{"file", "new"}}).empty());
  CHECK(story.said(1, {{"file", "old"}}) == "lost tmp");
  CHECK(story.said(1, {{"file", "old"}, {"tmp", ""}}) == "lost tmp");
  CHECK(story.said(2, {{"file", "new"}}).empty());
  CHECK(story.said(2, {{"file", "old"}}) == "lost file");
  CHECK(story.said(2, {}) == "lost file");
  CHECK(story.said(2, {{"file", "ne"}}) == "lost file");
}

TEST_CASE("a name without a sync of the directory may be the old one's, after the end as well") {
  Story story = replacing();
  story.end();
  CHECK(story.said(2, {{"file", "old"}, {"tmp", "new"}}) == "rolled back file");
  CHECK(story.said(2, {{"file", "new"}}).empty());
}

TEST_CASE("a file that gets its name before its content is synced may be torn under it") {
  Story story;
  story.create("tmp").write("tmp", "new").close("tmp").rename("tmp", "file").sync(".").end();
  CHECK(story.said(0, {{"file", ""}}) == "torn file");
  CHECK(story.said(0, {{"file", std::string(3, '\0')}}) == "torn file");
  CHECK(story.said(0, {{"file", "old"}}).empty());
  CHECK(story.said(0, {{"file", "new"}}).empty());
}

TEST_CASE("a file that is cut and written again is torn in between") {
  Story story;
  story.write("file", "").write("file", "new").sync("file").end();
  CHECK(story.said(0, {{"file", ""}}) == "torn file");
  CHECK(story.said(0, {{"file", "old"}}).empty());
  CHECK(story.said(0, {{"file", "new"}}).empty());
  CHECK(story.said(0, {{"file", ""}}, {true, {}}).empty());
  CHECK(story.said(0, {{"file", ""}}, {false, {"f*"}}).empty());
  CHECK(story.said(1, {}, {false, {"f*"}}).empty());
}

TEST_CASE("what is written in place may be half there, but not what was synced before") {
  const std::string synced(5000, 's');
  Story story;
  story.write("file", synced).sync("file").write("file", synced + "tail").end();
  CHECK(story.said(1, {{"file", synced}}).empty());
  CHECK(story.said(1, {{"file", synced + "ta"}}) == "in place file");
  CHECK(story.said(2, {{"file", synced + "ta"}}) == "in place file, rolled back file");
  CHECK(story.said(1, {{"file", synced.substr(1)}}) == "lost file");
  CHECK(story.said(1, {{"file", "x" + synced.substr(1)}}) == "lost file");
  CHECK(story.said(2, {{"file", "x" + synced.substr(1) + "tail"}}) == "lost file");
}

TEST_CASE("a removal that was synced stays") {
  Story story;
  story.remove("file").sync(".").end();
  CHECK(story.said(0, {{"file", "old"}}).empty());
  CHECK(story.said(1, {{"file", "old"}}) == "lost file");
}

TEST_CASE("a file that goes before its successor comes may be missing") {
  Story story;
  story.create("tmp").write("tmp", "new").sync("tmp").close("tmp");
  story.remove("file").rename("tmp", "file").sync(".").end();
  CHECK(story.said(1, {{"tmp", "new"}}) == "missing file");
  CHECK(story.said(1, {{"file", "new"}}).empty());
}

TEST_CASE("where fsync keeps no name, a new file may be gone until its directory is synced") {
  Story story(false);
  story.create("new").write("new", "text").sync("new").sync(".").end();
  CHECK(story.said(1, {{"file", "old"}}).empty());
  CHECK(story.said(2, {{"file", "old"}}) == "lost new");
  Story other(true);
  other.create("new").write("new", "text").sync("new").end();
  CHECK(other.said(1, {{"file", "old"}}) == "lost new");
}

TEST_CASE("fdatasync promises a content and no name") {
  Story story;
  story.create("new").write("new", "text").sync("new", false).end();
  CHECK(story.said(1, {{"file", "old"}}).empty());
  CHECK(story.said(1, {{"file", "old"}, {"new", "te"}}) == "lost new");
}

TEST_CASE("fdatasync of a directory keeps its names, which are its content") {
  Story story = replacing();
  story.sync(".", false).end();
  CHECK(story.said(2, {{"file", "old"}}) == "lost file");
  CHECK(story.costs.needless().empty());
}

TEST_CASE("after the end a removal may be rolled back, and a temp may stay") {
  Story story;
  story.create("tmp").remove("tmp").remove("file").end();
  CHECK(story.said(1, {{"file", "old"}, {"tmp", ""}}) == "rolled back file");
}

TEST_CASE("a temp that a crash leaves behind is not a finding, nor one that nobody finished") {
  Story story;
  story.create("tmp").write("tmp", "new").remove("tmp").create("made").write("made", "all").end();
  CHECK(story.said(0, {{"file", "old"}, {"tmp", ""}}).empty());
  CHECK(story.said(0, {{"file", "old"}, {"made", "a"}}) == "in place made");
  CHECK(story.said(0, {{"file", "old"}}).empty());
  CHECK(story.said(0, {{"file", "old"}, {"other", ""}}) == "torn other");
}

TEST_CASE("syncs that promise nothing new are counted, and those that a later one makes good") {
  Story story = replacing();
  story.sync(".").sync(".").sync("file");
  CHECK(story.costs.syncs() == 4);
  CHECK(story.costs.needless() == std::vector<std::string>{"fsync .", "fsync file"});
  CHECK(story.costs.cheapest() == 2);
  CHECK(story.costs.cheapest_fast() == 1);
}

TEST_CASE("a content that is synced in place has no name to wait for") {
  Story story;
  story.write("file", "one").sync("file").write("file", "two").sync("file");
  CHECK(story.costs.needless().empty());
  CHECK(story.costs.cheapest_fast() == 2);
}
