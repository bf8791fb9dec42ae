// SPDX-License-Identifier: BSL-1.0
// A file system with SELinux labels, for kernels without SELinux.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <perdure/system/forwarding_file_system.hpp>

namespace perdure::test {

inline const std::string label_name = "security.selinux";

/// Gives each file a label as the kernel's security/selinux/hooks.c does: a new one that of its
/// directory, one of which it knows nothing `untold`. Nobody can remove a label.
class Labelling final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  std::string untold = "etc_t";
  std::optional<std::errc> refusal;        ///< Of each change of a label.
  bool for_mount = false;                  ///< One label for all files (`context=`): `untold`.
  std::set<std::string> without;           ///< Names of files that have none on their disk.
  std::string watched = "new";             ///< A content.
  std::set<std::string> labels_of_writes;  ///< Of files, as they got that content.
  int changes = 0;

  void give(const std::string& path, const std::string& label) {
    labels_[key(base().stat_at(Handle::working_directory, path).value())] = label;
  }
  std::string label_of(const std::string& path) {
    return told(base().stat_at(Handle::working_directory, path).value());
  }

  SysResult<Handle> create(Handle directory, const std::string& name, std::uint32_t mode) override {
    return labelled(base().create(directory, name, mode), directory);
  }
  SysResult<Handle> create_unnamed(Handle directory, std::uint32_t mode) override {
    return labelled(base().create_unnamed(directory, mode), directory);
  }
  SysResult<std::size_t> write_at(Handle file, std::uint64_t offset, Bytes bytes) override {
    if (as_text(bytes) == watched) labels_of_writes.insert(told(base().stat(file).value()));
    return base().write_at(file, offset, bytes);
  }
  SysResult<std::vector<std::string>> list_xattrs(Handle file) override {
    auto names = base().list_xattrs(file);
    if (names && !for_mount) names.value().push_back(label_name);
    return names;
  }
  SysResult<std::vector<std::string>> list_xattrs_at(Handle at, const std::string& name) override {
    auto names = base().list_xattrs_at(at, name);
    if (names && !without.contains(name)) names.value().push_back(label_name);
    return names;
  }
  SysResult<Buffer> get_xattr(Handle file, const std::string& xattr) override {
    if (xattr != label_name) return base().get_xattr(file, xattr);
    return bytes_of(told(base().stat(file).value()));
  }
  SysResult<Buffer> get_xattr_at(Handle at, const std::string& name,
                                 const std::string& xattr) override {
    if (xattr != label_name) return base().get_xattr_at(at, name, xattr);
    return bytes_of(told(base().stat_at(at, name).value()));
  }
  SysResult<void> set_xattr(Handle file, const std::string& xattr, Bytes value) override {
    if (xattr != label_name) return base().set_xattr(file, xattr, value);
    if (for_mount) return std::make_error_code(std::errc::operation_not_supported);
    if (refusal) return std::make_error_code(*refusal);
    ++changes;
    const auto* const first = reinterpret_cast<const char*>(value.data());
    labels_[key(base().stat(file).value())] = std::string(first, value.size());
    return success();
  }
  SysResult<void> remove_xattr(Handle file, const std::string& xattr) override {
    if (xattr != label_name) return base().remove_xattr(file, xattr);
    return std::make_error_code(std::errc::permission_denied);
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  static Key key(const Status& status) { return {status.version.device, status.version.inode}; }
  static Buffer bytes_of(const std::string& label) {
    const auto* const first = reinterpret_cast<const std::byte*>(label.data());
    return {first, first + label.size()};
  }
  std::string told(const Status& status) const {
    const auto found = labels_.find(key(status));
    return for_mount || found == labels_.end() ? untold : found->second;
  }
  SysResult<Handle> labelled(SysResult<Handle> made, Handle directory) {
    if (made) {
      labels_[key(base().stat(made.value()).value())] = told(base().stat(directory).value());
    }
    return made;
  }

  std::map<Key, std::string> labels_;
};

}  // namespace perdure::test
