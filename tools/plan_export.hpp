#pragma once
/// chorus plan --export: a plan as what devices read.

#include <chorus/json/plan.hpp>

#include <string>
#include <string_view>

namespace chorus::tools {

/// `what`: rules, srv6, or ports:hash=crc32,seed=1,seeds=own; a usage_error otherwise. See paths/export.hpp.
std::string export_plan(json::plan const& plan, std::string_view what);

} // namespace chorus::tools
