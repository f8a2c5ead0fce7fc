#pragma once
/// CHORUS_SANITIZED: whether the tests run under a sanitizer, five times slower and with its allocator.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHORUS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CHORUS_SANITIZED 1
#endif
#endif
#ifndef CHORUS_SANITIZED
#define CHORUS_SANITIZED 0
#endif
