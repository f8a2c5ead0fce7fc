#pragma once
/// The network side of Chorus: topologies, traffic, path policies and the planner, with nothing but the standard library.

#include <chorus/network/demand.hpp>
#include <chorus/network/htsim.hpp>
#include <chorus/network/parse.hpp>
#include <chorus/network/placement.hpp>
#include <chorus/network/policy.hpp>
#include <chorus/paths/certificate.hpp>
#include <chorus/paths/check.hpp>
#include <chorus/paths/export.hpp>
#include <chorus/paths/mapping.hpp>
#include <chorus/paths/parse.hpp>
#include <chorus/paths/plugin.hpp>
#include <chorus/paths/replan.hpp>
#include <chorus/report/figures.hpp>
#include <chorus/sim/timeline.hpp>
#include <chorus/traffic/import.hpp>
#include <chorus/traffic/jobs.hpp>
#include <chorus/traffic/scenario.hpp>
