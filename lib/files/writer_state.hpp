// SPDX-License-Identifier: BSL-1.0
// The part of a writer that knows how its commits are made.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <perdure/bytes.hpp>
#include <perdure/error.hpp>
#include <perdure/receipt.hpp>
#include <perdure/serializer.hpp>

namespace perdure::detail {

class PostedCommit;

struct WriterState {
  WriterState() = default;
  WriterState(const WriterState&) = delete;
  WriterState& operator=(const WriterState&) = delete;
  virtual ~WriterState() = default;

  /// The content is the image, or what `produce` writes, if there is one.
  virtual Result<Receipt> commit(const std::string& leaf, Bytes image,
                                 std::function<Result<void>(Sink&)> produce,
                                 const std::optional<Version>& expected) const = 0;
  /// The same, left to the writer's group. Made at once where it waits for none.
  virtual std::shared_ptr<PostedCommit> commit_later(
      const std::string& leaf, Bytes image, std::function<Result<void>(Sink&)> produce,
      const std::optional<Version>& expected) const = 0;
};

}  // namespace perdure::detail
