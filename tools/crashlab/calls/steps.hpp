// SPDX-License-Identifier: BSL-1.0
// The operations of scripts, by paths beneath a root. Each must succeed: it throws otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include <perdure/system/file_system.hpp>

#include "calls/tree.hpp"

namespace crashlab::calls {

class Steps {
  using Handle = perdure::Handle;
  using OwnedHandle = perdure::OwnedHandle;

  // Defined before their use, since they return the type of a callable.
  template <class Call>
  auto at(const std::string& path, Call call) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return call(root_, path);
    const OwnedHandle parent = directory(path.substr(0, slash));
    return call(parent.get(), path.substr(slash + 1));
  }
  template <class Call>
  void two(const std::string& from, const std::string& to, Call call) {
    at(from, [&](Handle one, const std::string& name) {
      at(to, [&](Handle other, const std::string& new_name) { call(one, name, other, new_name); });
    });
  }

 public:
  Steps(perdure::FileSystem& files, Handle root) : files_(files), root_(root) {}

  perdure::FileSystem& files() { return files_; }

  OwnedHandle directory(const std::string& path) {
    return {files_, value_of(files_.open_beneath(root_, path))};
  }
  OwnedHandle create(const std::string& path) {
    return at(path, [&](Handle directory, const std::string& name) {
      return OwnedHandle(files_, value_of(files_.create(directory, name, file_mode)));
    });
  }
  /// Open for writing.
  OwnedHandle open(const std::string& path) {
    return at(path, [&](Handle directory, const std::string& name) {
      return OwnedHandle(files_, value_of(files_.open_lock(directory, name)));
    });
  }
  bool is_directory(const std::string& path) {
    return at(path, [&](Handle directory, const std::string& name) {
      return value_of(files_.stat_at(directory, name)).type == perdure::FileType::directory;
    });
  }

  void write(const OwnedHandle& file, char letter, std::uint64_t offset = 0,
             std::size_t count = size) {
    const std::string text(count, letter);
    const auto bytes = perdure::as_bytes(text);
    if (value_of(files_.write_at(file.get(), offset, bytes)) != count) std::terminate();
  }
  /// One block, past the page cache.
  void write_through(const std::string& path, char letter, std::uint64_t block) {
    constexpr std::size_t block_size = 4096;
    alignas(block_size) std::array<std::byte, block_size> bytes;
    bytes.fill(static_cast<std::byte>(letter));
    const OwnedHandle file = at(path, [&](Handle directory, const std::string& name) {
      return OwnedHandle(files_, value_of(files_.open_direct(directory, name)));
    });
    const auto count = value_of(files_.write_through(file.get(), block * block_size, bytes));
    if (count != block_size) std::terminate();
  }
  void sync(const OwnedHandle& file) { value_of(files_.sync_file(file.get())); }
  void await(const OwnedHandle& file) { value_of(files_.await_writeback(file.get())); }
  void preallocate(const OwnedHandle& file, std::uint64_t bytes = size) {
    value_of(files_.preallocate(file.get(), bytes));
  }
  void sync_directory(const std::string& path) {
    const OwnedHandle directory = this->directory(path);
    value_of(files_.sync_directory(directory.get()));
  }
  void sync_root() { value_of(files_.sync_directory(root_)); }
  void sync_everything() { value_of(files_.sync_file_system(root_)); }

  void rename(const std::string& from, const std::string& to,
              perdure::RenameMode mode = perdure::RenameMode::replace) {
    two(from, to,
        [&](Handle one, const std::string& name, Handle other, const std::string& new_name) {
          value_of(files_.rename(one, name, other, new_name, mode));
        });
  }
  void link(const std::string& from, const std::string& to) {
    two(from, to,
        [&](Handle one, const std::string& name, Handle other, const std::string& new_name) {
          value_of(files_.link(one, name, other, new_name));
        });
  }
  void unlink(const std::string& path) {
    at(path, [&](Handle directory, const std::string& name) {
      value_of(files_.unlink(directory, name));
    });
  }
  void make_directory(const std::string& path) {
    at(path, [&](Handle directory, const std::string& name) {
      value_of(files_.make_directory(directory, name, directory_mode));
    });
  }
  void remove_directory(const std::string& path) {
    at(path, [&](Handle directory, const std::string& name) {
      value_of(files_.remove_directory(directory, name));
    });
  }

 private:
  perdure::FileSystem& files_;
  Handle root_;
};

}  // namespace crashlab::calls
