// SPDX-License-Identifier: BSL-1.0
// Takes the address of a state apart.
#include "options/state_address.hpp"

#include <cstdlib>

#include <perdure/files.hpp>

#ifdef PERDURE_HAS_ETCD
#include <perdure/etcd.hpp>
#endif

namespace perdure::cli {

namespace {

constexpr std::string_view plain = "etcd://";
constexpr std::string_view by_tls = "etcds://";

Error refusal(ErrorKind kind, const std::string& address, std::string words) {
  return {.kind = kind,
          .cause = {},
          .step = "open the state",
          .path = address,
          .detail = std::move(words),
          .reading = true};
}

#ifdef PERDURE_HAS_ETCD

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The password comes from a file, which keeps it out of the environment, or from a variable.
Result<std::string> password(System system) {
  const std::string file = variable("PERDURE_ETCD_PASSWORD_FILE");
  if (file.empty()) return variable("PERDURE_ETCD_PASSWORD");
  constexpr std::uint64_t size_max = 4096;
  BOOST_OUTCOME_TRY(const auto content, read_file(file, size_max, system));
  std::string text(as_text(content.bytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

#endif

}  // namespace

bool is_etcd_address(std::string_view address) {
  return address.starts_with(plain) || address.starts_with(by_tls);
}

Result<void> check_address_options(const std::string& address, const FileStoreOptions& options) {
  if (options.durability == Durability::durable && options.protocol == ProtocolChoice::portable) {
    return success();
  }
  return refusal(ErrorKind::invalid_argument, address, "--durability and --protocol are for files");
}

#ifdef PERDURE_HAS_ETCD

Result<std::unique_ptr<StateStore>> open_etcd_address(const std::string& address,
                                                      std::uint64_t size_max, System system) {
  const bool tls = address.starts_with(by_tls);
  const std::string rest = address.substr(tls ? by_tls.size() : plain.size());
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == rest.size()) {
    return refusal(ErrorKind::invalid_argument, address,
                   "an address is etcd://HOST:PORT/PREFIX, and has several HOST:PORT with commas");
  }
  EtcdOptions options;
  options.endpoints.clear();
  for (std::size_t begin = 0; begin < slash;) {
    const std::size_t end = std::min(rest.find(',', begin), slash);
    options.endpoints.push_back((tls ? "https://" : "http://") + rest.substr(begin, end - begin));
    begin = end + 1;
  }
  options.size_max = size_max;
  options.user = variable("PERDURE_ETCD_USER");
  BOOST_OUTCOME_TRY(options.password, password(system));
  options.ca_file = variable("PERDURE_ETCD_CA_FILE");
  options.certificate_file = variable("PERDURE_ETCD_CERTIFICATE_FILE");
  options.key_file = variable("PERDURE_ETCD_KEY_FILE");
  auto store = open_etcd_store(rest.substr(slash + 1), options, system);
  if (!store && store.error().path.empty()) store.error().path = address;
  return store;
}

#else

Result<std::unique_ptr<StateStore>> open_etcd_address(const std::string& address,
                                                      std::uint64_t /*size_max*/,
                                                      System /*system*/) {
  return refusal(ErrorKind::unsupported, address,
                 "this perdure was built without etcd (PERDURE_BUILD_ETCD)");
}

#endif

}  // namespace perdure::cli
