// SPDX-License-Identifier: BSL-1.0
// The cost of a save in etcd, beside the same bytes put by a call of libcurl that was written by
// hand: a transaction that compares the key's mod_revision and puts 4 KiB, over one connection.
//   bench_etcd URL [SECONDS]      of a server that nobody else uses; 10 seconds unless given
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <curl/curl.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/etcd.hpp>
#include <perdure/state_tracker.hpp>

#include "bench/rounds.hpp"

namespace {

using perdure::bench::Candidate;

struct Text {
  std::uint64_t number = 0;
  std::string content;
};
BOOST_DESCRIBE_STRUCT(Text, (), (number, content))

constexpr std::size_t size = 4096;

/// The call by hand. Three bytes are four letters of base64: these are "AAA" again and again.
class ByHand {
 public:
  explicit ByHand(const std::string& url) : url_(url + "/v3/kv/txn") {
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    curl_easy_setopt(curl_, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &ByHand::take);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer_);
  }
  ByHand(const ByHand&) = delete;
  ByHand& operator=(const ByHand&) = delete;
  ~ByHand() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
  }

  bool put() {
    std::string body = R"({"compare":[{"key":"aGFuZA==","target":"MOD","result":"EQUAL",)";
    body += R"("mod_revision":")" + std::to_string(revision_) + R"("}],)";
    body += R"("success":[{"requestPut":{"key":"aGFuZA==","value":")";
    for (std::size_t i = 0; i < size / 3; ++i) body += "QUFB";
    body += R"("}}]})";
    answer_.clear();
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.c_str());
    if (curl_easy_perform(curl_) != CURLE_OK) return false;
    constexpr std::string_view name = R"("revision":")";
    const std::size_t at = answer_.find(name);
    if (at == std::string::npos || answer_.find(R"("succeeded":true)") == std::string::npos) {
      return false;
    }
    const char* const digits = answer_.data() + at + name.size();
    std::from_chars(digits, answer_.data() + answer_.size(), revision_);
    return true;
  }

 private:
  static std::size_t take(char* bytes, std::size_t one, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(bytes, one * count);
    return one * count;
  }

  CURL* curl_ = curl_easy_init();
  std::string url_;
  curl_slist* headers_ = nullptr;
  std::string answer_;
  std::uint64_t revision_ = 0;
};

/// A tracker whose state has 4 KiB as it is stored.
perdure::StateTracker<Text> open_tracker(const perdure::EtcdOptions& options,
                                         const std::string& name, std::uint32_t previous_max) {
  auto store = perdure::open_etcd_store("bench/" + name, options).value();
  auto tracker =
      perdure::StateTracker<Text>::open(std::move(store), {.previous_max = previous_max}).value();
  const auto save = [&](std::size_t length) {
    return tracker.update([length](Text& text) { text = {.content = std::string(length, 'A')}; })
        .value()
        .receipt.bytes;
  };
  const std::size_t beside = save(0);
  if (save(size - beside) != size) throw std::runtime_error("the state has not 4 KiB");
  return tracker;
}

int run(const std::string& url, double seconds) {
  perdure::EtcdOptions options;
  options.endpoints = {url};
  ByHand by_hand(url);
  auto tracker = open_tracker(options, "tracker", 1);
  auto bare = open_tracker(options, "bare", 0);
  const auto store = perdure::open_etcd_store("bench/store", options).value();
  perdure::Revision revision = store->revision().value();
  const std::string content(size, 'A');
  const auto edit = [](Text& text) { text.number = (text.number + 1) % 10; };
  const auto commit = [&] {
    auto done = store->commit(
        {.image = perdure::as_bytes(content), .expected = revision, .keep_as = {}, .drop = {}});
    if (done) revision = done.value().revision;
    return done.has_value();
  };
  std::vector<Candidate> all = {
      {.name = "by hand", .turn = [&] { return by_hand.put(); }},
      {.name = "a commit of the store", .turn = commit},
      {.name = "a save, no previous one kept", .turn = [&] { return bool(bare.update(edit)); }},
      {.name = "a save, one previous one kept", .turn = [&] { return bool(tracker.update(edit)); }},
  };
  perdure::bench::run_rounds(all, {.rounds_min = 50, .rounds_max = 100'000, .seconds = seconds});
  const double base = perdure::bench::spread_of(all.front().times_s).median;
  std::printf("%-32s %9s %9s %9s %7s\n", "4 KiB", "quarter", "median", "3/4 us", "ratio");
  for (const Candidate& one : all) {
    if (one.failed) {
      std::printf("%-32s failed\n", one.name.c_str());
      continue;
    }
    const auto spread = perdure::bench::spread_of(one.times_s);
    std::printf("%-32s %9.0f %9.0f %9.0f %7.3f  (%zu rounds)\n", one.name.c_str(),
                spread.quarter * 1e6, spread.median * 1e6, spread.three_quarters * 1e6,
                spread.median / base, one.times_s.size());
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "bench_etcd URL [SECONDS]\n");
    return 2;
  }
  return run(argv[1], argc > 2 ? std::strtod(argv[2], nullptr) : 10);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_etcd: %s\n", error.what());
  return EXIT_FAILURE;
}
