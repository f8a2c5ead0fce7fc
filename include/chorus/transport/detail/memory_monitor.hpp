#pragma once
/// Notices when memory is unmapped, moved or emptied.

#include <memory>

namespace chorus::detail {

class memory_monitor {
public:
    static std::shared_ptr<memory_monitor> shared();
    bool available() const;
};

} // namespace chorus::detail
