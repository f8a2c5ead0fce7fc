/// Folds against a scalar loop: all instruction sets x element types x operators, random sizes and offsets, in place and
/// out of place, one output or several, rounded once or at every step, through the caches or past them.

#include <chorus/kernel/kernel.hpp>

#include <catch2/catch.hpp>

#include <complex>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using chorus::element_id;
using chorus::operator_id;
using random_source = std::mt19937_64;

/// The expected value, written without anything from kernel/.
template <class T, class Op>
T expected(T left, T right) {
    constexpr auto op = chorus::operator_id_of<Op, T>;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool> &&
                  (op == operator_id::plus || op == operator_id::multiplies || op == operator_id::average)) {
        auto const a = static_cast<std::uint64_t>(left), b = static_cast<std::uint64_t>(right);
        return static_cast<T>(op == operator_id::multiplies ? a * b : a + b);
    } else if constexpr (chorus::detail::is_small_float<T> && op != operator_id::min && op != operator_id::max) {
        auto const a = static_cast<float>(left), b = static_cast<float>(right);
        if constexpr (op == operator_id::plus || op == operator_id::average)
            return T(a + b);
        else if constexpr (op == operator_id::multiplies)
            return T(a * b);
        else
            return T(Op{}(a, b) ? 1.0f : 0.0f);
    } else
        return static_cast<T>(Op{}(left, right));
}

/// Small numbers half of the time, any bits (NaN, infinity, subnormals) else.
template <class T>
T any_value(random_source& random) {
    if constexpr (std::is_same_v<T, bool>)
        return random() % 2 == 0;
    else if constexpr (chorus::is_complex(chorus::element_id_of<T>)) {
        using part = typename T::value_type;
        auto const small = [&] { return static_cast<part>(static_cast<int>(random() % 4) - 1); };
        return T(small(), small()); // products stay exact: compilers may contract them
    } else if constexpr (std::is_same_v<T, long double>)
        return static_cast<T>(random() % 1000) / 7;
    else if constexpr (std::is_same_v<T, std::byte>)
        return static_cast<std::byte>(random() & 0xff);
    else if (random() % 2 == 0)
        return static_cast<T>(static_cast<float>(random() % 5));
    else {
        auto const bits = random();
        T value;
        std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
        return value;
    }
}

template <class T>
bool same(T const& a, T const& b) {
    if constexpr (chorus::is_real(chorus::element_id_of<T>))
        if (a != a && b != b) return true; // which NaN is the processor's choice, except for min and max
    if constexpr (size(chorus::element_id_of<T>) > 16 || std::is_same_v<T, long double>) return a == b; // padding
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

enum class place { apart, left, right };

/// A kernel and what it should compute: of two elements, and of two running results.
template <class T>
struct subject {
    using wide = chorus::accumulator_t<T>;
    chorus::kernel kernel;
    T (*of_two)(T, T);
    wide (*of_many)(wide, wide);
};

template <class T>
std::unique_ptr<T[]> random_values(random_source& random, std::size_t count) {
    std::unique_ptr<T[]> values(new T[count]); // not vector<bool>
    for (std::size_t i = 0; i < count; ++i) values[i] = any_value<T>(random);
    return values;
}

std::string describe(chorus::kernel const& kernel, std::size_t count) {
    return std::string(name(kernel.element)) + " " + std::string(name(kernel.operation)) + ", count " +
           std::to_string(count);
}

/// One fold of random data in the middle of a larger buffer, whose other elements must not change.
template <class T>
void check_fold(subject<T> const& test, random_source& random, std::size_t count, place where) {
    auto const margin = 8 + random() % 9, all = count + 2 * margin;
    auto const left = random_values<T>(random, all), right = random_values<T>(random, all),
               apart = random_values<T>(random, all);
    auto* const out = where == place::left ? left.get() : where == place::right ? right.get() : apart.get();
    std::vector<T> wanted(out, out + all);
    for (auto i = margin; i < margin + count; ++i) wanted[i] = test.of_two(left[i], right[i]);
    test.kernel.fold(out + margin, left.get() + margin, right.get() + margin, count);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < all; ++i) wrong += same<T>(out[i], wanted[i]) ? 0 : 1;
    INFO(describe(test.kernel, count) << ", out " << static_cast<int>(where));
    CHECK(wrong == 0);
}

/// One fold of k sources into itself or elsewhere, and into further outputs; the element beyond must not change.
template <class T>
void check_fold_many(subject<T> const& test, random_source& random, std::size_t count, int k) {
    using wide = chorus::accumulator_t<T>;
    bool const rounds_each = random() % 2 == 0, streams = random() % 2 == 0;
    auto const shift = random() % 3;
    std::vector<std::unique_ptr<T[]>> buffers;
    std::vector<void const*> sources;
    for (int j = 0; j < k + 2; ++j) {
        buffers.push_back(random_values<T>(random, count + shift + 1));
        if (j < k) sources.push_back(buffers.back().get() + shift);
    }
    auto const first_out = random() % buffers.size();
    std::vector<void*> outs;
    for (auto j = first_out; j < buffers.size(); ++j) outs.push_back(buffers[j].get() + shift);
    std::vector<T> wanted;
    for (std::size_t i = shift; i < count + shift; ++i) {
        auto result = static_cast<wide>(buffers[0][i]);
        for (std::size_t j = 1; j < sources.size(); ++j) {
            result = test.of_many(result, static_cast<wide>(buffers[j][i]));
            if (rounds_each) result = static_cast<wide>(static_cast<T>(result));
        }
        wanted.push_back(static_cast<T>(result));
    }
    std::vector<T> beyond;
    for (auto const& each : buffers) beyond.push_back(each[count + shift]);
    test.kernel.fold({sources.data(), k, outs.data(), static_cast<int>(outs.size()), count, rounds_each, streams});
    std::size_t wrong = 0;
    for (auto j = first_out; j < buffers.size(); ++j) {
        for (std::size_t i = 0; i < count; ++i) wrong += same<T>(buffers[j][i + shift], wanted[i]) ? 0 : 1;
        wrong += same<T>(buffers[j][count + shift], beyond[j]) ? 0 : 1;
    }
    INFO(describe(test.kernel, count) << ", sources " << k << ", outputs " << outs.size() << (rounds_each ? ", rounding" : "")
                                      << (streams ? ", streaming" : ""));
    CHECK(wrong == 0);
}

/// Calls `act` with every instruction set that this processor has.
template <class Act>
void for_each_instruction_set(Act act) {
    using chorus::detail::instruction_set;
    auto const best = chorus::detail::best_instructions();
    for (auto const each : {instruction_set::base, instruction_set::avx2}) {
        if (each > best) continue;
        chorus::detail::fold_instructions = each;
        INFO("instruction set " << static_cast<int>(each));
        act();
    }
    chorus::detail::fold_instructions = best;
}

template <class T>
void check(subject<T> const& test, random_source& random) {
    for (auto const where : {place::apart, place::left, place::right}) {
        for (std::size_t const count : {0u, 1u, 2u, 3u, 16u, 63u, 64u, 65u}) check_fold(test, random, count, where);
        for (int i = 0; i < 4; ++i) check_fold(test, random, random() % 500, where);
    }
    for (int k = 1; k <= 9; ++k) check_fold_many(test, random, random() % 300, k);
    for (int k = 1; k <= 3; ++k) check_fold_many(test, random, 1200 + random() % 300, k);
    check_fold_many(test, random, 1, 2);
}

template <class T, class Op>
subject<T> subject_of() {
    using any_op = std::conditional_t<std::is_same_v<Op, std::plus<T>>, std::plus<>, Op>; // T may be narrower than wide
    return {chorus::make_kernel<T>(Op{}), &expected<T, Op>, &expected<chorus::accumulator_t<T>, any_op>};
}

template <class T, class... Ops>
void check_operators(random_source& random) {
    for_each_instruction_set([&] {
        for (auto const& test : {subject_of<T, Ops>()...}) check(test, random);
    });
}

template <class T>
void check_real(random_source& random) {
    check_operators<T, std::plus<>, std::plus<T>, std::multiplies<>, chorus::minimum, chorus::maximum,
                    std::logical_and<>, std::logical_or<>, chorus::logical_xor, chorus::average>(random);
}
template <class T>
void check_integer(random_source& random) {
    check_real<T>(random);
    check_operators<T, std::bit_and<>, std::bit_or<>, std::bit_xor<T>>(random);
}

struct seeded {
    std::uint64_t seed = Catch::rngSeed(); // another one: --rng-seed time
    random_source random{seed};
};

} // namespace

TEST_CASE("folds of integers equal a scalar loop", "[kernel][fold]") {
    seeded source;
    INFO("seed " << source.seed);
    check_integer<char>(source.random);
    check_integer<std::int8_t>(source.random);
    check_integer<std::uint8_t>(source.random);
    check_integer<std::int16_t>(source.random);
    check_integer<std::uint16_t>(source.random);
    check_integer<std::int32_t>(source.random);
    check_integer<std::uint32_t>(source.random);
    check_integer<long>(source.random);
    check_integer<long long>(source.random);
    check_integer<std::uint64_t>(source.random);
}

TEST_CASE("folds of floating-point numbers equal a scalar loop", "[kernel][fold]") {
    seeded source;
    INFO("seed " << source.seed);
    check_real<float>(source.random);
    check_real<double>(source.random);
    check_real<long double>(source.random);
    check_real<chorus::float16>(source.random);
    check_real<chorus::bfloat16>(source.random);
}

TEST_CASE("folds of booleans, bytes and complex numbers equal a scalar loop", "[kernel][fold]") {
    seeded source;
    INFO("seed " << source.seed);
    check_operators<bool, std::plus<>, std::multiplies<>, chorus::minimum, chorus::maximum, std::logical_and<>,
                    std::logical_or<>, chorus::logical_xor, std::bit_and<>, std::bit_or<>, std::bit_xor<>>(
        source.random);
    check_operators<std::byte, std::bit_and<>, std::bit_or<>, std::bit_xor<>>(source.random);
    check_operators<std::complex<float>, std::plus<>, std::multiplies<>, chorus::average>(source.random);
    check_operators<std::complex<double>, std::plus<>, std::multiplies<>, chorus::average>(source.random);
    check_operators<std::complex<long double>, std::plus<>, std::multiplies<>>(source.random);
}

TEST_CASE("the mean of 16-bit floats rounds once and does not overflow, in all instruction sets", "[kernel][fold][float16]") {
    auto const check = [](auto example, float largest) {
        using small = decltype(example);
        constexpr std::size_t n = 77;
        for (int const ranks : {2, 3, 7, 8}) {
            std::vector<std::vector<small>> operands;
            std::vector<void const*> sources;
            for (int r = 0; r < ranks; ++r) {
                operands.emplace_back();
                for (std::size_t i = 0; i < n; ++i) operands.back().push_back(small(i == 0 ? largest : static_cast<float>(i) + static_cast<float>(r) / 7));
            }
            for (auto const& each : operands) sources.push_back(each.data());
            std::vector<small> means(n);
            void* const out = means.data();
            chorus::fold_rows what{sources.data(), ranks, &out, 1, n};
            chorus::detail::set_mean(what, ranks);
            auto const kernel = chorus::make_kernel<small>(chorus::average{});
            for_each_instruction_set([&] {
                means.assign(n, small(0.0f));
                kernel.fold(what);
                CHECK(means[0].bits() == small(largest).bits());
                std::size_t wrong = 0;
                for (std::size_t i = 1; i < n; ++i) {
                    float sum = 0;
                    for (auto const& each : operands) sum += float(each[i]) * what.scale;
                    wrong += means[i].bits() == small(sum / what.divisor).bits() ? 0 : 1;
                }
                CHECK(wrong == 0);
            });
        }
    };
    check(chorus::float16(0.0f), 65504.0f);
    check(chorus::bfloat16(0.0f), 3.0e38f);
}

TEST_CASE("minimum and maximum give the same bits in any order", "[kernel][fold][determinism]") {
    auto const nan = std::numeric_limits<float>::quiet_NaN();
    auto const infinity = std::numeric_limits<float>::infinity();
    std::vector<float> const special{0.0f, -0.0f, 1.0f, -1.0f, nan, -nan, infinity, -infinity, 1e-45f};
    auto const check_order = [&](auto op) {
        auto const kernel = chorus::make_kernel<float>(op);
        for (auto const a : special) {
            for (auto const b : special) {
                float const left[5] = {a, a, a, a, a}, right[5] = {b, b, b, b, b};
                float forward[5], backward[5];
                kernel.fold(forward, left, right, 5);
                kernel.fold(backward, right, left, 5);
                auto const scalar = op(a, b);
                CHECK(std::memcmp(forward, backward, sizeof(forward)) == 0);
                CHECK(std::memcmp(forward, &scalar, sizeof(scalar)) == 0);
                CHECK(std::memcmp(forward + 4, &scalar, sizeof(scalar)) == 0);
            }
        }
    };
    for_each_instruction_set([&] {
        check_order(chorus::minimum{});
        check_order(chorus::maximum{});
    });
}

TEST_CASE("16-bit floats are converted alike by all instruction sets, every bit pattern of them", "[kernel][fold][float16]") {
    auto const check_all = [](auto example) {
        using small = decltype(example);
        std::vector<small> all, zeros(65536, small(0.0f)), sums(65536);
        for (unsigned bits = 0; bits < 65536; ++bits) all.push_back(small::from_bits(static_cast<std::uint16_t>(bits)));
        auto const kernel = chorus::make_kernel<small>(std::plus<>{});
        for_each_instruction_set([&] {
            kernel.fold(sums.data(), all.data(), zeros.data(), all.size());
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < all.size(); ++i) wrong += sums[i].bits() == small(float(all[i]) + 0.0f).bits() ? 0 : 1;
            CHECK(wrong == 0); // NaNs with their payloads, too
        });
    };
    check_all(chorus::float16(0.0f));
    check_all(chorus::bfloat16(0.0f));
}
