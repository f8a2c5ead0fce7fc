#pragma once
/// Chorus' elements and operators in MPI's words.

#include <chorus/core/element.hpp>
#include <chorus/core/operators.hpp>
#include <chorus/kernel/kernel.hpp>
#include <chorus/transport/detail/mpi_api.hpp>

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace chorus::detail {

/// Tables are filled at run time: in Open MPI a handle is the address of a library's variable.
class mpi_types {
public:
    mpi_types() {
        using enum element_id;
        set(boolean, MPI_CXX_BOOL);
        set(int8, MPI_INT8_T), set(uint8, MPI_UINT8_T), set(int16, MPI_INT16_T), set(uint16, MPI_UINT16_T);
        set(int32, MPI_INT32_T), set(uint32, MPI_UINT32_T), set(int64, MPI_INT64_T), set(uint64, MPI_UINT64_T);
        set(float32, MPI_FLOAT), set(float64, MPI_DOUBLE), set(float_ext, MPI_LONG_DOUBLE);
        set(complex64, MPI_C_FLOAT_COMPLEX), set(complex128, MPI_C_DOUBLE_COMPLEX);
        set(complex_ext, MPI_C_LONG_DOUBLE_COMPLEX), set(byte, MPI_BYTE);

        using op = operator_id;
        set(op::plus, MPI_SUM), set(op::average, MPI_SUM), set(op::multiplies, MPI_PROD);
        set(op::min, MPI_MIN), set(op::max, MPI_MAX);
        set(op::bit_and, MPI_BAND), set(op::bit_or, MPI_BOR), set(op::bit_xor, MPI_BXOR);
        set(op::logical_and, MPI_LAND), set(op::logical_or, MPI_LOR), set(op::logical_xor, MPI_LXOR);
    }

    /// Whether MPI folds these elements with this operator to what Chorus' own kernel makes of them. It does not for
    /// the least and greatest of floating-point numbers: with zeros and NaNs its result depends on the order of the
    /// ranks.
    static bool folds(element_id on, operator_id with) {
        switch (with) {
        case operator_id::custom:
            return false;
        case operator_id::plus:
        case operator_id::multiplies:
        case operator_id::average:
            return is_integer(on) || is_wide_real(on) || is_complex(on);
        case operator_id::min:
        case operator_id::max:
            return is_integer(on);
        case operator_id::bit_and:
        case operator_id::bit_or:
        case operator_id::bit_xor:
            return is_integer(on) || on == element_id::byte;
        default:
            return is_integer(on) || on == element_id::boolean;
        }
    }

    MPI_Datatype folded(element_id what) const { return types_[static_cast<std::size_t>(what)]; }
    MPI_Op folded_with(operator_id what) const { return operators_[static_cast<std::size_t>(what)]; }

    /// A type for elements that are moved and not folded: only their size counts.
    MPI_Datatype moved(std::size_t element_bytes) {
        switch (element_bytes) {
        case 1:
            return MPI_BYTE;
        case 2:
            return MPI_INT16_T;
        case 4:
            return MPI_INT32_T;
        case 8:
            return MPI_INT64_T;
        default:
            return made(element_bytes);
        }
    }

    /// Frees what was made; MPI must still live.
    void reset() {
        for (auto& [bytes, type] : made_) MPI_Type_free(&type);
        made_.clear();
    }

private:
    static bool is_wide_real(element_id what) { return what >= element_id::float32 && what <= element_id::float_ext; }
    void set(element_id at, MPI_Datatype type) { types_[static_cast<std::size_t>(at)] = type; }
    void set(operator_id at, MPI_Op op) { operators_[static_cast<std::size_t>(at)] = op; }

    MPI_Datatype made(std::size_t element_bytes) {
        for (auto const& [bytes, type] : made_)
            if (bytes == element_bytes) return type;
        MPI_Datatype type = MPI_DATATYPE_NULL;
        require_mpi(MPI_Type_contiguous(static_cast<int>(element_bytes), MPI_BYTE, &type), "MPI_Type_contiguous");
        require_mpi(MPI_Type_commit(&type), "MPI_Type_commit");
        made_.emplace_back(element_bytes, type);
        return type;
    }

    std::array<MPI_Datatype, element_names.size()> types_{};
    std::array<MPI_Op, operator_names.size()> operators_{};
    std::vector<std::pair<std::size_t, MPI_Datatype>> made_;
};

} // namespace chorus::detail
