#pragma once
/// Shared objects of users.

#include <string>
#include <string_view>

namespace chorus::tools {

/// Loads the file, which stays loaded until the end, and looks up a symbol; an environment_error says that the file "defines no
/// extern "C" DECLARATION".
void* load_symbol(std::string const& path, char const* symbol, std::string_view declaration);

/// Throws the environment_error "plugin 'PATH' cannot be loaded: WHY".
[[noreturn]] void cannot_load(std::string const& path, std::string_view why);

} // namespace chorus::tools
