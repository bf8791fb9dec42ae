// SPDX-License-Identifier: BSL-1.0
// The table of errors: each row is told, none hides another, and docs/errors.md shows all of them.
#include "base/advice.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <boost/filesystem/operations.hpp>

#include "support/catch.hpp"

using namespace perdure;

namespace {

Error error_of(const Advice& row) {
  return {.kind = row.kind,
          .cause = std::make_error_code(row.code),
          .step = row.step.empty() ? "do something else" : std::string(row.step),
          .path = "/a/b",
          .detail = std::string(row.circumstance)};
}

std::string text_of(const boost::filesystem::path& path) {
  std::ifstream in(path.native());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string row_of(const Advice& row) {
  const std::string reason = std::make_error_code(row.code).message();
  const auto or_any = [](std::string_view text) {
    return text.empty() ? std::string("any") : std::string(text);
  };
  const bool of_lock = row.kind == ErrorKind::lock_timeout || row.kind == ErrorKind::stopped;
  return "| " + reason + (of_lock ? ", of a lock" : "") + " | " + or_any(row.step) + " | " +
         or_any(row.circumstance) + " | " +
         (row.instead.empty() ? "the same" : std::string(row.instead)) + " | " +
         std::string(row.words) + " |\n";
}

}  // namespace

TEST_CASE("each row of the table of errors is told: path first, what is wrong, what to do",
          "[P19]") {
  for (const Advice& row : advice_table()) {
    const Error error = error_of(row);
    INFO(error.message());
    CHECK(advice_for(error) == &row);  // no row before it hides it
    std::string wanted = "'/a/b': could not " + error.step + ": ";
    wanted += row.instead.empty() ? error.cause.message() : std::string(row.instead);
    if (!row.circumstance.empty()) wanted += " (" + std::string(row.circumstance) + ")";
    wanted += "; the target is unchanged; " + std::string(row.words);
    CHECK(error.message() == wanted);
  }
}

TEST_CASE("an error without a row is told without advice", "[P19]") {
  Error error{.cause = std::make_error_code(std::errc::interrupted),
              .step = "read the file",
              .path = "/a/b",
              .detail = {}};
  CHECK(advice_for(error) == nullptr);
  error.cause = std::error_code(ENOSPC, std::system_category());
  CHECK(advice_for(error) == nullptr);
  error.cause = std::make_error_code(std::errc::no_space_on_device);
  error.kind = ErrorKind::metadata;  // its detail says what to do
  CHECK(advice_for(error) == nullptr);
}

TEST_CASE("each step of the table of errors is one that the library takes") {
  namespace fs = boost::filesystem;
  std::string sources;
  for (const auto& entry : fs::recursive_directory_iterator(PERDURE_SOURCE_DIR "/lib")) {
    const auto extension = entry.path().extension();
    if (entry.path().filename() != "advice.cpp" && (extension == ".cpp" || extension == ".hpp")) {
      sources += text_of(entry.path());
    }
  }
  for (const Advice& row : advice_table()) {
    INFO(row.step);
    CHECK(sources.find('"' + std::string(row.step) + '"') != std::string::npos);
  }
}

TEST_CASE("docs/errors.md shows the table of errors") {
  std::string table =
      "| the code, as the system says it | step | circumstance | what is wrong | what to do |\n"
      "| --- | --- | --- | --- | --- |\n";
  for (const Advice& row : advice_table()) table += row_of(row);
  INFO("docs/errors.md has to say:\n" << table);
  CHECK(text_of(PERDURE_SOURCE_DIR "/docs/errors.md").find(table) != std::string::npos);
}
