#include "elements.hpp"

#include <chorus/core/float16.hpp>

#include <algorithm>
#include <array>
#include <functional>

namespace chorus::tools {

namespace {

constexpr std::size_t period = 4093; // a prime: no block size is a multiple of it

template <class T>
kernel copy_of() {
    return copy_kernel<T>();
}

template <class T>
kernel fold_of(operator_id op) {
    switch (op) {
    case operator_id::multiplies:
        return make_kernel<T>(std::multiplies<>{});
    case operator_id::min:
        return make_kernel<T>(minimum{});
    case operator_id::max:
        return make_kernel<T>(maximum{});
    case operator_id::average:
        return make_kernel<T>(average{});
    default:
        return make_kernel<T>(std::plus<>{});
    }
}

template <class T>
T element_from(std::uint8_t number) {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(number);
    else
        return static_cast<T>(static_cast<float>(number));
}

/// Calls visit(first element, numbers) for each run of consecutive numbers of the stream.
template <class Visit>
bool for_each_run(std::size_t count, number_stream from, Visit visit) {
    auto at = from.first % from.values.size();
    for (std::size_t done = 0; done < count;) {
        auto const length = std::min(count - done, from.values.size() - at);
        if (!visit(done, from.values.subspan(at, length))) return false;
        done += length;
        at = 0;
    }
    return true;
}

template <class T>
void store(void* to, std::size_t count, number_stream from) {
    for_each_run(count, from, [&](std::size_t first, std::span<std::uint8_t const> numbers) {
        std::transform(numbers.begin(), numbers.end(), static_cast<T*>(to) + first, element_from<T>);
        return true;
    });
}

template <class T>
bool holds(void const* data, std::size_t count, number_stream wanted) {
    return for_each_run(count, wanted, [&](std::size_t first, std::span<std::uint8_t const> numbers) {
        return std::equal(numbers.begin(), numbers.end(), static_cast<T const*>(data) + first,
                          [](std::uint8_t number, T const& element) { return element_from<T>(number) == element; });
    });
}

template <class T>
constexpr element_type make(std::string_view name) {
    return {name, sizeof(T), &copy_of<T>, &fold_of<T>, &store<T>, &holds<T>};
}

constexpr std::array types{make<float>("float"),        make<double>("double"),      make<std::int32_t>("int32"),
                           make<std::int64_t>("int64"), make<std::uint8_t>("uint8"), make<bfloat16>("bfloat16"),
                           make<float16>("float16")};

/// What rank r contributes where the arbitrary number is `any`.
int contributed(operator_id op, int any, int rank, int of) {
    switch (op) {
    case operator_id::multiplies: // at most three twos
        return (any + rank) % of < any / 64 ? 2 : 1;
    case operator_id::min:
    case operator_id::max:
        return (any * 31 + rank * 57) & 255;
    case operator_id::average: // one rank contributes p times the mean
        return (any + rank) % of == 0 ? of * (any % (255 / of + 1)) : 0;
    default: // the sum is at most 255
        return rank < 255 ? any % std::max(2, 255 / of + 1) : 0;
    }
}

int combine(operator_id op, int a, int b) {
    switch (op) {
    case operator_id::multiplies:
        return a * b;
    case operator_id::min:
        return std::min(a, b);
    case operator_id::max:
        return std::max(a, b);
    default:
        return a + b;
    }
}

} // namespace

std::span<element_type const> element_types() { return types; }

std::vector<std::uint8_t> const& arbitrary_numbers() {
    static auto const numbers = [] {
        std::vector<std::uint8_t> result;
        std::uint64_t state = 42; // of a linear congruential generator (Knuth's MMIX)
        for (std::size_t i = 0; i < period; ++i) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            result.push_back(static_cast<std::uint8_t>(state >> 56));
        }
        return result;
    }();
    return numbers;
}

std::size_t first_of_block(std::size_t block) { return block * 1009 % period; }

std::vector<std::uint8_t> contribution(operator_id op, int rank, int of) {
    std::vector<std::uint8_t> result;
    for (auto const any : arbitrary_numbers())
        result.push_back(static_cast<std::uint8_t>(contributed(op, any, rank, of)));
    return result;
}

std::vector<std::uint8_t> folded(operator_id op, int ranks, int of) {
    std::vector<std::uint8_t> result;
    for (auto const any : arbitrary_numbers()) {
        auto all = contributed(op, any, 0, of);
        for (int r = 1; r < ranks; ++r) all = combine(op, all, contributed(op, any, r, of));
        result.push_back(static_cast<std::uint8_t>(op == operator_id::average ? all / of : all));
    }
    return result;
}

} // namespace chorus::tools
