// expect: chorus: this algorithm reorders operands, and the operator is not known to be commutative
#include <chorus/runtime/collectives/reductions.hpp>

struct matrix {
    float a, b, c, d;
    friend matrix operator*(matrix const& x, matrix const& y) {
        return {x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d};
    }
};

void multiply(chorus::communicator& comm, std::vector<matrix> const& factors, std::vector<matrix>& product) {
    chorus::reduce_scatter(comm, factors, product, std::multiplies<>{}, chorus::circulant{});
}
