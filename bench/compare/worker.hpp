#pragma once
/// What every worker does, whatever library it measures: it waits for the driver's commands, asleep, and runs a collective so many times:
///
///     the input is written | barrier of flags | clock | the collective | clock | barrier | the output is read
///
/// (Without the second barrier a rank that shares its processor is charged for what another one reads and writes.)
///
/// A worker is started as `WORKER JOB CONTROL FLAGS ...`: its name, the driver's socket (in the abstract name space), the file of flags.
/// Each rank has a connection of its own. Commands and answers are lines:
///
///     run PATH COLLECTIVE BYTES ITERATIONS  ->  ok WRONG NANOSECONDS...    WRONG elements in a first run, which is not timed
///     drop                                  ->  ok                         gives up the buffers
///     probe TRIPS                           ->  ok NANOSECONDS             of a flag from rank 0 to rank 1 and back
///     quit

#include "flags.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace compare {

enum class collective { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast };

inline collective collective_named(std::string_view name) {
    constexpr std::array<std::string_view, 5> names{"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"};
    auto const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw std::invalid_argument("no collective is called " + std::string(name));
    return static_cast<collective>(found - names.begin());
}

/// One cell of the table: sums of floats; `count` is the whole vector (of an all_gather, what comes out), `block` a p-th of it.
struct cell {
    std::string path;
    collective what = collective::all_reduce;
    std::size_t count = 0;
    std::size_t block = 0;

    std::size_t in() const { return what == collective::all_gather ? block : what == collective::broadcast ? 0 : count; }
    std::size_t out() const { return what == collective::reduce_scatter ? block : count; }
    bool operator==(cell const&) const = default;
};

/// Buffers, and the call that works on them.
struct prepared {
    float* in = nullptr;
    float* out = nullptr;
    std::function<void()> call;
};

/// A library under measurement, as one of its ranks sees it.
class library {
public:
    library() = default;
    library(library const&) = delete;
    library& operator=(library const&) = delete;
    virtual ~library() = default;

    virtual int rank() const = 0;
    virtual int ranks() const = 0;
    virtual std::string version() const = 0;
    /// Called by all ranks with the same cell; what an earlier call gave is given up.
    virtual prepared prepare(cell const& what) = 0;
    virtual void drop() = 0;
};

/// Two private buffers of whole pages.
class private_buffers {
public:
    prepared take(cell const& what) {
        drop();
        in_ = pages(what.in());
        out_ = pages(what.out());
        return {in_, out_, {}};
    }
    void drop() {
        for (auto** each : {&in_, &out_}) {
            ::operator delete(*each, std::align_val_t{4096});
            *each = nullptr;
        }
    }
    private_buffers() = default;
    private_buffers(private_buffers const&) = delete;
    private_buffers& operator=(private_buffers const&) = delete;
    ~private_buffers() { drop(); }

private:
    static float* pages(std::size_t count) {
        return static_cast<float*>(::operator new(std::max<std::size_t>(count, 1) * sizeof(float), std::align_val_t{4096}));
    }
    float* in_ = nullptr;
    float* out_ = nullptr;
};

/// The line to the driver, one per rank.
class control {
public:
    explicit control(std::string const& name) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (name.size() + 1 >= sizeof address.sun_path) throw std::invalid_argument("control: the name is too long");
        std::memcpy(address.sun_path + 1, name.data(), name.size());
        auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
        if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr const*>(&address), length) != 0)
            throw std::system_error(errno, std::generic_category(), "control: " + name);
    }
    control(control const&) = delete;
    control& operator=(control const&) = delete;
    ~control() { ::close(socket_); }

    /// The next line; empty at the end. Asleep until it comes.
    std::string read() {
        for (;;) {
            if (auto const end = buffer_.find('\n'); end != std::string::npos) {
                auto const line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return line;
            }
            std::array<char, 4096> more{};
            auto const got = ::read(socket_, more.data(), more.size());
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return {};
            buffer_.append(more.data(), static_cast<std::size_t>(got));
        }
    }
    void write(std::string line) {
        line += '\n';
        for (std::string_view rest = line; !rest.empty();) {
            auto const put = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (put < 0 && errno == EINTR) continue;
            if (put <= 0) throw std::system_error(errno, std::generic_category(), "control: write");
            rest.remove_prefix(static_cast<std::size_t>(put));
        }
    }

private:
    int socket_;
    std::string buffer_;
};

class worker {
public:
    worker(library& of, control& to, flags& with) : of_(of), to_(to), with_(with) {}

    /// Until the driver says `quit` or is gone.
    void serve(std::string const& job) {
        std::ostringstream hello;
        hello << job << ' ' << of_.rank() << ' ' << of_.ranks() << ' ' << of_.version();
        to_.write(hello.str());
        auto line = to_.read();
        for (; !line.empty() && line != "quit"; line = to_.read()) to_.write(answer(line));
        if (!line.empty()) drop(); // without a driver nobody knows what the others do
    }

private:
    std::string answer(std::string const& line) {
        std::istringstream words(line);
        std::string verb, path, what;
        std::size_t bytes = 0, iterations = 0;
        words >> verb;
        if (verb == "drop") {
            drop();
            return "ok";
        }
        if (verb == "probe") return probe(words);
        words >> path >> what >> bytes >> iterations;
        if (verb != "run" || !words) return "error: this is no command: " + line;
        auto const count = bytes / sizeof(float);
        prepare({path, collective_named(what), count, count / static_cast<std::size_t>(of_.ranks())});
        auto const wrong = check();
        std::ostringstream out;
        out << "ok " << wrong;
        for (auto const each : measure(iterations)) out << ' ' << each;
        return out.str();
    }

    /// The median of short series: what else runs on the machine lengthens a few of them.
    std::string probe(std::istringstream& words) {
        constexpr int series = 15;
        int trips = 0;
        words >> trips;
        std::array<double, series> each{};
        with_.barrier();
        for (auto& mean : each) {
            auto const start = std::chrono::steady_clock::now();
            with_.ping(trips);
            mean = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / std::max(trips, 1);
        }
        with_.barrier();
        std::sort(each.begin(), each.end());
        return "ok " + std::to_string(of_.rank() == 0 ? each[series / 2] : 0.0);
    }

    void prepare(cell const& what) {
        if (ready_ && what == now_) return;
        drop();
        with_.barrier(); // nobody takes new memory while another still reads the old
        now_ = what;
        buffers_ = of_.prepare(now_);
        ready_ = true;
    }
    void drop() {
        if (!ready_) return;
        with_.barrier();
        buffers_ = {};
        of_.drop();
        ready_ = false;
    }

    /// Small whole numbers: every partial sum is exact.
    static float value(int rank, std::size_t i) { return static_cast<float>((static_cast<std::size_t>(rank) * 5 + i * 3) % 16); }

    float expected(std::size_t i) const {
        auto const p = of_.ranks();
        auto const mine = static_cast<std::size_t>(of_.rank());
        float sum = 0;
        switch (now_.what) {
        case collective::all_reduce:
            for (int r = 0; r < p; ++r) sum += value(r, i);
            return sum;
        case collective::reduce_scatter:
            for (int r = 0; r < p; ++r) sum += value(r, mine * now_.block + i);
            return sum;
        case collective::all_gather:
            return value(static_cast<int>(i / now_.block), i % now_.block);
        case collective::all_to_all:
            return value(static_cast<int>(i / now_.block), mine * now_.block + i % now_.block);
        case collective::broadcast:
            break;
        }
        return value(0, i);
    }

    /// Runs it once, on numbers of which the result is known; returns how many elements are wrong.
    std::size_t check() {
        std::fill_n(buffers_.out, used(now_.out()), -1.0f); // first, since a library may work in place
        auto const root_writes = now_.what == collective::broadcast && of_.rank() == 0;
        auto* const to = root_writes ? buffers_.out : buffers_.in;
        auto const count = root_writes ? now_.out() : now_.in();
        for (std::size_t i = 0; i < used(count); ++i) to[i] = value(of_.rank(), i);
        with_.barrier();
        buffers_.call();
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < used(now_.out()); ++i) wrong += buffers_.out[i] != expected(i);
        with_.barrier();
        return wrong;
    }

    std::vector<long long> measure(std::size_t iterations) {
        std::vector<long long> times;
        times.reserve(iterations);
        for (std::size_t i = 0; i < iterations; ++i) {
            rewrite(static_cast<float>(i % 8));
            with_.barrier();
            auto const start = std::chrono::steady_clock::now();
            buffers_.call();
            auto const end = std::chrono::steady_clock::now();
            with_.barrier();
            read();
            times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
        }
        with_.barrier();
        return times;
    }
    void rewrite(float with) {
        if (now_.what != collective::broadcast) std::fill_n(buffers_.in, used(now_.in()), with);
        else if (of_.rank() == 0) std::fill_n(buffers_.out, used(now_.out()), with);
    }
    void read() {
        std::uint32_t all = 0, bits = 0;
        for (std::size_t i = 0; i < used(now_.out()); ++i) {
            std::memcpy(&bits, buffers_.out + i, sizeof bits);
            all += bits;
        }
        seen_ = all;
    }
    /// Whole blocks only, where there are blocks.
    std::size_t used(std::size_t count) const {
        auto const blocks = now_.what != collective::all_reduce && now_.what != collective::broadcast;
        return blocks && count == now_.count ? now_.block * static_cast<std::size_t>(of_.ranks()) : count;
    }

    library& of_;
    control& to_;
    flags& with_;
    cell now_;
    prepared buffers_;
    bool ready_ = false;
    std::uint32_t volatile seen_ = 0;
};

/// The words that every worker is started with.
struct arguments {
    std::string job, control_name, flags_path;
    std::vector<std::string> more;

    arguments(int argc, char** argv) {
        if (argc < 4) throw std::invalid_argument("usage: WORKER JOB CONTROL FLAGS ... (bench/compare/compare starts it)");
        job = argv[1];
        control_name = argv[2];
        flags_path = argv[3];
        more.assign(argv + 4, argv + argc);
    }
};

/// One rank, from its hello to its end. What it throws is told to the driver, and to whoever called.
inline void serve(arguments const& with, library& of, waiting waits) {
    control to(with.control_name);
    try {
        flags shared(map_flags(with.flags_path), of.rank(), of.ranks(), waits);
        worker(of, to, shared).serve(with.job);
    } catch (std::exception const& e) {
        to.write(std::string("error: ") + e.what());
        throw;
    }
}

} // namespace compare
