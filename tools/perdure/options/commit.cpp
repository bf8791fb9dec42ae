// SPDX-License-Identifier: BSL-1.0
// Parses the options that all committing commands share.
#include "options/commit.hpp"

#include <cmath>
#include <string>

#include <perdure/file_version.hpp>

#include "common/usage_words.hpp"

namespace perdure::cli {

namespace {

std::string check_version(const std::string& text) {
  const auto version = parse_version(text);
  return version ? std::string{} : "'" + text + "' is not a token of `perdure version-of`";
}

}  // namespace

void add_protocol_option(CLI::App& command, ProtocolChoice& choice) {
  command
      .add_option_function<std::string>(
          "--protocol",
          [&choice](const std::string& name) {
            choice = name == "automatic" ? ProtocolChoice::automatic
                     : name == "fast"    ? ProtocolChoice::fast
                                         : ProtocolChoice::portable;
          },
          "portable: holds on every file system\n"
          "fast: half the flushes; refused where it is not known to\n"
          "hold (perdure probe DIR says why)\n"
          "automatic: fast where it is known to hold, else portable")
      ->type_name("automatic|portable|fast")
      ->check(one_of({"automatic", "portable", "fast"}))
      ->default_str("portable");
}

void add_durability_option(CLI::App& command, Durability& durability, const char* without) {
  command
      .add_option_function<std::string>(
          "--durability",
          [&durability](const std::string& name) {
            durability = name == "ordered" ? Durability::ordered : Durability::durable;
          },
          std::string("durable: new after a power cut, once this returned\n"
                      "ordered: for a file system that can't sync a directory;\n") +
              without)
      ->type_name("ordered|durable")
      ->check(one_of({"ordered", "durable"}))
      ->default_str("durable");
}

void add_expect_option(CLI::App& command, std::string& version) {
  command
      .add_option("--expect", version,
                  "Refuse unless FILE is still this version; absent: unless\n"
                  "there is no FILE")
      ->type_name("VERSION")
      ->check(CLI::Validator(check_version, ""));
}

void add_lock_timeout_option(CLI::App& command, std::chrono::milliseconds& timeout_ms) {
  command
      .add_option_function<double>(
          "--lock-timeout",
          [&timeout_ms](double seconds) {
            timeout_ms = std::chrono::milliseconds(std::llround(seconds * 1000));
          },
          "Wait so long for another committer; 0 tries once")
      ->type_name("SECONDS")
      ->check(number_between(0, 1'000'000'000))
      ->default_str("10");
}

void add_private_directory_option(CLI::App& command, std::string& name) {
  command
      .add_option("--private-directory", name,
                  "Where the root keeps its journal and staged files: a name\n"
                  "in it, or an absolute path on the same file system. All\n"
                  "who commit to one root need the same")
      ->type_name("NAME")
      ->capture_default_str();
}

}  // namespace perdure::cli
