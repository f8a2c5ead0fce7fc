/// Stores, and how ranks meet through them.

#include "support/ranks.hpp"

#include <chorus/transport/join_shm.hpp>
#include <chorus/transport/store.hpp>
#include <chorus/transport/store_server.hpp>

#include <catch2/catch.hpp>

#include <poll.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace chorus;
using namespace chorus::testing;

namespace {

auto in(std::chrono::milliseconds time) { return chorus::clock::now() + time; }
constexpr std::chrono::seconds long_enough{20};

/// A folder that is gone with its scope.
struct folder {
    std::string path = std::filesystem::temp_directory_path() / "chorus-store-XXXXXX";
    folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() { std::filesystem::remove_all(path); }
};

/// A server in a thread of its own.
class running_server {
public:
    running_server() : thread_([this] {
          while (!stop_) {
              std::vector<pollfd> files;
              server_.add_files(files);
              ::poll(files.data(), files.size(), 10);
              server_.serve();
          }
      }) {}
    running_server(running_server const&) = delete;
    running_server& operator=(running_server const&) = delete;
    ~running_server() {
        stop_ = true;
        thread_.join();
    }
    std::string const& address() const { return server_.address(); }

private:
    store_server server_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

template <store Store>
void keeps_its_promises(Store& one, Store& another) {
    CHECK(one.get("nothing", in(std::chrono::milliseconds(20))) == std::nullopt);
    one.set("short", "value");
    one.set("empty", "");
    one.set("bytes", std::string("a\n\0b", 4));
    one.set("long", std::string(4000, 'x'));
    CHECK(another.get("short", in(long_enough)) == "value");
    CHECK(another.get("empty", in(long_enough)) == "");
    CHECK(another.get("bytes", in(long_enough)) == std::string("a\n\0b", 4));
    CHECK(another.get("long", in(long_enough)) == std::string(4000, 'x'));
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        one.set("late", "but there");
    });
    CHECK(another.get("late", in(long_enough)) == "but there");
    late.join();
}

/// Ranks as threads that meet through a store of their own each.
template <class Make>
std::vector<std::string> meet(int ranks, Make make) {
    std::vector<std::string> wrong(static_cast<std::size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
        threads.emplace_back([&, rank] {
            wrong[static_cast<std::size_t>(rank)] = outcome_of([&] {
                auto over = make();
                auto const transport = join_shm(over, rank, ranks, in(long_enough));
                if (transport->rank() != rank || transport->size() != ranks) throw std::runtime_error("not the rank that it is");
            }).text;
        });
    for (auto& each : threads) each.join();
    return wrong;
}

} // namespace

TEST_CASE("a folder is a store", "[transport/store]") {
    folder const where;
    file_store one(where.path), another(where.path);
    keeps_its_promises(one, another);
    file_store nowhere("/no/such/folder");
    CHECK(outcome_of([&] { nowhere.set("a", "b"); }).has("/no/such/folder"));
}

TEST_CASE("a server behind a socket is a store", "[transport/store]") {
    running_server const server;
    socket_store one(server.address()), another(server.address());
    keeps_its_promises(one, another);
    socket_store nobody("chorus-nobody");
    CHECK(outcome_of([&] { nobody.set("a", "b"); }).kind == "transport");
}

TEST_CASE("ranks meet through either store", "[transport/store]") {
    folder const where;
    for (auto const& each : meet(4, [&] { return file_store(where.path); })) CHECK(each == "");
    running_server const server;
    for (auto const& each : meet(5, [&] { return socket_store(server.address()); })) CHECK(each == "");
}

TEST_CASE("a rank that never comes is a timeout for those who do", "[transport/store]") {
    folder const where;
    file_store over(where.path);
    CHECK(outcome_of([&] { join_shm(over, 1, 2, in(std::chrono::milliseconds(50))); }).has("rank 0 has not come in time"));
    auto const told = outcome_of([&] { join_shm(over, 0, 3, in(std::chrono::milliseconds(50))); });
    CHECK(told.kind == "timeout");
    CHECK(told.has("1 of 3 ranks have come in time"));
}
