#pragma once
/// Files that users name: their text, and errors that say where in which file.

#include <chorus/core/errors.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace chorus {

/// The whole file. Throws usage_error where it cannot be read, as a folder cannot.
inline std::string read_text(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    if (file.is_open()) file.peek(); // a folder opens, too, and says no only now
    if (!file.is_open() || file.bad()) detail::misuse({path, ": cannot be read as a file"});
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A file by the name that the text of another one gives it: relative names begin at that one's folder.
inline std::string beside(std::string const& file, std::string const& name) {
    return name.starts_with('/') ? name : file.substr(0, file.rfind('/') + 1) + name; // rfind + 1 is 0 without '/'
}

/// What `read` returns; its usage_errors are told with the place, "FILE: /path/of/key".
template <class Read>
auto told_with_place(std::string_view place, Read read) {
    try {
        return read();
    } catch (usage_error const& problem) {
        std::string_view what = problem.what();
        if (what.starts_with("chorus: ")) what.remove_prefix(8);
        detail::misuse({place, ": ", what});
    }
}

} // namespace chorus
