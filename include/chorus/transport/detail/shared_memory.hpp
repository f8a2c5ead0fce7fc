#pragma once
/// Memory that processes share: a file without a name (memfd_create), mapped whole. It is gone with the last process that has
/// it, however that ends.

#include <chorus/core/errors.hpp>
#include <chorus/transport/detail/descriptor.hpp>
#include <chorus/transport/detail/system_error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace chorus::detail {

inline constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

/// Only what was committed has memory behind it; the rest is address space. Reading or writing what is not committed is
/// an error of this library.
class shared_memory {
public:
    /// Of that size, all of it not committed. A transport_error where there is no room for the mapping.
    static shared_memory create(std::size_t bytes) {
        rlimit most{};
        if (::getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY && bytes > most.rlim_cur)
            system_failure(text({"shared memory of ", bytes, " bytes is more than the limit for files (ulimit -f)"}), EFBIG);
        descriptor file(require_system(::memfd_create("chorus", MFD_CLOEXEC), "memfd_create"));
        require_system(::ftruncate(file.get(), static_cast<off_t>(bytes)), text({"shared memory of ", bytes, " bytes"}));
        return {std::move(file), bytes};
    }
    /// What another process created.
    static shared_memory adopt(descriptor file) {
        struct stat about{};
        require_system(::fstat(file.get(), &about), "fstat of shared memory");
        return {std::move(file), static_cast<std::size_t>(about.st_size)};
    }
    shared_memory(shared_memory&& other) noexcept
        : file_(std::move(other.file_)), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
    shared_memory& operator=(shared_memory&&) = delete;
    ~shared_memory() {
        if (data_ != nullptr) ::munmap(data_, size_);
    }

    std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }
    int file() const { return file_.get(); }

    /// Puts memory behind that part, on huge pages where there are any. Too little memory is a transport_error here, where
    /// touching the page would be a SIGBUS.
    void commit(std::size_t offset, std::size_t bytes) const {
        if (bytes == 0) return;
#ifdef MADV_POPULATE_WRITE
        constexpr int populate = MADV_POPULATE_WRITE;
#else
        constexpr int populate = 23; // since Linux 5.14
#endif
        auto* const at = data_ + offset;
        if (bytes >= huge_page) ::madvise(at, bytes, MADV_HUGEPAGE); // a wish
        if (::madvise(at, bytes, populate) == 0) return;
        if (auto const code = ::posix_fallocate(file_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes)); code != 0)
            system_failure(text({"too little memory for ", bytes, " bytes of shared memory"}), code);
    }
    /// Gives the memory of that part back; reads as zeros once committed again.
    void decommit(std::size_t offset, std::size_t bytes) const {
        ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(bytes));
    }
    /// Puts memory of this process alone in place of that part, with the same contents. False where there is too little.
    bool make_private(std::size_t offset, std::size_t bytes) const {
        auto* const fresh = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED) return false;
        std::memcpy(fresh, data_ + offset, bytes);
        return ::mremap(fresh, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, data_ + offset) != MAP_FAILED;
    }
    /// Of a part that is private: reads as zeros from now on.
    void drop_private(std::size_t offset, std::size_t bytes) const { ::madvise(data_ + offset, bytes, MADV_DONTNEED); }

private:
    shared_memory(descriptor file, std::size_t bytes) : file_(std::move(file)), size_(bytes) { map(); }

    /// At a multiple of the huge page, as the file's own pages are.
    void map() {
        auto const room = size_ + huge_page;
        auto* const reserved = ::mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved == MAP_FAILED) system_failure(text({"no address space for ", size_, " bytes of shared memory (ulimit -v)"}));
        auto* const begin = static_cast<std::byte*>(reserved);
        auto const skip = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
        auto* const mapped = ::mmap(begin + skip, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file_.get(), 0);
        if (mapped == MAP_FAILED) {
            auto const code = errno;
            ::munmap(reserved, room);
            system_failure("mapping of shared memory", code);
        }
        if (skip > 0) ::munmap(begin, skip);
        auto const end = round_up(size_, 4096);
        ::munmap(begin + skip + end, room - skip - end);
        data_ = static_cast<std::byte*>(mapped);
    }

    descriptor file_;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace chorus::detail
