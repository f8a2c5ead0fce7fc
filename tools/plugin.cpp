#include "plugin.hpp"

#include "command.hpp"

#include <dlfcn.h>

namespace chorus::tools {

void* load_symbol(std::string const& path, char const* symbol, std::string_view declaration) {
    // Without a slash dlopen would search the system's folders.
    auto const file = path.find('/') == std::string::npos ? "./" + path : path;
    auto* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) cannot_load(path, ::dlerror());
    auto* const found = ::dlsym(handle, symbol);
    if (found == nullptr) cannot_load(path, "it defines no extern \"C\" " + std::string(declaration));
    return found;
}

void cannot_load(std::string const& path, std::string_view why) {
    throw environment_error("plugin '" + path + "' cannot be loaded: " + std::string(why));
}

} // namespace chorus::tools
