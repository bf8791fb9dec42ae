// SPDX-License-Identifier: BSL-1.0
// Requests by libcurl, which is kept from sending a request again by itself.
#include "etcd/http.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <curl/curl.h>
#include <new>
#include <optional>
#include <utility>

#include "state/pause.hpp"

namespace perdure {
namespace {

/// Larger answers are not read: no state that this library commits needs one.
constexpr std::size_t answer_size_max = std::size_t{1} << 30U;

/// Longer lines of a stream are not read, either.
constexpr std::size_t line_size_max = std::size_t{1} << 20U;

/// How often libcurl began to send one request.
struct Begun {
  unsigned times = 0;
};

/// libcurl would send a request again if its idle connection had ended. It must not: the server may
/// have done the first one.
int begin_once(void* of, char* /*to*/, char* /*from*/, int /*to_port*/, int /*from_port*/) {
  return ++static_cast<Begun*>(of)->times == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  const std::size_t more = size * count;
  if (body.size() + more > answer_size_max) return 0;
  try {
    body.append(bytes, more);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return more;
}

/// The end of a request for which nobody waits any longer.
constexpr CURLcode stopped = CURLE_AGAIN;  // libcurl has it for raw connections alone

std::error_code cause_of(CURLcode code) {
  switch (code) {
    case stopped:
      return std::make_error_code(std::errc::operation_canceled);
    case CURLE_COULDNT_RESOLVE_HOST:
      return std::make_error_code(std::errc::host_unreachable);
    case CURLE_COULDNT_CONNECT:
      return std::make_error_code(std::errc::connection_refused);
    case CURLE_OPERATION_TIMEDOUT:
      return std::make_error_code(std::errc::timed_out);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_ABORTED_BY_CALLBACK:  // begin_once: the connection had ended
      return std::make_error_code(std::errc::connection_reset);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return key_rejected();
    case CURLE_OUT_OF_MEMORY:
      return std::make_error_code(std::errc::not_enough_memory);
    default:
      return std::make_error_code(std::errc::protocol_error);
  }
}

/// Whether the server refuses this client's certificate, or wants one. A client of TLS 1.3 gets
/// this error only when it waits for its answer. The server has not looked at the request: it ended
/// the handshake.
bool is_refused_certificate(std::string_view words) {
  const auto has = [&](std::string_view part) {
    return words.find(part) != std::string_view::npos;
  };
  return has(" alert ") && (has("ertificate") || has("unknown ca"));
}

/// Headers of one request.
class Headers {
 public:
  explicit Headers(const std::string& authorization) {
    add("Content-Type: application/json");
    add("Expect:");  // a large body would wait for leave to be sent
    if (!authorization.empty()) add("Authorization: " + authorization);
  }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_slist_free_all(list_); }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  void add(const std::string& line) {
    curl_slist* const longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }

  curl_slist* list_ = nullptr;
};

}  // namespace

std::error_code key_rejected() noexcept {
  return {EKEYREJECTED, std::generic_category()};
}

namespace {

/// A handle of libcurl that posts, as the options say.
class Curl {
 public:
  explicit Curl(const EtcdOptions& options) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    handle_ = ready == CURLE_OK ? curl_easy_init() : nullptr;
    if (handle_ == nullptr) throw std::bad_alloc();
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms.count()));
    const auto set_file = [&](CURLoption option, const std::string& file) {
      if (!file.empty()) set(option, file.c_str());
    };
    set_file(CURLOPT_CAINFO, options.ca_file);
    set_file(CURLOPT_SSLCERT, options.certificate_file);
    set_file(CURLOPT_SSLKEY, options.key_file);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_PREREQFUNCTION, begin_once);
    set(CURLOPT_WRITEFUNCTION, take);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
  ~Curl() { curl_easy_cleanup(handle_); }

  template <class Value>
  void set(CURLoption option, Value value) const {
    curl_easy_setopt(handle_, option, value);
  }
  /// Sets up a transfer. All arguments must outlive it.
  void begin(const std::string& url, std::string_view body, const Headers& headers, Begun& begun,
             std::string& answer) const {
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.data());
    set(CURLOPT_PREREQDATA, &begun);
    set(CURLOPT_WRITEDATA, &answer);
  }
  [[nodiscard]] CURL* get() const { return handle_; }

 private:
  CURL* handle_ = nullptr;
};

/// Keeps the connections of handles, and waits for transfers.
class Multi {
 public:
  Multi() {
    if (multi_ == nullptr) throw std::bad_alloc();
  }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { curl_multi_cleanup(multi_); }
  [[nodiscard]] CURLM* get() const { return multi_; }

 private:
  CURLM* multi_ = curl_multi_init();
};

/// The transfer of a handle, from its begin to its end.
class Transferred {
 public:
  Transferred(const Multi& multi, const Curl& curl)
      : multi_(multi), curl_(curl), added_(curl_multi_add_handle(multi.get(), curl.get())) {}
  Transferred(const Transferred&) = delete;
  Transferred& operator=(const Transferred&) = delete;
  ~Transferred() { curl_multi_remove_handle(multi_.get(), curl_.get()); }

  /// Does what can be done now. Returns whether there will be more.
  bool perform() const {
    int running = 0;
    return added_ == CURLM_OK && curl_multi_perform(multi_.get(), &running) == CURLM_OK &&
           running == 1;
  }
  enum class Polled { ready, nothing, failed };
  /// Waits until something can be done, but not longer than `timeout_ms`.
  [[nodiscard]] Polled poll(std::chrono::milliseconds timeout_ms) const {
    const auto timeout = static_cast<int>(timeout_ms.count());
    int ready = 0;
    if (curl_multi_poll(multi_.get(), nullptr, 0, timeout, &ready) != CURLM_OK) {
      return Polled::failed;
    }
    return ready > 0 ? Polled::ready : Polled::nothing;
  }
  /// Its end, when there is no more.
  [[nodiscard]] CURLcode result() const {
    int left = 0;
    const CURLMsg* const said = curl_multi_info_read(multi_.get(), &left);
    return said != nullptr && said->msg == CURLMSG_DONE ? said->data.result : CURLE_FAILED_INIT;
  }

 private:
  const Multi& multi_;
  const Curl& curl_;
  CURLMcode added_;
};

}  // namespace

struct HttpClient::Connections {
  explicit Connections(const EtcdOptions& options) : curl(options) {}
  Multi multi;
  Curl curl;
  /// The header of the last request, since most requests have the same.
  std::string authorization;
  std::optional<Headers> headers;
};

HttpClient::HttpClient(const EtcdOptions& options)
    : connections_(std::make_unique<Connections>(options)) {}

HttpClient::~HttpClient() = default;

HttpOutcome HttpClient::post(const std::string& url, std::string_view body,
                             const std::string& authorization, std::chrono::milliseconds timeout_ms,
                             const StopCondition& stop) {
  const Curl& curl = connections_->curl;
  HttpOutcome outcome;
  Begun begun;
  std::optional<Headers>& headers = connections_->headers;
  if (!headers || connections_->authorization != authorization) {
    headers.emplace(authorization);
    connections_->authorization = authorization;
  }
  std::array<char, CURL_ERROR_SIZE> words{};
  curl.begin(url, body, *headers, begun, outcome.body);
  curl.set(CURLOPT_ERRORBUFFER, words.data());
  curl.set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(timeout_ms.count())));
  const CURLcode code = [&] {
    const Transferred transfer(connections_->multi, curl);
    while (transfer.perform()) {
      const auto polled = transfer.poll(stop_slice);
      if (polled == Transferred::Polled::failed) return CURLE_FAILED_INIT;
      // An answer that comes at once is taken, even if the source says stop.
      if (polled == Transferred::Polled::nothing && stop.is_met()) return stopped;
    }
    return transfer.result();
  }();
  curl.set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  outcome.sent = begun.times > 0;
  if (code == CURLE_OK) {
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &outcome.status);
    return outcome;
  }
  outcome.cause = cause_of(code);
  outcome.words = words[0] != '\0' ? words.data() : curl_easy_strerror(code);
  if (is_refused_certificate(outcome.words)) {
    outcome.sent = false;
    outcome.cause = key_rejected();
  }
  return outcome;
}

struct HttpStream::Transfer {
  Transfer(const EtcdOptions& options, const std::string& url, std::string sent,
           const std::string& authorization)
      : curl(options), body(std::move(sent)), headers(authorization) {
    curl.begin(url, body, headers, begun, received);
    transferred.emplace(multi, curl);
  }

  [[nodiscard]] bool has_line() const { return received.find('\n') != std::string::npos; }

  Curl curl;
  std::string body;
  Begun begun;
  Headers headers;
  std::string received;
  Multi multi;
  std::optional<Transferred> transferred;
  bool over = false;
};

HttpStream::HttpStream(const EtcdOptions& options, const std::string& url, std::string body,
                       const std::string& authorization)
    : transfer_(std::make_unique<Transfer>(options, url, std::move(body), authorization)) {}

HttpStream::~HttpStream() = default;

void HttpStream::run(std::chrono::milliseconds timeout_ms) {
  Transfer& transfer = *transfer_;
  const auto perform = [&] {
    const bool works = transfer.transferred->perform();
    transfer.over = transfer.over || !works || transfer.received.size() > line_size_max;
  };
  if (!transfer.over) perform();
  if (transfer.over || transfer.has_line()) return;
  if (transfer.transferred->poll(timeout_ms) == Transferred::Polled::failed) {
    transfer.over = true;
  } else {
    perform();
  }
}

std::optional<std::string> HttpStream::take_line() {
  std::string& received = transfer_->received;
  const std::size_t end = received.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = received.substr(0, end);
  received.erase(0, end + 1);
  return line;
}

bool HttpStream::is_over() const {
  return transfer_->over;
}

}  // namespace perdure
