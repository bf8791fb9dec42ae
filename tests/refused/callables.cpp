// SPDX-License-Identifier: BSL-1.0
// Callables that the library calls for what they do, right and wrong: no failure that one returns
// is dropped. Each case is compiled by itself (-DCASE_name); the line above a wrong one is what the
// compiler's first error has to say.
#include <cstdint>
#include <functional>
#include <system_error>

#include <perdure/testing/oracle.hpp>
#include <perdure/transaction.hpp>

namespace pd = perdure;
using pd::testing::Session;

#if defined(CASE_callables_without_result)
void set(pd::TransactionOptions& options, pd::testing::Workload& workload) {
  options.progress = [](std::uint64_t, std::uint64_t) {};
  workload.prepare = [](Session&) {};
  workload.actors = {[](Session&) {}, [n = 0](Session&) mutable { ++n; }};
  workload.recover = {};
  workload.recover = nullptr;
  workload.prepare = std::function<void(Session&)>();
  (void)pd::testing::oracles::recovery_idempotent([](Session&) {});
}
static_assert(!std::is_constructible_v<pd::Procedure<Session&>, int>);
static_assert(!std::is_constructible_v<pd::Procedure<Session&>, void (*)(int)>);

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_progress_with_result)
void set(pd::TransactionOptions& options) {
  options.progress = [](std::uint64_t, std::uint64_t) -> pd::Result<void> { return pd::Error{}; };
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_progress_with_bool)
void set(pd::TransactionOptions& options) {
  options.progress = [](std::uint64_t done, std::uint64_t total) { return done < total; };
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_prepare_with_result_of_value)
void set(pd::testing::Workload& workload) {
  workload.prepare = [](Session&) -> pd::Result<int> { return pd::Error{}; };
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_actor_with_result)
void set(pd::testing::Workload& workload) {
  workload.actors = {[](Session& session) {
    return pd::write_file("/a", pd::as_bytes("new"), {}, session.system());
  }};
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_actor_added_with_error_code)
void set(pd::testing::Workload& workload) {
  workload.actors.emplace_back([](Session&) { return std::make_error_code(std::errc::io_error); });
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_recover_with_result)
void set(pd::testing::Workload& workload) {
  workload.recover = [](Session&) { return pd::recover("/"); };
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_recover_of_a_function_with_result)
void set(pd::testing::Workload& workload, const std::function<pd::Result<void>(Session&)>& work) {
  workload.recover = work;
}

// expect: perdure: this callable returns nothing: a Result or an error code would be dropped
#elif defined(CASE_oracle_of_recovery_with_result)
void ask() {
  (void)pd::testing::oracles::recovery_idempotent([](Session&) { return pd::recover("/"); });
}

// Where a Result<void> is asked for, nothing else becomes one.
#elif defined(CASE_sources_return_a_result_of_nothing)
template <class Returned>
inline constexpr bool taken =
    std::is_constructible_v<std::function<pd::Result<void>(pd::Sink&)>, Returned (*)(pd::Sink&)>;
static_assert(taken<pd::Result<void>>);
static_assert(!taken<void> && !taken<bool> && !taken<int> && !taken<pd::Result<int>> &&
              !taken<std::error_code>);

#endif
