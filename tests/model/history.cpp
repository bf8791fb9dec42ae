// SPDX-License-Identifier: BSL-1.0
// Goes through all worlds that the promises allow.
#include "model/history.hpp"

namespace perdure::model {
namespace {

using Status = Promise::Status;

constexpr std::uint8_t bit_of(std::size_t path) {
  return static_cast<std::uint8_t>(1U << path);
}

bool is_open(const Promise& promise) {
  return promise.status == Status::pending || promise.status == Status::maybe;
}

/// Certain, whatever comes.
bool is_kept(const Promise& promise) {
  return promise.status == Status::kept;
}

/// Calls `look(tree, there)` for each world: `there` has a bit for each promise that came true.
template <class Look>
void for_each_world(const History& history, Look look) {
  const std::size_t count = history.promises.size();
  for (std::uint32_t there = 0; there < (1U << count); ++there) {
    Tree tree = history.tree;
    bool possible = true;
    for (std::size_t i = 0; i < count && possible; ++i) {
      const Promise& promise = history.promises[i];
      const bool came = (there >> i & 1U) != 0;
      const bool before_came = i > 0 && (there >> (i - 1) & 1U) != 0;
      possible = came ? !promise.chained || before_came : is_open(promise);
      for (std::size_t path = 0; came && path < path_count; ++path) {
        if ((promise.touched & bit_of(path)) != 0) tree[path] = promise.content[path];
      }
    }
    if (possible) look(tree, there);
  }
}

/// Forgets what makes no difference: what is certain goes into the tree, and what something certain
/// covers goes.
void simplify(History& history) {
  for (std::size_t path = 0; path < path_count; ++path) {
    std::size_t last = history.promises.size();
    for (std::size_t i = history.promises.size(); i-- > 0 && last == history.promises.size();) {
      const Promise& promise = history.promises[i];
      if (is_kept(promise) && (promise.touched & bit_of(path)) != 0) last = i;
    }
    if (last == history.promises.size()) continue;
    history.tree[path] = history.promises[last].content[path];
    for (std::size_t i = 0; i <= last; ++i) {
      Promise& promise = history.promises[i];
      promise.touched = static_cast<std::uint8_t>(promise.touched & ~bit_of(path));
      promise.content[path] = damaged;
    }
  }
  for (std::size_t i = history.promises.size(); i-- > 0;) {
    if (history.promises[i].touched != 0) continue;
    if (i + 1 < history.promises.size()) history.promises[i + 1].chained = false;
    history.promises.erase(i);
  }
}

}  // namespace

void promise(History& history, const Promise& wanted) {
  Promise made = wanted;
  for (std::size_t path = 0; path < path_count; ++path) {
    if ((made.touched & bit_of(path)) == 0) made.content[path] = damaged;
  }
  history.promises.push(made);
  simplify(history);
}

void begin(History& history) {
  for (Promise& promise : history.promises) {
    if (promise.status == Status::pending) promise.status = Status::maybe;
  }
}

void answer(History& history, Status status) {
  for (Promise& promise : history.promises) {
    if (promise.status != Status::pending) continue;
    promise.status = status;
    promise.chained = false;
  }
  simplify(history);
}

void take_back(History& history) {
  for (std::size_t i = history.promises.size(); i-- > 0;) {
    if (history.promises[i].status != Status::pending) continue;
    history.promises.erase(i);
    return;
  }
}

void lose_power(History& history) {
  for (Promise& promise : history.promises) {
    if (promise.status == Status::unsynced) promise.status = Status::maybe;
  }
}

bool allows(const History& history, const Tree& tree) {
  bool found = false;
  for_each_world(history,
                 [&](const Tree& world, std::uint32_t) { found = found || world == tree; });
  return found;
}

bool allows_at(const History& history, Path path, Content content) {
  bool found = false;
  for_each_world(history, [&](const Tree& world, std::uint32_t) {
    found = found || world[index_of(path)] == content;
  });
  return found;
}

void resolve(History& history, const Tree& tree) {
  std::uint32_t in_some = 0;
  std::uint32_t in_all = ~std::uint32_t{0};
  for_each_world(history, [&](const Tree& world, std::uint32_t there) {
    if (world != tree) return;
    in_some |= there;
    in_all &= there;
  });
  for (std::size_t i = history.promises.size(); i-- > 0;) {
    Promise& promise = history.promises[i];
    if (!is_open(promise)) continue;
    if ((in_some >> i & 1U) == 0) {
      if (i + 1 < history.promises.size()) history.promises[i + 1].chained = false;
      history.promises.erase(i);
    } else if ((in_all >> i & 1U) != 0) {
      promise.status = Status::kept;
    }
  }
  simplify(history);
}

}  // namespace perdure::model
