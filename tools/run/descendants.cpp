#include "descendants.hpp"

#include <chorus/transport/transport.hpp>

#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace chorus::tools {

namespace {

/// The children of every process, as they are now.
std::multimap<pid_t, pid_t> all_children() {
    std::multimap<pid_t, pid_t> found;
    std::error_code gone;
    for (auto const& each : std::filesystem::directory_iterator("/proc", gone)) {
        auto const name = each.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file(each.path() / "stat");
        std::string text;
        std::getline(file, text);
        auto const end_of_name = text.rfind(')'); // then " STATE PARENT"; the name itself may hold anything
        if (end_of_name == std::string::npos || end_of_name + 4 >= text.size()) continue;
        found.emplace(std::atoi(text.c_str() + end_of_name + 4), std::atoi(name.c_str()));
    }
    return found;
}

} // namespace

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void signal_descendants(int signal) {
    auto const children = all_children();
    std::vector<pid_t> pending{::getpid()};
    while (!pending.empty()) {
        auto const [begin, end] = children.equal_range(pending.back());
        pending.pop_back();
        for (auto each = begin; each != end; ++each) {
            ::kill(each->second, signal);
            pending.push_back(each->second);
        }
    }
}

/// Only the children are killed: theirs are ours then. A child's number is nobody else's until it was waited for.
void end_descendants() {
    auto const until = chorus::clock::now() + std::chrono::seconds(10);
    while (chorus::clock::now() < until) {
        pid_t ended;
        while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
        }
        if (ended < 0) return; // there are none
        auto const children = all_children();
        auto const [begin, end] = children.equal_range(::getpid());
        for (auto each = begin; each != end; ++each) ::kill(each->second, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

} // namespace chorus::tools
