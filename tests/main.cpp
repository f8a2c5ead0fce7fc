// Catch2's implementation takes 14 s to compile, so it is compiled here, once, for all test programs.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int run_tests(int argc, char** argv);

int run_tests(int argc, char** argv) { return Catch::Session().run(argc, argv); }

// Weak: a program that has to set something up first brings its own main and calls run_tests from it.
[[gnu::weak]] int main(int argc, char** argv) { return run_tests(argc, argv); }
