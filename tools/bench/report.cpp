#include "report.hpp"

#include "command.hpp"
#include "environment.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

namespace chorus::tools {

namespace {

/// Four digits, without an exponent where people read it.
std::string short_number(double value) {
    if (value >= 999.95) return fmt::format("{:.0f}", value);
    if (value >= 0.01) return fmt::format("{:.4g}", value);
    return fmt::format("{:.2g}", value);
}
double rounded(double value) { return std::stod(fmt::format("{:.6g}", value)); }

/// What all formats share: the samples' file, the progress, and what was skipped.
class base_report : public report {
public:
    base_report(bench_options const& how, std::string library)
        : how_(how),
          library_(std::move(library)),
          watched_(errors_go_to_terminal()) {
        if (how.raw.empty()) return;
        raw_.open(how.raw);
        raw_ << "collective,algorithm,chosen,transport,ranks,bytes,type,buffers,iteration,us\n";
        if (!raw_) throw environment_error("--raw: cannot write '" + how.raw + "'");
    }

    void starts(int ranks) override { begin(ranks); }
    void skipped(std::string const& why) override {
        clear_progress();
        fmt::print(stderr, "chorus: skipped: {}\n", why);
    }
    void progress(std::size_t done, std::size_t rows, std::string const& next) override {
        if (!watched_) return;
        constexpr std::size_t wide = 24;
        clear_progress();
        if (done == rows) return;
        auto const full = wide * done / rows;
        progress_ = fmt::format("[{:#<{}}{:.<{}}] {}/{}  {}", "", full, "", wide - full, done + 1, rows, next);
        fmt::print(stderr, "{}", progress_);
    }
    void measured(measurement const& line, std::span<double const> samples) override {
        clear_progress();
        write(line);
        std::fflush(stdout);
        if (!raw_.is_open()) return;
        for (std::size_t i = 0; i < samples.size(); ++i)
            raw_ << fmt::format("{},\"{}\",\"{}\",{},{},{},{},{},{},{:.4f}\n", name(line.what), line.algorithm,
                                line.chosen, how_.transport, line.ranks, line.bytes, how_.type, name(how_.buffers), i,
                                samples[i]);
    }
    void finish() override {
        end();
        if (!raw_.is_open()) return;
        raw_.close();
        if (!raw_) throw environment_error("--raw: cannot write '" + how_.raw + "'");
    }

protected:
    virtual void begin(int ranks) = 0;
    virtual void write(measurement const& line) = 0;
    virtual void end() {}

    bench_options const& how() const { return how_; }
    std::string const& library() const { return library_; }

private:
    void clear_progress() {
        if (!progress_.empty()) fmt::print(stderr, "\r{}\r", std::string(progress_.size(), ' '));
        progress_.clear();
    }

    bench_options const& how_;
    std::string library_;
    bool watched_;
    std::string progress_;
    std::ofstream raw_;
};

class table_report final : public base_report {
public:
    using base_report::base_report;

private:
    static constexpr auto layout = "{:<14} {:<{}} {:<{}} {:>10} {:>6} {:>10} {:>10} {:>10} {:>8} {:>8} {:>6}  {}\n";

    void begin(int ranks) override {
        for (auto const& [key, value] : environment()) {
            if (key == "version")
                fmt::print("# chorus {}", value);
            else if (key == "cpu")
                fmt::print("# {}", value);
            else if (key == "cores")
                fmt::print(", {} cores\n", value);
            else if (key == "compiler")
                fmt::print("# {}", value);
            else if (key == "build")
                fmt::print(", {}\n", value);
            else if (key == "date")
                fmt::print(", {}\n", value);
        }
        fmt::print("# {} ranks on {}{}, {}, operator {}, buffers {}; times are the most over all ranks\n", ranks,
                   how().transport, library().empty() ? "" : " (" + library() + ")", how().type, name(how().op),
                   name(how().buffers));
        for (auto const& each : how().algorithms) asked_ = std::max(asked_, each.size());
        fmt::print(layout, "COLLECTIVE", "ALGORITHM", asked_, "CHOSEN", chosen_, "BYTES", "ITER", "MIN us", "MEDIAN us",
                   "P99 us", "ALG GB/s", "BUS GB/s", "BOUND%", "CORRECT");
        std::fflush(stdout);
    }
    void write(measurement const& line) override {
        auto const chosen = line.chosen.size() <= chosen_ ? line.chosen : line.chosen.substr(0, chosen_ - 2) + "..";
        fmt::print(layout, name(line.what), line.algorithm, asked_, chosen, chosen_, line.bytes, line.iterations,
                   short_number(line.min_us), short_number(line.median_us), short_number(line.p99_us),
                   short_number(line.alg_GBps), short_number(line.bus_GBps), short_number(line.bound_percent),
                   line.correct ? "yes" : "WRONG");
    }

    std::size_t asked_ = 9, chosen_ = 24;
};

class csv_report final : public base_report {
public:
    using base_report::base_report;

private:
    void begin(int) override {
        fmt::print("collective,algorithm,chosen,transport,ranks,bytes,type,buffers,iterations,min_us,median_us,p99_us,"
                   "alg_GBps,bus_GBps,bound_percent,correct\n");
    }
    void write(measurement const& line) override {
        fmt::print("{},\"{}\",\"{}\",{},{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{}\n", name(line.what),
                   line.algorithm, line.chosen, how().transport, line.ranks, line.bytes, how().type,
                   name(how().buffers), line.iterations, line.min_us, line.median_us, line.p99_us, line.alg_GBps,
                   line.bus_GBps, line.bound_percent, line.correct);
    }
};

class json_report final : public base_report {
public:
    using base_report::base_report;

private:
    void begin(int ranks) override {
        for (auto const& [key, value] : environment()) environment_[key] = value;
        environment_["cores"] = std::stoi(environment_["cores"].get<std::string>());
        environment_["transport"] = how().transport;
        if (!library().empty()) environment_["mpi"] = library();
        environment_["ranks"] = ranks;
        environment_["operator"] = name(how().op);
    }
    void write(measurement const& line) override {
        results_.push_back({{"collective", name(line.what)},
                            {"algorithm", line.algorithm},
                            {"chosen", line.chosen},
                            {"transport", how().transport},
                            {"ranks", line.ranks},
                            {"bytes", line.bytes},
                            {"type", how().type},
                            {"buffers", name(how().buffers)},
                            {"iterations", line.iterations},
                            {"min_us", rounded(line.min_us)},
                            {"median_us", rounded(line.median_us)},
                            {"p99_us", rounded(line.p99_us)},
                            {"alg_GBps", rounded(line.alg_GBps)},
                            {"bus_GBps", rounded(line.bus_GBps)},
                            {"bound_percent", rounded(line.bound_percent)},
                            {"correct", line.correct}});
    }
    void end() override {
        write_text("", nlohmann::ordered_json{{"environment", environment_}, {"results", results_}}.dump(2) + "\n");
    }

    nlohmann::ordered_json environment_, results_ = nlohmann::ordered_json::array();
};

} // namespace

std::unique_ptr<report> make_report(bench_options const& how, std::string const& library) {
    if (how.format == "csv") return std::make_unique<csv_report>(how, library);
    if (how.format == "json") return std::make_unique<json_report>(how, library);
    return std::make_unique<table_report>(how, library);
}

} // namespace chorus::tools
