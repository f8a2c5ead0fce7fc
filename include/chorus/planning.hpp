#pragma once
/// The network side of Chorus: topologies, traffic, path policies and the planner, with nothing but the standard library.

#include <chorus/network/build/clos.hpp>
#include <chorus/network/policy.hpp>
#include <chorus/network/units.hpp>
