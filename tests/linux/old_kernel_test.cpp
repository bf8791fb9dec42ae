// SPDX-License-Identifier: BSL-1.0
// Linux before 6.13 has no listxattrat and getxattrat; there, attributes are read by way of /proc.
// A filter makes this process live on such a kernel. Before 5.2 sync_file_range(2) does not await
// all that it should. A program of its own: what the kernel knows is asked once, and the filter
// stays.
#include <array>
#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <perdure/perdure.hpp>

#include "support/catch.hpp"
#include "support/directory.hpp"

namespace {

constexpr unsigned getxattrat_number = 464;
constexpr unsigned listxattrat_number = 465;

/// From here on the two calls return ENOSYS to this process (seccomp(2)).
bool forget_calls() {
  std::array<sock_filter, 5> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, getxattrat_number, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, listxattrat_number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

// The kernel itself says that it is an old one, to those who ask for it (personality(2)).
TEST_CASE("a kernel before 5.2 is known for one whose writeback can't be awaited", "[P3]") {
  using namespace perdure;
  FileSystem& files = native_file_system();
  if (::personality(UNAME26) < 0) {
    perdure::test::skip("this kernel can't pass for an older one");
    return;
  }
  const auto opened = files.open_directory(Handle::working_directory, ".");
  REQUIRE(opened.has_value());
  const OwnedHandle directory(files, opened.value());
  const auto info = files.describe(directory.get());
  (void)::personality(PER_LINUX);
  REQUIRE(info.has_value());
  CHECK_FALSE(info.value().writeback_awaited);
  CHECK_FALSE(info.value().sync_reports);
}

TEST_CASE("a kernel without listxattrat and getxattrat keeps extended attributes all the same",
          "[P6]") {
  const perdure::test::TempDirectory directory;
  const std::string target = directory.file("target");
  REQUIRE(perdure::write_file(target, "old").has_value());
  const std::string large(2000, 'v');  // more than the first guess at a size
  const bool supported =
      ::setxattr(target.c_str(), "user.large", large.data(), large.size(), 0) == 0;
  if (!supported || !forget_calls()) {
    perdure::test::skip("no attributes of users here, or no filter is allowed");
    return;
  }
  CHECK(::syscall(listxattrat_number, -1, "x", 0, nullptr, 0) == -1);
  CHECK(errno == ENOSYS);

  CHECK(perdure::write_file(target, "new").has_value());

  std::string kept(large.size() + 1, '\0');
  CHECK(::getxattr(target.c_str(), "user.large", kept.data(), kept.size()) ==
        static_cast<ssize_t>(large.size()));
  kept.resize(large.size());
  CHECK(kept == large);
}
