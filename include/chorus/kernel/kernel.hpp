#pragma once
/// Kernels: an element type and an operator, erased.
///
/// Schedules and executors are compiled once and know no element types; a kernel tells them how many bytes an element
/// has and how two or more buffers of elements are folded.

#include <chorus/kernel/fold.hpp>

#include <cstddef>
#include <cstdint>

namespace chorus {

/// What an executor needs to fold bytes. Buffers are aligned to the element type. A callable that throws leaves the outputs
/// partly written.
struct kernel {
    using rows_function = void (*)(void const* op, fold_rows const& what);
    using finish_function = void (*)(void* data, std::size_t count, int ranks);

    rows_function rows = nullptr; ///< any fold (kernel/lanes.hpp); null where elements are only moved
    finish_function finish = nullptr;       ///< the final step; null where the operator needs none (average does)
    void const* op = nullptr;               ///< the callable, null when stateless; must outlive every use
    std::size_t element_bytes = 0;
    std::size_t element_alignment = 1; ///< of every buffer that is folded
    element_id element = element_id::other;
    operator_id operation = operator_id::custom;
    bool commutative = false;
    bool exact = false;     ///< see operator_facts
    std::uint32_t hash = 0; ///< equal on all ranks that fold the same elements with the same operator

    void fold(fold_rows const& what) const { rows(op, what); }
    /// out[i] = left[i] op right[i]
    void fold(void* out, void const* left, void const* right, std::size_t count) const {
        void const* const both[2] = {left, right};
        rows(op, {both, 2, &out, 1, count});
    }
};

namespace detail {

template <class T, class Op>
constexpr void choose_folds(kernel& result) {
    constexpr auto plan = plan_lanes(element_id_of<T>, operator_id_of<Op, T>);
    if constexpr (plan.lane != element_id::other) {
        result.rows = &fold_lanes<plan.lane, plan.operation, plan.per_element>;
    } else {
        result.rows = &fold_each<T, Op>;
    }
    if constexpr (facts_of<Op, T>().finishes) {
        if constexpr (plan.lane == element_id::other || std::is_integral_v<T>)
            result.finish = &divide_each<T>;
        else
            result.finish = &divide_lanes<plan.lane, plan.per_element>;
    }
}

} // namespace detail

/// Elements that are moved and never combined: all_gather, broadcast and their like.
template <class T>
constexpr kernel copy_kernel() {
    kernel result;
    if constexpr (require_element<T>()) {
        result.element_bytes = sizeof(T);
        result.element_alignment = alignof(T);
        result.element = element_id_of<T>;
        result.hash = type_hash<T>();
    }
    return result;
}

/// The kernel of `op` on elements of type T. Keeps the address of `op` when it has state, and refuses a
/// temporary then. Wrong types meet one line of explanation (require_element, require_operator).
template <class T, class Op>
constexpr kernel make_kernel(Op const& op) {
    auto result = copy_kernel<T>();
    if constexpr (element<T>) {
        if constexpr (require_operator<Op, T>()) {
            constexpr auto facts = facts_of<Op, T>();
            detail::choose_folds<T, Op>(result);
            if constexpr (!detail::is_stateless<Op>) result.op = &op;
            result.operation = facts.id;
            result.commutative = facts.commutative;
            result.exact = facts.exact;
            result.hash = detail::hash_word(operator_hash<Op>() + facts.commutative, result.hash);
        }
    }
    return result;
}

template <class T, class Op>
    requires(std::is_object_v<Op> && !detail::is_stateless<Op>)
kernel make_kernel(Op const&&) {
    static_assert(std::is_void_v<Op>, "chorus: a kernel refers to an operator that has state: pass a variable that "
                                      "outlives the kernel, not a temporary");
    return {};
}

} // namespace chorus
