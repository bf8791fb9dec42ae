// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

#include <perdure/system/environment.hpp>
#include <perdure/system/file_system.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/native.hpp>

namespace perdure::test {

/// An ext4 on which the protocol `fast` is allowed.
inline FileSystemInfo good_ext4() {
  FileSystemInfo info;
  info.type = "ext4";
  info.mount_options = {"rw", "relatime"};
  info.kernel_options = {"rw", "delalloc", "barrier", "data=ordered"};
  info.journal = JournalPlace::internal;
  info.fast_commit = false;
  info.dax = false;
  info.writeback_awaited = true;
  return info;
}

/// The file system below, whatever it is, said to be another one.
class Claiming : public ForwardingFileSystem {
 public:
  explicit Claiming(FileSystemInfo info, FileSystem& below = native_file_system())
      : ForwardingFileSystem(below), info_(std::move(info)) {}
  SysResult<FileSystemInfo> describe(Handle /*directory*/) override { return info_; }

 private:
  FileSystemInfo info_;
};

}  // namespace perdure::test
