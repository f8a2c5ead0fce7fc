#pragma once
/// The result as a table, CSV or JSON, line by line where that is possible.

#include "measure.hpp"
#include "options.hpp"

#include <memory>
#include <string>

namespace chorus::tools {

class report : public listener {
public:
    /// Ends the output: JSON is written as a whole.
    virtual void finish() = 0;
};

/// `library`: the MPI library's description of itself, empty without one. An environment_error if the file for samples
/// cannot be written.
std::unique_ptr<report> make_report(bench_options const& how, std::string const& library);

} // namespace chorus::tools
