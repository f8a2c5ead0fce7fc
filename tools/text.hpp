#pragma once
/// Words in and out: options that are numbers or names, aligned tables, files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chorus::tools {

/// "a, b, c"
std::string join(std::vector<std::string> const& words, std::string_view separator = ", ");

/// The words between separators.
std::vector<std::string> split(std::string_view text, char separator);

/// Throws a usage_error: "OPTION: 'TEXT' is not allowed; allowed are ALLOWED".
[[noreturn]] void refuse(std::string_view option, std::string_view text, std::string_view allowed);

/// A whole number from `least` to `most`; a usage_error that says so otherwise.
std::int64_t read_number(std::string_view option, std::string_view text, std::int64_t least, std::int64_t most);

/// The place of `text` in `allowed`; a usage_error that lists them otherwise.
std::size_t read_name(std::string_view option, std::string_view text, std::vector<std::string> const& allowed);

/// Rows of words as columns; the first row is the heading. Columns whose every entry below it is a number, a "-" or
/// empty lie to the right.
std::string aligned(std::vector<std::vector<std::string>> const& rows);

/// Writes the text to the file, or to standard output if the name is empty or "-"; environment_error if it cannot be.
void write_text(std::string const& file, std::string_view text);

/// Whether a person is looking.
bool errors_go_to_terminal();

} // namespace chorus::tools
