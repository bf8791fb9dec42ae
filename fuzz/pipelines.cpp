// SPDX-License-Identifier: BSL-1.0
// Pipelines of stages in an order that the compiler would take, whatever it is: the preset, stage
// by stage which of the legal ones comes next, what is done with an existing target, calls that
// fail, then the crash. Every legal pipeline must keep its promise.
#include <array>
#include <tuple>
#include <vector>

#include <perdure/clean.hpp>
#include <perdure/group_commit.hpp>

#include "crash.hpp"

namespace perdure::fuzz {

namespace {

/// A stage as a value, from the one table that there is of them.
struct Known {
  Fact needs = Fact::none;
  Fact gives = Fact::none;
  Fact drops = Fact::none;
  Protocol protocol = Protocol::portable;
  Result<void> (*run)(Commit& commit) = nullptr;
};

template <class S>
constexpr Known known() {
  return {S::needs, S::gives, dropped_by<S>(), protocol_of<S>(), [](Commit& commit) {
            S stage;
            if constexpr (requires { stage.group; }) stage.group = std::make_shared<GroupCommit>();
            return stage.run(commit);
          }};
}

template <class... Stages>
constexpr std::array<Known, sizeof...(Stages)> known_of(const std::tuple<Stages...>* /*of*/) {
  return {known<Stages>()...};
}
constexpr auto stages =
    known_of(static_cast<decltype(std::tuple_cat(BuiltInStages(), GroupStages()))*>(nullptr));

/// All of them, as one stage that gives what they give.
template <Fact facts, Protocol by>
struct Row {
  static constexpr std::string_view name = "row";
  static constexpr Fact needs = Fact::none;
  static constexpr Fact gives = facts;
  static constexpr Protocol protocol = by;
  std::vector<Known> steps;

  Result<void> run(Commit& commit) const {
    for (const Known& step : steps) {
      BOOST_OUTCOME_TRY(step.run(commit));
    }
    return success();
  }
};

template <Fact facts>
AnyPipeline pipeline_of(std::vector<Known> steps, Protocol protocol) {
  if (protocol == Protocol::fast) {
    return Pipeline<Row<facts, Protocol::fast>>(Row<facts, Protocol::fast>{std::move(steps)});
  }
  if (protocol == Protocol::whole) {
    return Pipeline<Row<facts, Protocol::whole>>(Row<facts, Protocol::whole>{std::move(steps)});
  }
  return Pipeline<Row<facts, Protocol::portable>>(Row<facts, Protocol::portable>{std::move(steps)});
}

/// Two commits of a value, to a target that may be new: here Serialize has something to do.
std::function<void(testing::Session&)> serialized_commits(const std::string& leaf,
                                                          const AnyPipeline& pipeline,
                                                          const WriteOptions& options,
                                                          bool strict) {
  return [=](testing::Session& session) {
    for (const char letter : {'b', 'c'}) {
      const std::string content = test::content_of(letter, 5000);
      const auto done = session.commit("d/" + leaf, content, pipeline.durability(), [&] {
        const auto writer = AtomicWriter::bind("/d", pipeline, options, session.system());
        return writer ? writer.value().commit(leaf, content, Text()) : writer.error();
      });
      if (strict && !done) session.wrong(done.error().message());
    }
  };
}

void clean_up(testing::Session& session) {
  const auto cleaned = clean("/d", {}, session.system());
  if (!cleaned) session.wrong(cleaned.error().message());
}

/// Up to 15 stages, each legal behind those before it; none where they don't publish: that does not
/// compile.
std::optional<AnyPipeline> pipeline_from(InputBytes& input) {
  std::vector<Known> steps;
  Fact have = Fact::none;
  Protocol protocol = Protocol::portable;
  constexpr std::size_t steps_max = 16;
  for (std::size_t count = input.below(steps_max); count > 0; --count) {
    std::vector<Known> legal;
    for (const Known& stage : stages) {
      const bool again =
          has(stage.gives, Fact::temp) && (has(have, Fact::temp) || has(have, Fact::published));
      const bool mixed = stage.protocol != Protocol::portable && protocol != Protocol::portable &&
                         stage.protocol != protocol;
      if (has(have, stage.needs) && !again && !mixed) legal.push_back(stage);
    }
    const Known& next = input.one_of(legal);
    // Metadata after a sync: what was synced is not what gets the name.
    const bool late = has(next.gives, Fact::metadata) && has(have, Fact::durable_content);
    have = without(have, next.drops | (late ? Fact::ordered : Fact::none)) | next.gives;
    protocol = std::max(protocol, next.protocol);
    steps.push_back(next);
  }
  if (!has(have, Fact::published)) return std::nullopt;
  constexpr Fact ordered = Fact::published | Fact::ordered;
  constexpr Fact durable = ordered | Fact::durable_content | Fact::durable_name;
  if (has(have, Fact::durable_content | Fact::durable_name)) {
    return pipeline_of<durable>(std::move(steps), protocol);
  }
  return has(have, Fact::ordered) ? pipeline_of<ordered>(std::move(steps), protocol)
                                  : pipeline_of<Fact::published>(std::move(steps), protocol);
}

void check(InputBytes input) {
  const testing::Preset& preset = *input.one_of(testing::all_presets());
  const auto pipeline = pipeline_from(input);
  if (!pipeline) return;
  WriteOptions options;
  options.durability = pipeline->durability();
  using enum ExistingPolicy;
  options.existing = input.one_of(std::array{replace, replace, keep, backup});
  const std::size_t target = input.below(4);
  // Stages of `fast` are refused where it is not known to hold.
  const bool allowed = pipeline->protocol() != Protocol::fast || preset.awaited_ordered;
  const bool faulty = input.flag();
  const bool strict = !faulty && options.existing != keep && allowed;
  test::Proof proof = test::replace_proof("pipeline", options, *pipeline, strict);
  if (options.existing != replace || target == 3) {
    proof.oracles =
        test::file_oracles({"d/t~", "d/u~", "d/.t.perdure-lock", "d/.u.perdure-lock"}, clean_up);
  }
  if (target > 1) {
    proof.workload.actors = {
        serialized_commits(target == 2 ? "t" : "u", *pipeline, options, strict)};
  }
  if (pipeline->protocol() == Protocol::whole) proof = test::whole_proof(proof, "pipeline");
  testing::Variant variant;
  if (faulty) variant.faults = faults_of(input, proof, preset, true);
  crash(proof, preset, std::move(variant), input);
}

}  // namespace

}  // namespace perdure::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perdure::fuzz::check(perdure::fuzz::InputBytes(data, size));
  return 0;
}
