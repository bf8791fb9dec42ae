// SPDX-License-Identifier: BSL-1.0
// A short list inside its owner, whose unused places are zeros: states are compared byte by byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace perdure::model {

template <class T, std::size_t places>
class Row {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return items_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return items_[i]; }
  [[nodiscard]] T& back() noexcept { return items_[size_ - 1U]; }
  [[nodiscard]] T* begin() noexcept { return items_.data(); }
  [[nodiscard]] T* end() noexcept { return items_.data() + size_; }
  [[nodiscard]] const T* begin() const noexcept { return items_.data(); }
  [[nodiscard]] const T* end() const noexcept { return items_.data() + size_; }

  void push(const T& item) {
    if (size_ == places) throw std::length_error("the model is too small for this bound");
    items_[size_++] = item;
  }
  void erase(std::size_t at) {
    for (std::size_t i = at + 1; i < size_; ++i) items_[i - 1] = items_[i];
    items_[--size_] = T{};
  }
  void erase_first(std::size_t count) {
    for (std::size_t i = count; i < size_; ++i) items_[i - count] = items_[i];
    while (count-- > 0) items_[--size_] = T{};
  }
  void clear() noexcept { *this = {}; }

 private:
  std::array<T, places> items_{};
  std::uint8_t size_ = 0;
};

}  // namespace perdure::model
