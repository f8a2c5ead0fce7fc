// Which dimension of a job goes where.
#include <chorus/network/parse.hpp>
#include <chorus/paths/mapping.hpp>

#include <catch2/catch.hpp>

using namespace chorus;

TEST_CASE("tensor groups go onto the bus, where they move most", "[mapping]") {
    auto const on = parse_topology("super-node:nodes=4,npus=8,per_leaf=8,spines=8,rate=400G,bus=3600G");
    traffic::parallel how;
    how.tensor = 8, how.data = 2, how.pipeline = 2;
    auto const found = map_groups(on, place_linear(on), how, {100, 10, 1});
    CHECK(found.front().order[0] == 't');
    CHECK(found.back().order[2] == 't');
    CHECK(found.back().cost > 2 * found.front().cost);
    CHECK(map_groups(on, place_linear(on), how, {1, 100, 10}).front().order[0] == 'd');
}

TEST_CASE("a byte costs more the further up it goes", "[mapping]") {
    auto const on = parse_topology("fat-tree:k=4,rate=400G");
    CHECK(tier_cost(on, 0, 0) == 0);
    CHECK(tier_cost(on, 0, 2) == Approx(2 * tier_cost(on, 0, 1)));
    CHECK(tier_cost(on, 0, 4) == Approx(3 * tier_cost(on, 0, 1)));
}

TEST_CASE("what an iteration moves along each dimension comes from the job", "[mapping]") {
    traffic::training job;
    job.model = {.layers = 8, .hidden = 1024, .heads = 8, .kv_heads = 8, .ffn = 4096, .vocabulary = 1000, .sequence = 512};
    job.how.tensor = 4, job.how.data = 4, job.how.pipeline = 2;
    job.global_batch = 32;
    auto const on = parse_topology("leaf-spine:leaves=4,spines=8,hosts=8");
    auto const sent = bytes_sent(job, on);
    // Tensor: 4 all_reduces for each of 4 layers and 8 micro-batches, of 512 x 1024 activations of 2 bytes, 2 (p-1)/p of it sent.
    CHECK(sent.tensor == Approx(4 * 4 * 8 * 512.0 * 1024 * 2 * 2 * 3 / 4).epsilon(1e-6));
    CHECK(sent.data > 0);
    CHECK(sent.pipeline > 0);
    CHECK(map_groups(on, place_linear(on), job.how, sent).front().order[0] == 't');
}
