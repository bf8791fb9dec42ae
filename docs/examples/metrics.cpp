// SPDX-License-Identifier: BSL-1.0
// Histograms of commits and of single system calls, and a line for each slow sync.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <iostream>
#include <string>

#include <perdure/perdure.hpp>
#include <perdure/system/environment.hpp>
#include <perdure/system/forwarding_file_system.hpp>
#include <perdure/system/observer.hpp>

namespace pd = perdure;
using namespace std::chrono_literals;

namespace {

/// Buckets that double: the first has less than 1 us, the last the rest. Any thread may add.
class Histogram {
 public:
  void add(std::chrono::nanoseconds time) noexcept {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(time / 1us, 0));
    ++buckets_[std::min<std::size_t>(std::bit_width(us), buckets_.size() - 1)];
  }
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& bucket : buckets_) sum += bucket;
    return sum;
  }
  void print(std::string_view name) const {
    std::cout << name << ":";
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] > 0) std::cout << "  <" << (std::uint64_t{1} << i) << "us " << buckets_[i];
    }
    std::cout << '\n';
  }

 private:
  std::array<std::atomic<std::uint64_t>, 32> buckets_{};
};

/// Commits, with the times of their stages, whoever makes them.
struct Metrics final : pd::Observer {
  void committed(const pd::CommitEnd& end) noexcept override {
    std::chrono::nanoseconds sum{};
    for (const pd::StageTime& stage : end.stages) sum += stage.time;
    commits.add(sum);
  }
  void failed(const pd::CommitEnd& end, const pd::Error& error) noexcept override {
    std::cerr << "failed behind " << end.stages.size() << " stages: " << error << '\n';
    ++failures;
  }
  void stage_ended(std::string_view path, const pd::StageTime& stage) noexcept override {
    if (!stage.stage.starts_with("sync")) return;
    syncs.add(stage.time);
    if (stage.time > 1s) std::cerr << "slow: " << stage.stage << " of " << path << '\n';
  }

  Histogram commits;
  Histogram syncs;
  std::atomic<int> failures = 0;
};

/// Single calls: of these it measures writes.
struct MeasuredDisk final : pd::ForwardingFileSystem {
  using ForwardingFileSystem::ForwardingFileSystem;
  pd::SysResult<std::size_t> write_at(pd::Handle file, std::uint64_t offset,
                                      pd::Bytes bytes) override {
    const auto begin = std::chrono::steady_clock::now();
    auto written = ForwardingFileSystem::write_at(file, offset, bytes);
    writes.add(std::chrono::steady_clock::now() - begin);
    return written;
  }
  Histogram writes;
};

pd::Result<void> write_reports(const pd::System& system) {
  for (int i = 0; i < 20; ++i) {
    BOOST_OUTCOME_TRY(auto file, pd::AtomicFile::create("report", {}, system));
    for (int line = 0; line < 10'000; ++line) {
      BOOST_OUTCOME_TRY(file.write("line " + std::to_string(line) + "\n"));
    }
    BOOST_OUTCOME_TRY(file.commit());
  }
  return pd::success();
}

}  // namespace

int main() {
  Metrics metrics;
  MeasuredDisk disk(pd::native_file_system());
  const pd::System system{&disk, &pd::native_environment(), &metrics};
  const auto written = write_reports(system);
  if (!written) return std::cerr << written.error() << '\n', 1;
  // One that fails, since the file exists.
  const auto refused =
      pd::write_file("report", "1", {.existing = pd::ExistingPolicy::keep}, system);
  metrics.commits.print("commits");
  metrics.syncs.print("syncs");
  disk.writes.print("writes");
  return !refused && metrics.commits.count() == 20 && metrics.failures == 1 ? 0 : 1;
}
