// SPDX-License-Identifier: BSL-1.0
// A target for the tests of metadata, and an ACL for it.
#pragma once

#include <cstdint>
#include <string>

#include <perdure/files.hpp>

#include "support/attributes.hpp"
#include "support/directory.hpp"

namespace perdure::test {

/// An ACL in which a user other than the owner may read.
inline std::string acl_of(std::uint16_t user, std::uint16_t others, std::uint32_t id = 4321) {
  return acl_value({{AclEntry::owner, 6},
                    {AclEntry::user, user, id},
                    {AclEntry::group_owner, 4},
                    {AclEntry::mask, 6},
                    {AclEntry::others, others}});
}

/// A target with old content, in a directory of its own.
struct Bench {
  Bench() { spit(target(), "old"); }
  [[nodiscard]] boost::filesystem::path target() const { return directory / "target"; }
  [[nodiscard]] Result<Receipt> commit(const WriteOptions& options = {}) const {
    return write_file(target(), "new", options);
  }
  TempDirectory directory;
};

}  // namespace perdure::test
