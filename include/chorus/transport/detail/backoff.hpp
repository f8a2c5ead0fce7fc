#pragma once
/// How a rank waits: first it polls without a break, then with pauses, then it gives the processor away, then the transport may put it to
/// sleep.

#include <thread>

namespace chorus::detail {

/// Tells the processor that this is a spin loop.
inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Begins to fetch the cache line for writing, where the processor knows how (elsewhere the hint does nothing).
inline void claim_line(void const* memory) {
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<char const*>(memory)));
#else
    __builtin_prefetch(memory, 1);
#endif
}

/// What to do in the `round`-th idle poll in a row. With more ranks than processors spinning only keeps away the one
/// that is waited for. A pause takes up to 25 ns (Zen 5; more on some others), as long as a short message between cores that are near each
/// other, so that the first rounds have none.
enum class rest : unsigned char { none, pause, yield, sleep };

class backoff {
public:
    explicit backoff(int ranks_on_this_host, unsigned processors = std::thread::hardware_concurrency())
        : shared_(static_cast<unsigned>(ranks_on_this_host) > processors), eager_(shared_ ? 0 : 64), spins_(shared_ ? 0 : 1000),
          yields_(shared_ ? 10 : 100) {}

    /// For waits in which this host's kernel does the work that is waited for, as with a soft RDMA device: to spin keeps it away, and to
    /// sleep halts processors that it could use at once. (Where the processors are emulated, waking takes half a millisecond.)
    static backoff that_gives_way(int ranks_on_this_host) {
        backoff made(ranks_on_this_host);
        made.eager_ = 0;
        made.spins_ = made.shared_ ? 0 : 20;
        made.yields_ = 1000;
        return made;
    }

    /// Whether ranks share processors.
    bool shared() const { return shared_; }
    rest next(int round) const {
        if (round < eager_) return rest::none;
        if (round < spins_) return rest::pause;
        return round < spins_ + yields_ ? rest::yield : rest::sleep;
    }

private:
    bool shared_;
    int eager_; ///< rounds without a pause
    int spins_;
    int yields_;
};

} // namespace chorus::detail
