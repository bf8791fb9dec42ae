// SPDX-License-Identifier: BSL-1.0
// The table of trust in SECURITY.md, as code.
#include "engine/trust.hpp"

#include "base/missing.hpp"

namespace perdure {
namespace {

constexpr std::uint32_t sticky_bit = 01000;
constexpr std::uint32_t shared_bits = 0022;
constexpr std::uint32_t root = 0;

}  // namespace

bool is_same_user(FileSystem& files, std::uint32_t one, std::uint32_t other) {
  return one == other && files.is_known_user(one);
}

bool is_user_or_root(FileSystem& files, std::uint32_t owner) {
  return owner == root || is_same_user(files, owner, files.user());
}

NameWriters name_writers(FileSystem& files, const Status& directory) {
  if (do_owners_matter(directory)) return NameWriters::sticky;
  if ((directory.mode & shared_bits) != 0) return NameWriters::many;
  return is_user_or_root(files, directory.owner) ? NameWriters::user : NameWriters::owner;
}

bool do_owners_matter(const Status& directory) {
  return (directory.mode & sticky_bit) != 0 && (directory.mode & shared_bits) != 0;
}

bool is_owner_trusted(FileSystem& files, const Status& directory, std::uint32_t owner) {
  return !do_owners_matter(directory) || is_user_or_root(files, owner) ||
         is_same_user(files, owner, directory.owner);
}

SysResult<std::optional<Keeper>> keeper_at(FileSystem& files, Handle directory,
                                           const std::string& leaf) {
  const auto kept = [&](const Status& of) {
    const bool other = of.owner != root && files.is_known_user(of.owner);
    return other ? std::optional(Keeper{of.owner, of.group}) : std::nullopt;
  };
  if (files.user() != root) return std::optional<Keeper>();
  BOOST_OUTCOME_TRY(const Status above, files.stat(directory));
  const auto existing = files.stat_at(directory, leaf);
  if (!existing && !is_missing(existing.error())) return existing.error();
  const bool decides = existing && existing.value().type == FileType::regular &&
                       is_owner_trusted(files, above, existing.value().owner);
  return kept(decides ? existing.value() : above);
}

SysResult<void> give_to(FileSystem& files, Handle made, const Keeper& keeper) {
  return files.set_owner(made, keeper.owner, keeper.group);
}

Result<void> check_owner(const Target& target, std::string_view step, std::string_view what,
                         std::uint32_t owner) {
  std::optional<Status> directory = target.directory_status;
  if (!directory) {
    if (is_user_or_root(target.files, owner)) return success();
    const auto status = target.files.stat(target.directory);
    if (!status) return target.failure(step, status.error());
    directory = status.value();
  }
  if (is_owner_trusted(target.files, *directory, owner)) return success();
  return target.failure(step, ErrorKind::untrusted,
                        std::string(what) + " belongs to user " + std::to_string(owner) +
                            ", and others may write to the directory, which is sticky; remove it, "
                            "or use a directory that only you can write to");
}

}  // namespace perdure
