// SPDX-License-Identifier: BSL-1.0
// Who may reach the state in etcd: TLS, certificates of clients, users and their passwords.
#include <string>
#include <vector>

#include "control.hpp"
#include "server.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

using namespace perdure;        // NOLINT(google-build-using-namespace)
using namespace perdure::test;  // NOLINT(google-build-using-namespace)

namespace {

/// Authorities and certificates in a directory of the test's own.
class Certificates {
 public:
  Certificates() { is_there_ = make("ca", {}) && make("other-ca", {}); }
  [[nodiscard]] bool is_there() const { return is_there_; }

  [[nodiscard]] std::string certificate(const std::string& name) const { return at_.file(name); }
  [[nodiscard]] std::string key(const std::string& name) const { return at_.file(name + ".key"); }
  /// Makes a certificate by this authority; by itself without one.
  [[nodiscard]] bool make(const std::string& name, const std::string& by) const {
    std::vector<std::string> words = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"};
    words.insert(words.end(), {"-days", "2", "-subj", "/CN=" + name, "-addext"});
    words.insert(words.end(), {"subjectAltName=IP:127.0.0.1", "-keyout", key(name)});
    words.insert(words.end(), {"-out", certificate(name)});
    if (!by.empty()) words.insert(words.end(), {"-CA", certificate(by), "-CAkey", key(by)});
    return run(words).status == 0;
  }
  [[nodiscard]] EtcdOptions client(const std::string& name) const {
    EtcdOptions options;
    options.ca_file = certificate("ca");
    if (!name.empty()) options.certificate_file = certificate(name);
    if (!name.empty()) options.key_file = key(name);
    return options;
  }

 private:
  TempDirectory at_{Medium::memory};
  bool is_there_ = false;
};

/// The words that have a server show its certificate; with `client_ca` also ask for one.
std::vector<std::string> showing(const Certificates& all, const std::string& client_ca = {}) {
  std::vector<std::string> words = {"--cert-file", all.certificate("server"), "--key-file",
                                    all.key("server")};
  if (!client_ca.empty()) {
    words.insert(words.end(),
                 {"--client-cert-auth", "--trusted-ca-file", all.certificate(client_ca)});
  }
  return words;
}

/// Asks the server, by etcdctl, to know a user with a password, and to ask everybody for theirs.
void ask_for_passwords(const EtcdOptions& options) {
  for (const std::vector<std::string>& call :
       {std::vector<std::string>{"user", "add", "root:secret"},
        {"user", "grant-role", "root", "root"},
        {"auth", "enable"}}) {
    std::vector<std::string> words = {"etcdctl", "--endpoints", options.endpoints.front()};
    if (!options.ca_file.empty()) words.insert(words.end(), {"--cacert", options.ca_file});
    words.insert(words.end(), call.begin(), call.end());
    const auto done = run(words);
    INFO(done.said());
    REQUIRE(done.status == 0);
  }
}

/// Everything that asks the server works: calls of the store, and those of the lock's own client.
void check_works(const EtcdOptions& options) {
  const auto store = open_etcd_store("s", options);
  REQUIRE_OK(store);
  const auto lock = store.value()->lock({EtcdServer::seconds(10), {}});
  REQUIRE_OK(lock);
  const auto now = store.value()->revision();
  REQUIRE_OK(now);
  const Buffer content(5, std::byte{'a'});
  REQUIRE_OK(store.value()->commit(
      {.image = content, .expected = now.value(), .keep_as = {}, .drop = {}}));
  REQUIRE_OK(store.value()->load());
}

/// Is refused, at once and in these words.
void check_refused(const EtcdOptions& options, const std::string& words) {
  EtcdOptions patient = options;
  patient.call_timeout_ms = std::chrono::hours(1);  // to wait and try again would be in vain
  const auto refused = open_etcd_store("s", patient);
  REQUIRE_FAILS(system, unchanged, refused);
  CHECK(refused.error().cause.value() == EKEYREJECTED);
  CHECK_THAT(refused.error().message(), Contains(words));
}

}  // namespace

TEST_CASE("users are asked for their passwords, and a wrong one is refused in words") {
  if (!has_etcd() || !has_etcdctl()) return;
  const bool by_tls = GENERATE(false, true);
  CAPTURE(by_tls);
  const Certificates all;
  if (by_tls && !all.is_there()) return skip("openssl makes no certificate");
  if (by_tls) REQUIRE(all.make("server", "ca"));
  const EtcdServer server =
      by_tls ? EtcdServer(showing(all), all.client({})) : EtcdServer({}, EtcdOptions());
  ask_for_passwords(server.patient());
  EtcdOptions options = server.patient();
  check_refused(options, "user name is empty");
  options.user = "root";
  options.password = "guessed";
  check_refused(options, "authentication failed");
  CHECK_THAT(open_etcd_store("s", options).error().message(), !Contains("guessed"));
  options.password = "\xff";
  check_refused(options, "not UTF-8");
  options.password = "secret";
  check_works(options);
}

TEST_CASE("a server is reached by TLS if it can be trusted, and not otherwise") {
  if (!has_etcd()) return;
  const Certificates all;
  if (!all.is_there()) return skip("openssl makes no certificate");
  REQUIRE(all.make("server", "ca"));
  const EtcdServer server(showing(all), all.client({}));
  check_works(server.patient());
  EtcdOptions options = server.patient();
  options.ca_file.clear();
  check_refused(options, "certificate");
  options.ca_file = all.certificate("other-ca");
  check_refused(options, "certificate");
  options.ca_file = all.certificate("nowhere");
  check_refused(options, "nowhere");
}

TEST_CASE("a server that asks for certificates takes those of its authority, and no others") {
  if (!has_etcd()) return;
  const Certificates all;
  if (!all.is_there()) return skip("openssl makes no certificate");
  REQUIRE(all.make("server", "ca"));
  REQUIRE(all.make("client", "ca"));
  REQUIRE(all.make("stranger", "other-ca"));
  const EtcdServer server(showing(all, "ca"), all.client("client"));
  check_works(server.patient());
  EtcdOptions options = server.patient();
  options.certificate_file = all.certificate("stranger");
  options.key_file = all.key("stranger");
  check_refused(options, "certificate");
  options.certificate_file.clear();
  options.key_file.clear();
  check_refused(options, "certificate");
  options.certificate_file = all.certificate("client");
  options.key_file = all.key("stranger");
  check_refused(options, "key");
  options.key_file = all.key("nowhere");
  check_refused(options, "nowhere");
}
