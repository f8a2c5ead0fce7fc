#include "on_transport.hpp"

#include "command.hpp"
#include "measure.hpp"
#include "pin.hpp"
#include "report.hpp"

#include <chorus/runtime/run_processes.hpp>

namespace chorus::tools {

namespace {

/// Thrown by rank 0, since nothing else comes back from its process.
class results_are_wrong : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
constexpr char const* wrong_results = "some results are wrong";

} // namespace

int bench_on_processes(bench_options const& how, algorithms const& known) {
    options settings;
    settings.timeout = how.timeout;
    try {
        run_processes(how.ranks.value_or(4), settings, [&](communicator& comm) {
            pin(comm.rank(), comm.size());
            comm.expect_shared_buffers(how.shared_memory);
            auto const to = comm.rank() == 0 ? make_report(how, "") : nullptr;
            auto const right = bench(comm, how, known, to.get()).run();
            if (to) to->finish();
            if (to && !right) throw results_are_wrong(wrong_results);
        });
    } catch (rank_error const& e) {
        if (std::string_view(e.what()).ends_with(wrong_results)) return wrong_result;
        throw;
    }
    return fine;
}

} // namespace chorus::tools
