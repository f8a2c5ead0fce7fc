#include "on_transport.hpp"

#include "command.hpp"
#include "measure.hpp"
#include "pin.hpp"
#include "report.hpp"

#include <chorus/runtime/run_threads.hpp>

#include <memory>

namespace chorus::tools {

int bench_on_threads(bench_options const& how, algorithms const& known) {
    auto const to = make_report(how, "");
    options settings;
    settings.timeout = how.timeout;
    auto correct = true;
    run_threads(how.ranks.value_or(4), settings, [&](communicator& comm) {
        pin(comm.rank(), comm.size());
        auto const is_first = comm.rank() == 0;
        auto const right = bench(comm, how, known, is_first ? to.get() : nullptr).run();
        if (is_first) correct = right;
    });
    to->finish();
    return correct ? fine : wrong_result;
}

} // namespace chorus::tools
