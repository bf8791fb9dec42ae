// SPDX-License-Identifier: BSL-1.0
// The C interface to files: write, read, remove, and the streamed write.
#include <memory>

#include <perdure/atomic_file.hpp>
#include <perdure/files.hpp>

#include "c/border.hpp"
#include "c/numbers.hpp"
#include "c/options.hpp"
#include "c/results.hpp"

struct perdure_file {
  perdure::AtomicFile file;
};

namespace perdure::c {
namespace {

constexpr std::string_view write_step = "write the file";
constexpr std::string_view create_step = "make the file";
constexpr std::string_view append_step = "append to the file";
constexpr std::string_view commit_step = "commit the file";
constexpr std::string_view discard_step = "discard the file";

/// Gives the facts of a commit to the caller, if he asked for them.
void hand_over_receipt(const Receipt& receipt, perdure_receipt** out) {
  if (out == nullptr) return;
  auto made = std::make_unique<perdure_receipt>();
  made->bytes = receipt.bytes;
  made->durability = number_of(receipt.durability);
  made->protocol = number_of(receipt.protocol);
  if (!receipt.version.is_absent()) made->version = to_string(receipt.version);
  *out = made.release();
}

}  // namespace
}  // namespace perdure::c

using namespace perdure;     // NOLINT(google-build-using-namespace)
using namespace perdure::c;  // NOLINT(google-build-using-namespace)

int perdure_write(const char* path, const void* bytes, size_t size,
                  const perdure_write_options* options, perdure_receipt** receipt,
                  perdure_error** error) {
  Fate thrown = Fate::unknown;
  return call(write_step, thrown, error, [&]() -> Result<void> {
    static_cast<void>(clear(receipt));
    BOOST_OUTCOME_TRY(const Path target, path_of(path, write_step));
    BOOST_OUTCOME_TRY(const Bytes image, bytes_of(bytes, size, write_step));
    BOOST_OUTCOME_TRY(const WriteOptions asked, options_of(options, write_step));
    BOOST_OUTCOME_TRY(const Receipt made, write_file(target, image, asked, system_of_calls()));
    thrown = reached(made.durability);
    hand_over_receipt(made, receipt);
    return success();
  });
}

int perdure_read(const char* path, uint64_t size_max, perdure_content** content,
                 perdure_error** error) {
  constexpr std::string_view step = "read the file";
  return call(step, Fate::unchanged, error, [&]() -> Result<void> {
    if (!clear(content)) return wrong_call(step, "the place for the content is NULL");
    BOOST_OUTCOME_TRY(const Path target, path_of(path, step));
    BOOST_OUTCOME_TRY(FileContent read, read_file(target, size_max, system_of_calls()));
    auto made = std::make_unique<perdure_content>();
    made->bytes = std::move(read.bytes);
    made->version = to_string(read.version);
    *content = made.release();
    return success();
  });
}

int perdure_remove(const char* path, const perdure_write_options* options, perdure_error** error) {
  constexpr std::string_view step = "remove the file";
  return call(step, Fate::unknown, error, [&]() -> Result<void> {
    BOOST_OUTCOME_TRY(const Path target, path_of(path, step));
    BOOST_OUTCOME_TRY(const WriteOptions asked, remove_options_of(options, step));
    return remove_file(target, asked, system_of_calls());
  });
}

int perdure_file_create(const char* path, const perdure_write_options* options, perdure_file** file,
                        perdure_error** error) {
  return call(create_step, Fate::unchanged, error, [&]() -> Result<void> {
    if (!clear(file)) return wrong_call(create_step, "the place for the handle is NULL");
    BOOST_OUTCOME_TRY(const Path target, path_of(path, create_step));
    BOOST_OUTCOME_TRY(WriteOptions asked, options_of(options, create_step));
    BOOST_OUTCOME_TRY(AtomicFile made,
                      AtomicFile::create(target, std::move(asked), system_of_calls()));
    *file = std::make_unique<perdure_file>(perdure_file{std::move(made)}).release();
    return success();
  });
}

int perdure_file_write(perdure_file* file, const void* bytes, size_t size, perdure_error** error) {
  return call(append_step, Fate::unchanged, error, [&]() -> Result<void> {
    if (file == nullptr) return wrong_call(append_step, "the handle is NULL");
    BOOST_OUTCOME_TRY(const Bytes more, bytes_of(bytes, size, append_step));
    return file->file.write(more);
  });
}

int perdure_file_commit(perdure_file* file, perdure_receipt** receipt, perdure_error** error) {
  Fate thrown = Fate::unknown;
  return call(commit_step, thrown, error, [&]() -> Result<void> {
    static_cast<void>(clear(receipt));
    if (file == nullptr) return wrong_call(commit_step, "the handle is NULL");
    BOOST_OUTCOME_TRY(const Receipt made, file->file.commit());
    thrown = reached(made.durability);
    hand_over_receipt(made, receipt);
    return success();
  });
}

int perdure_file_discard(perdure_file* file, perdure_error** error) {
  return call(discard_step, Fate::unchanged, error, [&]() -> Result<void> {
    if (file == nullptr) return wrong_call(discard_step, "the handle is NULL");
    return file->file.discard();
  });
}

void perdure_file_free(perdure_file* file) {
  delete file;
}
