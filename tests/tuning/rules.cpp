/// What options and environment force: the grammar, and what it says to bad text.

#include "support/ranks.hpp"

#include <chorus/algorithm/choice.hpp>
#include <chorus/tuning/rules.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace chorus;
using namespace chorus::testing;

namespace {

std::string found(std::string const& rules, collective what, std::size_t bytes) {
    forced_choice call;
    call.what = what;
    call.bytes = bytes;
    read_rules(rules, "TEST", call);
    return to_string(call.how);
}
constexpr auto sum = collective::all_reduce;

} // namespace

TEST_CASE("rules force an algorithm for a collective and a range of sizes", "[tuning/rules]") {
    CHECK(found("", sum, 8) == "auto");
    CHECK(found("all_reduce=ring", sum, 8) == "ring");
    CHECK(found("all_reduce=ring", collective::all_gather, 8) == "auto");
    CHECK(found("  all_gather : > 64k = bruck : radix=4 , segments=2 ;", collective::all_gather, 70000) == "bruck:radix=4,segments=2");
    struct line {
        char const* range;
        std::size_t inside, outside;
    };
    for (auto const& each : {line{"<64K", 65535, 65536}, line{"<=64K", 65536, 65537}, line{">64k", 65537, 65536}, line{">=1M", 1048576, 1048575},
                             line{"1K..2K", 1024, 1023}, line{"1K..2K", 2048, 2049}, line{"0..0", 0, 1}, line{">1G", 1073741825, 1073741824}}) {
        CAPTURE(each.range);
        auto const rule = std::string("all_reduce:") + each.range + "=tree";
        CHECK(found(rule, sum, each.inside) == "tree");
        CHECK(found(rule, sum, each.outside) == "auto");
    }
}

TEST_CASE("of rules that fit, the last one holds", "[tuning/rules]") {
    std::string const rules = "all_reduce=ring;all_reduce:>1K=tree;all_gather=bruck;all_reduce:>1M=auto";
    CHECK(found(rules, sum, 1024) == "ring");
    CHECK(found(rules, sum, 1025) == "tree");
    CHECK(found(rules, sum, 2 << 20) == "auto");
}

TEST_CASE("a rule that cannot be read is one error that names it", "[tuning/rules]") {
    struct line {
        char const *rule, *says;
    };
    for (auto const& each :
         {line{"ring", "no collective 'ring'; allowed are all_reduce"}, line{"all_reduce", "a rule is COLLECTIVE=ALGORITHM"}, line{"all_reduce=", "no algorithm ''"},
          line{"all_reduce=rnig", "no algorithm 'rnig'; allowed are ring, tree"}, line{"all_reduce:64K=ring", "ranges are"},
          line{"all_reduce:<=ring", "numbers have"}, line{"all_reduce:<64Q=ring", "a rule is"}, line{"all_reduce=ring:radix=4", "its only option is segments="},
          line{"all_reduce=bruck:radix=1", "radix from 2 on"}, line{"all_reduce=ring:segments=99999999999", "one to nine digits"},
          line{"all_reduce=hierarchical", "cannot be forced"}, line{"all_reduce=ring:segments=2 tree", "more than a rule"}, line{"=ring", "no collective ''"}}) {
        CAPTURE(each.rule);
        // Also where the call at hand has nothing to do with it.
        auto const said = outcome_of([&] { found(std::string("all_gather=ring; ") + each.rule, collective::barrier, 0); });
        CHECK(said.kind == "usage");
        CHECK(said.has(std::string("TEST: '") + each.rule + "'"));
        CHECK(said.has(each.says));
        CHECK(said.text.find('\n') == std::string::npos);
    }
}
