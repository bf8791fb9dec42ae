// SPDX-License-Identifier: BSL-1.0
// Stages in an order that the compiler checked.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <tuple>
#include <utility>

#include <perdure/detail/export.hpp>
#include <perdure/detail/stopwatch.hpp>
#include <perdure/pipeline/stage.hpp>
#include <perdure/pipeline/stages.hpp>
#include <perdure/procedure.hpp>

namespace perdure {

template <Protocol of>
struct PublishTogether;

namespace detail {

/// Whether a stage waits for a group. A commit can be posted there: its caller goes on, and the
/// thread that led the group runs the stages behind it.
template <class S>
inline constexpr bool waits_for_group = false;
template <Protocol of>
inline constexpr bool waits_for_group<PublishTogether<of>> = true;

/// The stages that are run: all, or those before the one that waits for a group, or those behind.
enum class StageRange { all, before_group, behind_group };

/// The caller of a posted commit goes on, and may free the content that it gave. The content is
/// copied if a later stage needs the image, else dropped.
PERDURE_API void let_caller_go(Commit& commit, bool image_needed);

/// Stage in words: which part of it `S` lacks.
template <class S>
constexpr bool complete() {
  static_assert(
      requires {
        { S::name } -> std::convertible_to<std::string_view>;
      },
      "perdure: this stage has no name: give it 'static constexpr std::string_view name'");
  static_assert(
      requires {
        { S::needs } -> std::convertible_to<Fact>;
      },
      "perdure: this stage does not say what it needs: give it 'static constexpr Fact needs'");
  static_assert(
      requires {
        { S::gives } -> std::convertible_to<Fact>;
      },
      "perdure: this stage does not say what it gives: give it 'static constexpr Fact gives'");
  static_assert(
      requires(const S& stage, Commit& commit) {
        { stage.run(commit) } -> std::same_as<Result<void>>;
      },
      "perdure: this stage can't be run: give it 'Result<void> run(Commit&) const'");
  if constexpr (requires(const S& stage, BatchedCommits members) { stage.run_together(members); }) {
    using Returned =
        decltype(std::declval<const S&>().run_together(std::declval<BatchedCommits>()));
    static_assert(returns_one_of<Returned, void>,
                  "perdure: run_together returns nothing: it puts each member's failure into "
                  "BatchedCommit::outcome, and any other value would be taken for success");
  }
  return Stage<S>;
}

// Each fact, and what the compiler says to a stage that lacks it; the first that fits comes first.
// A macro, because static_assert takes nothing but a literal.
#define PERDURE_FACTS(FACT)                                                                        \
  FACT(published, "perdure: nothing is published yet: put Rename before this stage")               \
  FACT(temp,                                                                                       \
       "perdure: there is no temp at this stage (a rename uses it up): put CreateTemp before it, " \
       "and rename once")                                                                          \
  FACT(image, "perdure: the image is not known at this stage: put Serialize before it")            \
  FACT(content, "perdure: the temp has no content at this stage: put Write before it")             \
  FACT(ordered,                                                                                    \
       "perdure: this stage needs a temp that is certain to reach the disk before its name: put "  \
       "SyncFile after the last Write and the last ApplyMetadata, or use WriteThrough")            \
  FACT(metadata,                                                                                   \
       "perdure: mode and owner must be final at this stage: put ApplyMetadata before it, "        \
       "behind the last Write")                                                                    \
  FACT(durable_content,                                                                            \
       "perdure: content or metadata changed since its sync, or was never synced: put SyncFile "   \
       "after the last Write and ApplyMetadata")                                                   \
  FACT(durable_name, "perdure: the name is not durable yet: put SyncParent before this stage")

template <class S>
constexpr bool legal_after(auto before) {
  constexpr Fact have = decltype(before)::value;
  constexpr auto lacks = [](Fact fact) { return has(S::needs, fact) && !has(have, fact); };
#define PERDURE_FACT(fact, sentence) static_assert(!lacks(Fact::fact), sentence);
  PERDURE_FACTS(PERDURE_FACT)
#undef PERDURE_FACT
#define PERDURE_FACT(fact, sentence) | Fact::fact
  constexpr Fact told = Fact::none PERDURE_FACTS(PERDURE_FACT);
#undef PERDURE_FACT
  static_assert(has(have, without(S::needs, told)),
                "perdure: this stage needs a fact that has no sentence of its own, and that no "
                "stage before it gives");
  // A second temp does not have the facts of the first.
  constexpr bool again =
      has(S::gives, Fact::temp) && (has(have, Fact::temp) || has(have, Fact::published));
  static_assert(!again,
                "perdure: there was a temp before this stage: a commit has one temp and publishes "
                "once, so take one of them away");
  return has(have, S::needs) && !again;
}
#undef PERDURE_FACTS

template <Fact have>
constexpr Fact facts_after() {
  return have;
}
template <Fact have, class S, class... Rest>
constexpr Fact facts_after() {
  if constexpr (complete<S>()) {
    if constexpr (legal_after<S>(std::integral_constant<Fact, have>{})) {
      return facts_after<facts_behind<S>(have), Rest...>();
    }
  }
  return Fact::published;  // one error is enough
}

/// The fate of a commit for which these facts hold. Pipelines set the fate between two stages, by
/// the facts that the earlier stages have reached, so that no stage has to.
constexpr Fate fate_with(Fact have) noexcept {
  if (!has(have, Fact::published)) return Fate::unchanged;
  return has(have, Fact::durable_content | Fact::durable_name) ? Fate::durable : Fate::visible;
}

/// The fate while a stage runs, and once it has succeeded.
struct StageFates {
  Fate before;
  Fate after;
};
template <class S>
constexpr StageFates fates_of(Fact before) noexcept {
  return {fate_with(without(before, dropped_by<S>())), fate_with(facts_behind<S>(before))};
}

/// Adds the time of a stage to the commit's receipt, and tells the observer.
PERDURE_API void note_stage(Commit& commit, StageTime stage);

/// Runs one stage for all members that have not failed; each receipt gets the time that it took.
PERDURE_API void run_together(std::span<BatchedCommit> members, std::string_view name,
                              StageFates fates, const Procedure<BatchedCommits>& stage);

/// Whether the temp that the stage `name` made is as CreateTemp asks for.
PERDURE_API Result<void> check_temp(Commit& commit, std::string_view name);

/// A stage of one's own may make the temp. Later stages know nothing about such a temp, so it is
/// checked.
template <class S>
inline constexpr bool makes_temp = has(S::gives, Fact::temp) && !std::same_as<S, CreateTemp>;

/// A stage for one commit.
template <class S>
Result<void> run_one(const S& stage, Commit& commit) {
  Result<void> outcome = stage.run(commit);
  if constexpr (makes_temp<S>) {
    if (outcome) return check_temp(commit, S::name);
  }
  return outcome;
}

/// The stage's own form for many, or the one for one in turn.
template <class S>
void run_for_all(const S& stage, BatchedCommits members) {
  if constexpr (requires { stage.run_together(members); }) {
    stage.run_together(members);
    if constexpr (makes_temp<S>) {
      for (BatchedCommit* member : members) {
        if (member->outcome) member->outcome = check_temp(*member->commit, S::name);
      }
    }
  } else {
    for (BatchedCommit* member : members) member->outcome = run_one(stage, *member->commit);
  }
}

}  // namespace detail

/// Stages in an order that was checked when it was compiled, starting from the facts `initial`. A
/// value; as thread-safe as its stages are. Each of `Stages` is a Stage. A constraint would say so,
/// but the compiler would then print the constraint instead of our sentence.
template <Fact initial, class... Stages>
class PipelineFrom {
  static constexpr Fact facts_ = detail::facts_after<initial, Stages...>();
  static_assert(has(facts_, Fact::published),
                "perdure: this pipeline publishes nothing: end it with Rename and SyncParent");

 public:
  /// Takes the stages in their order.
  explicit constexpr PipelineFrom(Stages... stages) : stages_(std::move(stages)...) {}

  /// The durability that a run of it reaches.
  static constexpr Durability durability = has(facts_, Fact::durable_content | Fact::durable_name)
                                               ? Durability::durable
                                           : has(facts_, Fact::ordered) ? Durability::ordered
                                                                        : Durability::none;

  /// The protocol that its stages ask for; `portable` if none asks for another.
  static constexpr Protocol protocol = std::max({Protocol::portable, protocol_of<Stages>()...});
  static_assert(
      ((protocol_of<Stages>() == Protocol::portable || protocol_of<Stages>() == protocol) && ...),
      "perdure: the stages of two protocols are mixed: SyncPublished goes with "
      "WriteThrough, SyncAllPublished with SyncAll");

  /// Runs the stages in order, up to the first that fails.
  Result<void> run(Commit& commit) const {
    detail::Stopwatch watch(commit.environment);
    return run_range(commit, detail::StageRange::all, watch, success());
  }

  /// For the engine: runs the stages of one range. `published` is the outcome of the stage that
  /// waits for the group, for the stages behind it.
  Result<void> run_range(Commit& commit, detail::StageRange range, detail::Stopwatch& watch,
                         Result<void> published) const {
    using detail::StageRange;
    Result<void> outcome = std::move(published);
    Fact have = initial;
    bool runs = range != StageRange::behind_group;
    if (runs) commit.receipt.stages.reserve(commit.receipt.stages.size() + sizeof...(Stages));
    const auto one = [&]<class S>(const S& stage) {
      const auto fates = detail::fates_of<S>(have);
      have = facts_behind<S>(have);
      bool has_run = false;
      if constexpr (detail::waits_for_group<S>) {
        if (range == StageRange::before_group) {
          commit.fate = fates.before;
          detail::let_caller_go(commit, is_image_needed_behind());
          return false;
        }
        has_run = range == StageRange::behind_group;
        runs = true;
      }
      if (!runs) return true;
      if (!has_run) {
        commit.fate = fates.before;
        outcome = detail::run_one(stage, commit);
      }
      detail::note_stage(commit, {stage.name, watch.lap()});
      if (outcome) commit.fate = fates.after;
      return outcome.has_value();
    };
    std::apply([&](const auto&... stage) { (one(stage) && ...); }, stages_);
    return outcome;
  }

  /// The group that a stage waits for; null if none does.
  [[nodiscard]] GroupCommit* group() const noexcept {
    GroupCommit* found = nullptr;
    const auto look = [&]<class S>(const S& stage) {
      if constexpr (detail::waits_for_group<S>) found = stage.group.get();
    };
    std::apply([&](const auto&... stage) { (look(stage), ...); }, stages_);
    return found;
  }

  /// Runs each stage for all members before the next stage begins, so that a stage can serve many
  /// at once.
  void run_together(std::span<BatchedCommit> members) const {
    Fact have = initial;
    const auto one = [&]<class S>(const S& stage) {
      detail::run_together(members, stage.name, detail::fates_of<S>(have),
                           [&](BatchedCommits live) { detail::run_for_all(stage, live); });
      have = facts_behind<S>(have);
    };
    std::apply([&](const auto&... stage) { (one(stage), ...); }, stages_);
  }

 private:
  /// Whether a stage behind the one that waits for a group needs the image.
  static constexpr bool is_image_needed_behind() {
    bool behind = false;
    bool needed = false;
    ((needed = needed || (behind && has(Stages::needs, Fact::image)),
      behind = behind || detail::waits_for_group<Stages>),
     ...);
    return needed;
  }

  std::tuple<Stages...> stages_;
};

/// A whole commit, from the value to the name.
template <class... Stages>
class Pipeline : public PipelineFrom<Fact::none, Stages...> {
 public:
  /// Deduces `Stages`: `Pipeline(Serialize{}, CreateTemp{}, ...)`.
  explicit constexpr Pipeline(Stages... stages)
      : PipelineFrom<Fact::none, Stages...>(std::move(stages)...) {}
  /// Of stages that need nothing.
  constexpr Pipeline() requires(std::default_initializable<Stages>&&...) : Pipeline(Stages{}...) {}
};
template <class... Stages>
Pipeline(Stages...) -> Pipeline<Stages...>;

namespace detail {

/// Makes an AnyPipeline of stages that start in the middle of a commit. For the engine alone, which
/// knows that the facts hold from which they start.
struct Continuation;

}  // namespace detail

/// A whole pipeline whose stages are not part of its type. Cheap to copy; shares its stages.
class AnyPipeline {
 public:
  /// Takes a Pipeline. A pipeline that begins in the middle of a commit does not compile.
  template <Fact initial, class... Stages>
  AnyPipeline(PipelineFrom<initial, Stages...> pipeline)  // NOLINT(google-explicit-constructor)
      : AnyPipeline(std::move(pipeline), Checked()) {
    static_assert(initial == Fact::none,
                  "perdure: this is a part of a pipeline: only a whole Pipeline, from the value to "
                  "the name, can be run");
  }

  /// As PipelineFrom::durability.
  [[nodiscard]] Durability durability() const noexcept { return durability_; }
  /// As PipelineFrom::protocol.
  [[nodiscard]] Protocol protocol() const noexcept { return protocol_; }
  /// The group that its commits wait for; null if they wait for none.
  [[nodiscard]] GroupCommit* group() const noexcept { return model_->group(); }
  /// As PipelineFrom::run.
  Result<void> run(Commit& commit) const {
    detail::Stopwatch watch(commit.environment);
    return run_range(commit, detail::StageRange::all, watch, success());
  }
  /// As PipelineFrom::run_range.
  Result<void> run_range(Commit& commit, detail::StageRange range, detail::Stopwatch& watch,
                         Result<void> published) const {
    return model_->run_range(commit, range, watch, std::move(published));
  }
  /// As PipelineFrom::run_together.
  void run_together(std::span<BatchedCommit> members) const { model_->run_together(members); }

 private:
  friend struct detail::Continuation;
  using StageRange = detail::StageRange;
  using Stopwatch = detail::Stopwatch;
  struct Checked {};

  template <class P>
  AnyPipeline(P pipeline, Checked /*tag*/)
      : model_(std::make_shared<Model<P>>(std::move(pipeline))),
        durability_(P::durability),
        protocol_(P::protocol) {}

  struct Concept {
    Concept() = default;
    Concept(const Concept&) = delete;
    Concept& operator=(const Concept&) = delete;
    virtual ~Concept() = default;
    [[nodiscard]] virtual GroupCommit* group() const noexcept = 0;
    virtual Result<void> run_range(Commit& commit, StageRange range, Stopwatch& watch,
                                   Result<void> published) const = 0;
    virtual void run_together(std::span<BatchedCommit> members) const = 0;
  };
  template <class P>
  struct Model final : Concept {
    explicit Model(P p) : pipeline(std::move(p)) {}
    [[nodiscard]] GroupCommit* group() const noexcept override { return pipeline.group(); }
    Result<void> run_range(Commit& commit, StageRange range, Stopwatch& watch,
                           Result<void> published) const override {
      return pipeline.run_range(commit, range, watch, std::move(published));
    }
    void run_together(std::span<BatchedCommit> members) const override {
      pipeline.run_together(members);
    }
    P pipeline;
  };

  std::shared_ptr<const Concept> model_;
  Durability durability_;
  Protocol protocol_;
};

/// The protocol `portable`, at each durability.
using PortableDurable =
    Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename, SyncParent>;
/// The same without the last sync.
using PortableOrdered = Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, SyncFile, Rename>;
/// The protocol `fast`: half the flushes, and none at all for `ordered`.
using FastDurable =
    Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Rename, SyncPublished>;
/// The same without the last sync.
using FastOrdered = Pipeline<Serialize, CreateTemp, WriteThrough, ApplyMetadata, Rename>;
/// Durability `none`, the same in every protocol.
using Unsynced = Pipeline<Serialize, CreateTemp, Write, ApplyMetadata, RenameUnordered>;

}  // namespace perdure
