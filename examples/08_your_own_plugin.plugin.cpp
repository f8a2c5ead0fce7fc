// The star of 07_your_own_algorithm, for the `chorus` command: proven, drawn and measured beside the catalogue.
//
// Run: build/bin/chorus show all_reduce star --ranks 4 --plugin build/bin/examples/08_your_own_plugin.so
//
//     build/bin/chorus verify all_reduce star --plugin build/bin/examples/08_your_own_plugin.so
//     build/bin/chorus bench --collective all_reduce --algorithm star,ring --plugin
//     build/bin/examples/08_your_own_plugin.so
//
// Outside of this repository: g++ -std=c++20 -O2 -shared -fPIC -I include mine.cpp -o mine.so
#include <chorus/plugin.hpp>

struct star {
    template <chorus::schedule_sink Sink>
    void operator()(Sink& sink, chorus::slice_list const& data) const {
        if (sink.rank() == 0) {
            for (int other = 1; other < sink.size(); ++other) sink.recv_reduce(other, data);
            for (int other = 1; other < sink.size(); ++other) sink.send(other, data);
        } else {
            sink.send(0, data);
            sink.recv(0, data);
        }
    }
};

/// Called by the command when it has loaded the file.
extern "C" void chorus_plugin(chorus::plugin_catalogue& to) {
    to.add<chorus::collective::all_reduce>(
        "star", star{},
        {.keeps_order = true, // `verify` holds you to it, and to the formula
         .cost = "2 rounds, n(p-1) sent and reduced at the root",
         .source = "folklore",
         .formula = [](int p, chorus::choice const&) -> chorus::cost_terms {
             double const others = p - 1;
             return {.rounds = p > 1 ? 2.0 : 0.0, .messages = others, .sent = others, .reduced = others};
         }});
}
