#pragma once
/// Communicators: groups of ranks that call collectives together.

#include <chorus/algorithm/entry.hpp>
#include <chorus/core/compiled.hpp>
#include <chorus/core/plain_vector.hpp>
#include <chorus/runtime/operation.hpp>
#include <chorus/runtime/options.hpp>
#include <chorus/runtime/request.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chorus {

class context;
class explanation;
struct choice_facts;
struct forced_choice;
struct native_call;
struct tuning_table;
namespace detail {
struct cached_program;
}

/// A group of ranks, numbered from 0. Every rank of the group calls the same collectives in the same order; calls that
/// do not match are an error where that can be seen. Not copyable (`dup` makes another one), not thread-safe. Several
/// communicators of one context may have collectives in flight at the same time.
class communicator {
public:
    /// `split` with this colour takes part but gets no communicator.
    static constexpr int no_color = -1;

    communicator() noexcept; ///< belongs to nobody: valid() is false, rank() -1, size() 0, every other use a usage_error
    /// All ranks of a context.
    explicit communicator(std::shared_ptr<context> owner);
    communicator(communicator&&) noexcept;
    communicator& operator=(communicator&&) noexcept;
    ~communicator();

    bool valid() const { return group_ != nullptr; }
    int rank() const;
    int size() const;
    /// The rank of a member in the context's first communicator: what error messages call it.
    int world_rank(int member) const;

    /// The ranks of equal colour, ordered by key, then by rank here. Collective.
    communicator split(int color, int key = 0);
    /// The same ranks once more, with a numbering of collectives of its own. Collective.
    communicator dup() { return split(0, rank()); }
    /// The given ranks in that order; an invalid communicator elsewhere. Collective over this communicator. The members of a group
    /// name the same list, or each that has another gets a usage_error; lists that share no rank make several groups.
    communicator subgroup(std::span<int const> ranks);

    /// After a failure: the ranks that have not left, as a new communicator with which to continue. Collective over the
    /// survivors of the whole context, from whichever communicator they call it; everything older, requests too, is
    /// unusable from then on. Waits for every rank that has not left, at most the timeout: whoever has not come by then is
    /// left behind, and gets a transport_error for it. Throws usage_error on transports that cannot (MPI).
    communicator shrink();

    /// Advances whatever is unfinished in this context. True if anything happened.
    bool progress();

    options const& settings() const;
    std::shared_ptr<context> const& shared_context() const;

    /// rank -> number of its host, from 0 in order of first appearance.
    std::vector<int> hosts() const;

    /// What would run for a call: the name of the algorithm ("ring", "native") and its segments.
    choice chosen(operation const& call);
    /// The candidates for a call without a named algorithm, each with its times, and why one of them runs. `bytes` are of a
    /// vector, or of all blocks together. Local. Needs <chorus/runtime/explain_choice.hpp>.
    explanation explain(collective what, std::size_t bytes) const;

    /// What the ranks have agreed on (runtime/calibrate.hpp); null: what the transport says of itself.
    std::shared_ptr<tuning_table const> const& tuning() const;
    /// From now on calls are chosen by it, also in communicators that are split off. Collective: the same on all ranks.
    void adopt(std::shared_ptr<tuning_table const> table);

    /// From now on every call holds at least that level of determinism (docs/determinism.md), also in communicators that are
    /// split off; a call or the options of the context may ask for more. The same on all ranks.
    void require_determinism(int level);

    /// From now on calls are chosen for buffers of `allocate` (runtime/allocate.hpp), also in communicators that are split off. Any
    /// buffers are right, before and after; the ranks of a call cannot see each other's, so the program says it. The same on all ranks.
    void expect_shared_buffers(bool expected = true);

    /// Throws where this rank is no member; require_valid also the first failure again once there was one.
    void require_member() const;
    void require_valid() const;

    // What the public collectives (collectives.hpp) are made of. `keep` lives as long as the request.
    void run(operation const& call);
    request start(operation const& call, std::shared_ptr<void const> keep);
    persistent_request prepare_persistent(operation const& call, std::shared_ptr<void const> keep);
    request start_message(operation const& call, int peer, bool sends);

private:
    /// A call of one shape after its algorithm was chosen: repeated calls only look it up.
    struct prepared {
        operation key;     ///< without its lengths
        std::size_t count = 0; ///< common_count of the call
        bool ragged = false;
        choice how;        ///< what runs
        std::string label; ///< the same as text
        std::uint64_t signature = 0;
        std::shared_ptr<detail::cached_program> home; ///< null: native
        bool forwards = false; ///< needs all counts
    };

    context& owner() const;

    prepared const& prepare(operation const& call);
    prepared make_prepared(operation const& call) const;
    prepared const& remember(prepared made);
    std::uint64_t signature_of(operation const& call, std::string const& label) const;
    catalogue_entry const* choose_entry(operation const& call, choice const& how) const;
    [[noreturn]] void refuse(operation const& call, choice const& how, std::string_view why) const;
    choice_facts facts_of_call(operation const& call) const;
    /// What options and environment force for it.
    forced_choice forced(choice_facts const& facts) const;
    bool native_is_best(operation const& call, choice_facts const& facts) const;
    native_call native_call_of(operation const& call) const;
    void check_agreement(std::uint64_t signature);
    std::unique_ptr<detail::task> task_of(operation const& call, prepared const& ready);
    void prepare_exchange(detail::task& what, operation const& call, prepared const& ready);
    request start_own_message(operation const& call, std::uint64_t signature, bool sends);
    void require_own_match(std::uint64_t sent, std::uint64_t expected);
    void begin(detail::task& what, operation const& call, std::uint64_t signature);
    std::shared_ptr<detail::cached_program> const& all_gather_of_words();
    /// Every rank's words, gathered: for split, and for calls that block natively. `out` gets size() * words.size() entries.
    void exchange_words(std::span<std::uint64_t const> words, plain_vector<std::uint64_t>& out);

    std::shared_ptr<detail::group> group_;
    std::vector<prepared> known_;
    std::size_t next_known_ = 0, last_known_ = 0;
    plain_vector<std::uint64_t> words_; ///< reused for checks
};

} // namespace chorus

#if CHORUS_DEFINE
#include <chorus/runtime/call.hpp>
#include <chorus/runtime/prepare.hpp>
#include <chorus/runtime/split.hpp>
#endif
