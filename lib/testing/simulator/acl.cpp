// SPDX-License-Identifier: BSL-1.0
// Applies ACLs to modes, as the kernel does.
#include "testing/simulator/acl.hpp"

#include <algorithm>
#include <string>

#include "base/little_endian.hpp"

namespace perdure::testing::acl {

namespace {

enum Tag : std::uint16_t {
  owner_entry = 0x01,
  user_entry = 0x02,
  group_owner_entry = 0x04,
  group_entry = 0x08,
  mask_entry = 0x10,
  other_entry = 0x20,
};

constexpr std::size_t header_size = 4;  // the version, 2, in 32 bits
constexpr std::size_t entry_size = 8;   // tag, permissions, 16 bits each; id, 32 bits

struct Row {
  std::uint16_t tag = 0;
  std::uint16_t permissions = 0;
};

Row row_at(const Buffer& value, std::size_t at) {
  const Bytes row = Bytes(value).subspan(at);
  return {.tag = from_little_endian<std::uint16_t>(row),
          .permissions = from_little_endian<std::uint16_t>(row.subspan(2))};
}

void set_permissions(Buffer& value, std::size_t at, std::uint32_t permissions) {
  const auto bits = static_cast<std::uint16_t>(permissions & 7U);
  std::ranges::copy(little_endian_bytes(bits), &value[at + 2]);
}

bool well_formed(const Buffer& value) {
  if (value.size() < header_size || (value.size() - header_size) % entry_size != 0) return false;
  return from_little_endian<std::uint32_t>(value) == 2;
}

std::uint32_t shift_of(std::uint16_t tag) {
  return tag == owner_entry ? 6 : tag == other_entry ? 0 : 3;
}

}  // namespace

std::optional<Buffer> find(const Xattrs* xattrs, std::string_view name) {
  if (xattrs == nullptr) return std::nullopt;
  const auto at = std::ranges::find(*xattrs, name, &Xattr::name);
  if (at == xattrs->end()) return std::nullopt;
  return at->value;
}

std::optional<Reduced> reduce(const Buffer& value, std::uint32_t mode) {
  if (!well_formed(value)) return std::nullopt;
  Reduced reduced{.mode = mode & 07000U, .minimal = true};
  std::uint32_t seen = 0;
  std::uint32_t group = 0;
  std::optional<std::uint32_t> mask;
  for (std::size_t at = header_size; at < value.size(); at += entry_size) {
    const Row row = row_at(value, at);
    seen |= row.tag;
    switch (row.tag) {
      case owner_entry:
      case other_entry:
        reduced.mode |= std::uint32_t{row.permissions} << shift_of(row.tag);
        break;
      case group_owner_entry:
        group = row.permissions;
        break;
      case mask_entry:
        mask = row.permissions;
        reduced.minimal = false;
        break;
      case user_entry:
      case group_entry:
        reduced.minimal = false;
        break;
      default:
        return std::nullopt;
    }
  }
  constexpr std::uint32_t required = owner_entry | group_owner_entry | other_entry;
  if ((seen & required) != required) return std::nullopt;
  if ((seen & (user_entry | group_entry)) != 0 && !mask) return std::nullopt;
  reduced.mode |= mask.value_or(group) << 3U;
  return reduced;
}

namespace {

bool has_mask(const Buffer& value) {
  for (std::size_t at = header_size; at < value.size(); at += entry_size) {
    if (row_at(value, at).tag == mask_entry) return true;
  }
  return false;
}

}  // namespace

Buffer with_mode(Buffer value, std::uint32_t mode) {
  const std::uint16_t group_class = has_mask(value) ? mask_entry : group_owner_entry;
  for (std::size_t at = header_size; at < value.size(); at += entry_size) {
    const Row row = row_at(value, at);
    if (row.tag == owner_entry || row.tag == other_entry || row.tag == group_class) {
      set_permissions(value, at, mode >> shift_of(row.tag));
    }
  }
  return value;
}

void inherit(const Buffer& inherited, Inode& inode) {
  const auto reduced = reduce(inherited, 0);
  if (!reduced) return;
  inode.mode = (inode.mode & 07000U) | (inode.mode & reduced->mode);
  auto xattrs = std::make_shared<Xattrs>();
  if (!reduced->minimal) {
    xattrs->push_back({std::string(access_name), with_mode(inherited, inode.mode)});
  }
  if (inode.type == FileType::directory) xattrs->push_back({std::string(default_name), inherited});
  if (!xattrs->empty()) inode.xattrs = std::move(xattrs);
}

}  // namespace perdure::testing::acl
