// SPDX-License-Identifier: BSL-1.0
#include "trees.hpp"

#include <algorithm>
#include <filesystem>

#include <perdure/mirror.hpp>
#include <perdure/root_copy.hpp>

namespace commits {
namespace {

namespace fs = std::filesystem;

struct Node {
  fs::file_type type = fs::file_type::none;
  std::string text;  // of a file or a link

  bool operator==(const Node&) const = default;
};

/// Directories come before what is in them.
using Tree = std::map<std::string, Node>;

Node file(const std::string& text) {
  return {fs::file_type::regular, text};
}
Node content(int version) {
  return file(versions::content(version, size));
}
Node link(int version) {
  return {fs::file_type::symlink, text_of(version)};
}
const Node directory{fs::file_type::directory, {}};

/// Of what there is now: without the library's own files, whose names begin with a dot.
Tree tree_at(const fs::path& top) {
  Tree found;
  for (auto at = fs::recursive_directory_iterator(top); at != fs::end(at); ++at) {
    if (at->path().filename().native().starts_with('.')) {
      at.disable_recursion_pending();
      continue;
    }
    Node node{at->symlink_status().type(), {}};
    if (node.type == fs::file_type::symlink) node.text = fs::read_symlink(at->path());
    if (node.type == fs::file_type::regular) {
      std::ifstream file(at->path(), std::ios::binary);
      node.text.assign(std::istreambuf_iterator<char>(file), {});
      if (!file) node.type = fs::file_type::unknown;  // it can't be read
    }
    found[fs::relative(at->path(), top)] = std::move(node);
  }
  return found;
}

/// Empty, or the first difference.
std::string difference(const fs::path& top, const Tree& want) {
  Tree have;
  try {
    have = tree_at(top);
  } catch (const fs::filesystem_error& error) {
    return error.what();
  }
  for (const auto& [path, node] : want) {
    const auto found = have.find(path);
    if (found == have.end()) return path + " is missing";
    if (found->second != node) return path + " is not what it was";
  }
  for (const auto& [path, node] : have) {
    if (!want.contains(path)) return path + " is there too many";
  }
  return "";
}

std::string site() {
  return root() + "/site";
}

using TreeOf = Tree (*)(int version);

/// The root is of one version, no older than acknowledged.
template <TreeOf tree_of>
std::string judge_site() {
  {
    const auto recovered = begin(ProtocolChoice::portable, site());
    if (!recovered) return "recovery: " + recovered.error().message();
  }
  const std::string reason =
      versions::judge_file(site() + "/now", size, versions::last_acknowledged());
  if (!reason.empty()) return reason;
  const int version = version_of(site() + "/now");
  const std::string found = difference(site(), tree_of(version));
  return found.empty() ? "" : "of version " + std::to_string(version) + " " + found;
}

/// The source of version `version`: each path that it has then.
Tree source_of(int version) {
  Tree tree = {{"now", content(version)},
               {"same", file("it")},
               {"deep", directory},
               {"deep/now", content(version)},
               {"current", link(version)}};
  if (version % 2 == 1) {
    tree.insert({{"odd", file("it")},
                 {"tree", directory},
                 {"tree/a", content(version)},
                 {"tree/deep", directory},
                 {"tree/deep/b", file("it")},
                 {"kind", content(version)}});
  } else {
    tree.insert({{"even", directory},
                 {"even/a", content(version)},
                 {"kind", directory},
                 {"kind/a", content(version)}});
  }
  return tree;
}

/// By plain calls, and synced by nobody.
void make_tree(const fs::path& top, const Tree& tree) {
  fs::remove_all(top);
  fs::create_directory(top);
  for (const auto& [path, node] : tree) {
    if (node.type == fs::file_type::directory) fs::create_directory(top / path);
    if (node.type == fs::file_type::symlink) fs::create_symlink(node.text, top / path);
    if (node.type != fs::file_type::regular) continue;
    std::ofstream file(top / path, std::ios::binary);
    file << node.text;
    if (!file.flush()) std::exit(3);
  }
}

template <ProtocolChoice protocol>
void commit_mirror(int version) {
  const std::string source = root() + "/source";
  make_tree(source, source_of(version));
  fs::create_directory(site());
  auto opened = perdure::SourceTree::open(source, system_of_files(), {.symlinks = true});
  must(opened, "open the source");
  auto begun = begin(protocol, site());
  must(begun, "begin");
  must(begun.value().mirror(opened.value(), {}), "mirror");
  must(begun.value().commit(), "commit");
}

/// Copies of what was there before the commit, and of what the commit put.
Tree copies_of(int version) {
  const int before = version > 0 ? version - 1 : 0;
  Tree tree = {{"now", content(version)},
               {"before", content(before)},
               {"twin", content(version)},
               {"current", link(version)}};
  if (version % 2 == 1) {
    tree.insert({{"tree", directory},
                 {"tree/a", content(version)},
                 {"tree/deep", directory},
                 {"tree/deep/b", content(before)}});
  }
  return tree;
}

void commit_copies(int version) {
  fs::create_directory(site());
  auto begun = begin(ProtocolChoice::portable, site());
  must(begun, "begin");
  auto& transaction = begun.value();
  const auto copy = [&](const char* from, const char* to) {
    must(transaction.copy(from, to), "copy");
  };
  const auto put_now = [&] {
    must(transaction.put("now", versions::content(version, size)), "put");
  };
  if (version == 0) put_now();
  copy("now", "before");
  if (version > 0) put_now();
  copy("now", "twin");
  if (version % 2 == 1) {
    for (const char* path : {"tree", "tree/deep"}) {
      must(transaction.make_directory(path), "make a directory");
    }
    copy("now", "tree/a");
    copy("before", "tree/deep/b");
  } else if (version > 0) {
    must(transaction.remove_all("tree"), "remove all");
  }
  must(transaction.put_symlink("current", text_of(version)), "put a link");
  must(transaction.commit(), "commit");
}

std::string copy_at(int version) {
  return root() + "/copy-" + std::to_string(version);
}

// To read it back from the disk makes the kernel write first, which hides a sync that is missing:
// each second copy is not checked.
auto copy_site(int version) {
  perdure::TransactionOptions options;
  options.system = system_of_files();
  files().set_copying(true);
  auto copied =
      perdure::copy_root(site(), copy_at(version), {.checking = version % 2 == 0}, options);
  files().set_copying(false);
  return copied;
}

void make_copy(int version) {
  must(copy_site(version), "copy the root");
}

std::string judge_copy(int version) {
  const std::string found = difference(copy_at(version), copies_of(version));
  return found.empty() ? "" : "of copy " + std::to_string(version) + " " + found;
}

std::string judge_copies() {
  const std::string of_site = judge_site<copies_of>();
  if (!of_site.empty()) return of_site;
  const int acked = versions::last_acknowledged();
  const bool copied = versions::last_line() != std::to_string(acked);
  const int youngest = copied ? acked : acked - 1;
  for (int version = std::max(0, acked - 2); version <= acked + 1; ++version) {
    if (there(copy_at(version))) {
      const std::string reason = judge_copy(version);
      if (!reason.empty()) return reason;
    } else if (version <= youngest) {
      return "copy " + std::to_string(version) + " was acknowledged, and is gone";
    }
  }
  const int current = version_of(site() + "/now");
  if (there(copy_at(current))) return "";
  const auto again = copy_site(current);  // goes on with what the crash left
  return again ? judge_copy(current) : "another copy: " + again.error().message();
}

}  // namespace

Workloads tree_workloads() {
  return {
      {"mirror", {commit_mirror<ProtocolChoice::portable>, judge_site<source_of>}},
      {"automatic_mirror", {commit_mirror<ProtocolChoice::automatic>, judge_site<source_of>}},
      {"copies", {commit_copies, judge_site<copies_of>}},
      {"root_copy", {commit_copies, judge_copies, make_copy}},
  };
}

}  // namespace commits
