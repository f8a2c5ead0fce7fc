/// Kernels: what they say of their operator, callables of the user, final steps, hashes.

#include <chorus/kernel/kernel.hpp>

#include <catch2/catch.hpp>

#include <complex>
#include <stdexcept>
#include <vector>

namespace {

struct matrix { // a user type whose multiplication does not commute
    int a, b, c, d;
    friend bool operator==(matrix const&, matrix const&) = default;
    friend matrix operator*(matrix const& x, matrix const& y) {
        return {x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d};
    }
};

struct largest_at { // the classic: a value and where it was found
    double value;
    int index;
    friend bool operator==(largest_at const&, largest_at const&) = default;
};

int subtract_from(int left, int right) { return left - right; }

template <class T>
std::vector<T> finished(std::vector<T> sums, int ranks) {
    auto const kernel = chorus::make_kernel<T>(chorus::average{});
    kernel.finish(sums.data(), sums.size(), ranks);
    return sums;
}

} // namespace

TEST_CASE("a kernel says what its operator may be used for", "[kernel]") {
    auto const sum = chorus::make_kernel<float>(std::plus<>{});
    CHECK(sum.element_bytes == 4);
    CHECK(sum.element == chorus::element_id::float32);
    CHECK(sum.operation == chorus::operator_id::plus);
    CHECK(sum.commutative);
    CHECK_FALSE(sum.exact);
    CHECK(sum.op == nullptr);
    CHECK(sum.finish == nullptr);
    CHECK(chorus::make_kernel<int>(std::plus<>{}).exact);
    CHECK(chorus::make_kernel<float>(chorus::minimum{}).exact);
    CHECK(chorus::make_kernel<float>(chorus::average{}).finish != nullptr);
    CHECK_FALSE(chorus::make_kernel<matrix>(std::multiplies<>{}).commutative);
    CHECK_FALSE(chorus::make_kernel<int>([](int a, int) { return a; }).commutative);
}

TEST_CASE("a copy kernel has an element and no operator", "[kernel]") {
    auto const copy = chorus::copy_kernel<largest_at>();
    CHECK(copy.rows == nullptr);
    CHECK(copy.element_bytes == sizeof(largest_at));
    CHECK(copy.element == chorus::element_id::other);
}

TEST_CASE("user types fold with user operators, in operand order", "[kernel]") {
    auto const product = chorus::make_kernel<matrix>(std::multiplies<>{});
    std::vector<matrix> const a(5, {1, 1, 0, 1}), b(5, {1, 0, 1, 1}), c(5, {2, 3, 5, 7});
    std::vector<matrix> out(5), all(5);
    product.fold(out.data(), a.data(), b.data(), 5);
    CHECK(out[4] == a[0] * b[0]);
    CHECK_FALSE(out[4] == b[0] * a[0]);
    void const* const sources[3] = {a.data(), b.data(), c.data()};
    std::vector<matrix> more(5);
    void* const outs[2] = {all.data(), more.data()};
    product.fold({sources, 3, outs, 2, 5});
    CHECK(all[4] == a[0] * b[0] * c[0]);
    CHECK(more[4] == all[4]);

    auto const larger = chorus::commutative([](largest_at x, largest_at y) { return y.value > x.value ? y : x; });
    auto const find = chorus::make_kernel<largest_at>(larger);
    CHECK(find.commutative);
    largest_at here[1] = {{1.5, 0}}, there[1] = {{2.5, 1}};
    find.fold(here, here, there, 1);
    CHECK(here[0] == there[0]);
}

TEST_CASE("a callable with state is used where it lies", "[kernel]") {
    int const modulus = 7;
    auto const sum = [&](int a, int b) { return (a + b) % modulus; };
    auto const kernel = chorus::make_kernel<int>(sum);
    CHECK(kernel.op == static_cast<void const*>(&sum));
    int const left[3] = {6, 5, 4}, right[3] = {6, 1, 3};
    int out[3];
    kernel.fold(out, left, right, 3);
    CHECK(out[0] == 5);
    CHECK(out[1] == 6);
    CHECK(out[2] == 0);

    auto* const function = &subtract_from;
    auto const pointer = chorus::make_kernel<int>(function);
    pointer.fold(out, left, right, 3);
    CHECK(out[1] == 4);
}

TEST_CASE("an operator that throws is let through", "[kernel]") {
    auto const refuse = [](int a, int b) {
        if (b == 3) throw std::runtime_error("three");
        return a + b;
    };
    auto const kernel = chorus::make_kernel<int>(refuse);
    int data[4] = {1, 2, 3, 4};
    int const right[4] = {1, 2, 3, 4};
    CHECK_THROWS_WITH(kernel.fold(data, data, right, 4), "three");
    CHECK(data[1] == 4);
    CHECK(data[3] == 4);
    void const* const sources[2] = {data, right};
    void* const out = data;
    CHECK_THROWS_AS(kernel.fold({sources, 2, &out, 1, 4}), std::runtime_error);
}

TEST_CASE("a callable on 16-bit floats may speak float", "[kernel][float16]") {
    auto const kernel = chorus::make_kernel<chorus::float16>([](float a, float b) { return a + 2 * b; });
    chorus::float16 data[1] = {chorus::float16(1.0f)};
    kernel.fold(data, data, data, 1);
    CHECK(data[0] == 3.0f);
}

TEST_CASE("average divides by the number of ranks", "[kernel]") {
    CHECK(finished<float>({6, 7, 8, 9, 10}, 4) == std::vector<float>{1.5f, 1.75f, 2.0f, 2.25f, 2.5f});
    CHECK(finished<double>(std::vector<double>(100, 1.0), 3) == std::vector<double>(100, 1.0 / 3.0));
    CHECK(finished<long double>({1}, 4) == std::vector<long double>{0.25L});
    CHECK(finished<std::int8_t>({-7, 7, 127}, 2) == std::vector<std::int8_t>{-3, 3, 63});
    CHECK(finished<std::int8_t>({-7, 100}, 200) == std::vector<std::int8_t>{0, 0});
    CHECK(finished<std::uint64_t>({~0ull}, 1) == std::vector<std::uint64_t>{~0ull});
    CHECK(finished<std::uint32_t>({~0u}, 2) == std::vector<std::uint32_t>{0x7fffffffu});
    CHECK(finished<std::complex<float>>({{2, 4}}, 2) == std::vector<std::complex<float>>{{1, 2}});
    CHECK(finished<std::complex<long double>>({{2, 4}}, 2) == std::vector<std::complex<long double>>{{1, 2}});
    CHECK(finished<chorus::bfloat16>(std::vector<chorus::bfloat16>(19, chorus::bfloat16(3.0f)), 2)[18] == 1.5f);
    CHECK(finished<chorus::float16>({chorus::float16(1.0f)}, 3)[0].bits() == chorus::float16(1.0f / 3.0f).bits());
}

TEST_CASE("kernels of the same element and operator share a hash, others do not", "[kernel]") {
    auto const sum = chorus::make_kernel<float>(std::plus<>{}).hash;
    CHECK(sum == chorus::make_kernel<float>(std::plus<float>{}).hash);
    CHECK(sum == chorus::make_kernel<float>(chorus::commutative(std::plus<>{})).hash);
    CHECK(sum != chorus::make_kernel<float>(chorus::average{}).hash);
    CHECK(sum != chorus::make_kernel<double>(std::plus<>{}).hash);
    CHECK(sum != chorus::copy_kernel<float>().hash);
    CHECK(chorus::make_kernel<long>(std::plus<>{}).hash == chorus::make_kernel<long long>(std::plus<>{}).hash);
    auto const last = [](int, int b) { return b; };
    CHECK(chorus::make_kernel<int>(last).hash != chorus::make_kernel<int>(chorus::commutative(last)).hash);
    auto const larger = [](int a, int b) { return a < b ? b : a; }; // another lambda of the same function and signature
    CHECK(chorus::make_kernel<int>(last).hash != chorus::make_kernel<int>(larger).hash);
    CHECK(chorus::make_kernel<int>(chorus::commutative(last)).hash != chorus::make_kernel<int>(chorus::commutative(larger)).hash);
    { struct same { int value; }; CHECK(chorus::copy_kernel<same>().hash == chorus::copy_kernel<same>().hash); }
    auto const local = [] { struct same { int value; }; return chorus::copy_kernel<same>().hash; };
    auto const other = [] { struct same { float value; }; return chorus::copy_kernel<same>().hash; };
    CHECK(local() != other());
}

TEST_CASE("equal loops are one function", "[kernel]") {
    CHECK(chorus::make_kernel<long>(std::plus<>{}).rows == chorus::make_kernel<unsigned long long>(std::plus<>{}).rows);
    CHECK(chorus::make_kernel<float>(chorus::average{}).rows == chorus::make_kernel<float>(std::plus<>{}).rows);
}
