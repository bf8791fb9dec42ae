// SPDX-License-Identifier: BSL-1.0
// The words by which a commit of one file refuses: each is asserted here alone. Other tests assert
// kind, fate and step.
#include <cerrno>
#include <string>
#include <vector>

#include <perdure/perdure.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/testing/faulty_file_system.hpp>

#include "support/attributes.hpp"
#include "support/claiming.hpp"
#include "support/directory.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

using namespace perdure;
using test::TempDirectory;
using test::words_of;
using testing::FaultyFileSystem;
using testing::Operation;
namespace fs = boost::filesystem;

namespace {

System over(FileSystem& files) {
  return {.files = &files, .environment = &native_environment()};
}

std::string made_twice(const TempDirectory& at) {
  REQUIRE_OK(write_file(at / "target", "1", {.expected = Version::absent()}));
  return words_of(write_file(at / "target", "2", {.expected = Version::absent()}));
}

std::string locked(const TempDirectory& at) {
  const WriteOptions options{.coordinate = true, .lock_timeout_ms = std::chrono::milliseconds(0)};
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::try_lock, .error = EWOULDBLOCK, .from_then_on = true});
  return words_of(write_file(at / "target", "new", options, over(files)));
}

std::string stopped(const TempDirectory& at) {
  WriteOptions options;
  options.coordinate = true;
  options.stop = [] { return true; };
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::try_lock, .error = EWOULDBLOCK, .from_then_on = true});
  return words_of(write_file(at / "target", "new", options, over(files)));
}

std::string parent_that_stays(const TempDirectory& at) {
  FaultyFileSystem files(native_file_system());
  files.fail({.operation = Operation::sync_directory, .call = 2, .error = EIO});
  files.fail({.operation = Operation::remove_directory, .error = EIO});
  return words_of(write_file(at / "a/target", "new", {.make_parents = true}, over(files)));
}

std::string fast_in_memory(const TempDirectory& at) {
  FileSystemInfo info;
  info.type = "tmpfs";
  test::Claiming files(info);
  return words_of(
      write_file(at / "target", "new", {.protocol = ProtocolChoice::fast}, over(files)));
}

/// Refuses every value.
struct Refusing {
  static Result<void> serialize(int /*value*/, Sink& /*sink*/) {
    Error error{.kind = ErrorKind::serializer, .cause = {}, .step = {}, .path = {}, .detail = {}};
    error.detail = "odd numbers only";
    return error;
  }
};

std::string refused_by_serializer(const TempDirectory& at) {
  const auto writer = AtomicWriter::bind(at.path());
  REQUIRE_OK(writer);
  return words_of(writer.value().commit("target", 2, Refusing()));
}

/// Another user than the owner replaces "target", and is to keep all of its metadata.
std::string replaced_by_nobody(const TempDirectory& at) {
  REQUIRE(::chmod(at.path().c_str(), test::mode_of(at.path()) | 0777U) == 0);
  WriteOptions options;
  options.metadata.keep_special = true;
  return test::as_user(test::nobody,
                       [&] { return words_of(write_file(at / "target", "new", options)); });
}

std::string owner_of_another(const TempDirectory& at) {
  test::spit(at / "target", "old");
  return replaced_by_nobody(at);
}

std::string capability(const TempDirectory& at) {
  test::spit(at / "target", "old");
  REQUIRE(::chown((at / "target").c_str(), test::nobody, test::nobody) == 0);
  std::string value(20, '\0');  // cap_net_bind_service=ep, as linux/capability.h lays it out
  value[0] = 1;
  value[3] = 2;
  value[5] = 4;
  test::set_attribute(at / "target", "security.capability", value);
  return replaced_by_nobody(at);
}

/// The directory's own bit gives the file its group, and chmod(2) drops the file's bit in silence.
std::string set_group_id(const TempDirectory& at) {
  test::spit(at / "target", "old");
  REQUIRE(::chown(at.path().c_str(), test::nobody, 5678) == 0);
  REQUIRE(::chmod(at.path().c_str(), 02777) == 0);
  REQUIRE(::chown((at / "target").c_str(), test::nobody, 5678) == 0);
  REQUIRE(::chmod((at / "target").c_str(), 02755) == 0);
  return replaced_by_nobody(at);
}

std::string planted_link(const TempDirectory& at) {
  fs::permissions(at.path(), fs::perms(0755));
  fs::create_directory(at / "links");
  test::spit(at / "target", "old");
  REQUIRE(::chmod((at / "links").c_str(), 01777) == 0);
  REQUIRE(test::as_user(test::nobody, [&]() -> std::string {
            fs::create_symlink("../target", at / "links/planted");
            return "done";
          }) == "done");
  return words_of(write_file(at / "links/planted", "new"));
}

std::string missing_directory(const TempDirectory& at) {
  return words_of(write_file(at / "none/target", "new"));
}

std::string missing_file(const TempDirectory& at) {
  return words_of(read_file(at / "none"));
}

std::string removed_before(const TempDirectory& at) {
  return words_of(remove_file(at / "none"));
}

std::string link_into_nowhere(const TempDirectory& at) {
  fs::create_symlink("none/target", at / "link");
  return words_of(write_file(at / "link", "new"));
}

/// Has no inodes left.
struct Crowded : ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  SysResult<Handle> create(Handle /*at*/, const std::string& /*name*/, std::uint32_t) override {
    return std::make_error_code(std::errc::no_space_on_device);
  }
  SysResult<FileSystemInfo> describe(Handle /*directory*/) override {
    FileSystemInfo info;
    info.space_free = 4096;
    info.files_free = 0;
    return info;
  }
};

std::string no_inodes(const TempDirectory& at) {
  Crowded files(native_file_system());
  return words_of(write_file(at / "target", "new", {}, over(files)));
}

/// Another user than the owner replaces a file in a directory like /tmp.
std::string sticky(const TempDirectory& at) {
  REQUIRE(::chmod(at.path().c_str(), 01777) == 0);
  test::spit(at / "target", "old", 0666);
  return test::as_user(test::nobody, [&] {
    return words_of(write_file(at / "target", "new", {.metadata = Metadata::fixed(0644)}));
  });
}

std::string sticky_removal(const TempDirectory& at) {
  REQUIRE(::chmod(at.path().c_str(), 01777) == 0);
  test::spit(at / "target", "old", 0666);
  return test::as_user(test::nobody, [&] { return words_of(remove_file(at / "target")); });
}

std::string unreadable(const TempDirectory& at) {
  REQUIRE(::chmod(at.path().c_str(), 0733) == 0);
  return test::as_user(test::nobody, [&] { return words_of(write_file(at / "target", "new")); });
}

struct Row {
  const char* name;
  std::string (*provoke)(const TempDirectory&);
  std::vector<std::string> words;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const TempDirectory at;
    INFO(row.name);
    const std::string said = row.provoke(at);
    CHECK(said.starts_with("'" + at.path().native()));
    CHECK(said.find("Connection timed out") == std::string::npos);
    for (const auto& words : row.words) CHECK_THAT(said, test::Contains(words));
  }
}

}  // namespace

TEST_CASE("each refusal of a commit names the path, and says what to do", "[P19]") {
  check({
      {"expected to be absent", made_twice, {"the target exists already"}},
      {"locked by another",
       locked,
       {"another program held the lock", "(.target.perdure-lock)", "wait longer"}},
      {"told to stop",
       stopped,
       {"this program was told to stop", "(.target.perdure-lock)", "call again"}},
      {"a missing directory", missing_directory, {"No such file or directory", "make_parents"}},
      {"a missing file", missing_file, {"No such file or directory; check the path"}},
      {"nothing to remove", removed_before, {"it is gone already"}},
      {"a link into nowhere", link_into_nowhere, {"mend the link"}},
      {"no inodes", no_inodes, {"no file may be added", "df -i"}},
      {"a directory that stays", parent_that_stays, {"may be lost in a power cut"}},
      {"fast in memory", fast_in_memory, {"tmpfs"}},
      {"the serializer's words",
       refused_by_serializer,
       {"target': could not serialize: odd numbers only; the target is unchanged"}},
  });
}

TEST_CASE("each refusal that another user hears names the path, and says what to do", "[P19]") {
  if (!test::is_root()) return test::skip("needs root to be another user");
  const std::string advice = "can't be kept; write as its owner, or ";
  check({
      {"owner",
       owner_of_another,
       {"owner and group of the target " + advice + "say whose", "is unchanged"}},
      {"capability",
       capability,
       {"security.capability of the target " + advice + "with fixed metadata"}},
      {"mode", set_group_id, {"the mode of the target " + advice + "with fixed metadata"}},
      {"a link of another user's", planted_link, {"belongs to user 65534", "name the file itself"}},
      {"a sticky directory", sticky, {"could not publish", "sticky", "write as the owner"}},
      {"a removal from one", sticky_removal, {"could not remove", "sticky", "write as the owner"}},
      {"a directory that can't be read", unreadable, {"chmod u+rx"}},
  });
}
