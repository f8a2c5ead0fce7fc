#pragma once
/// Header-only, or linked with the library `chorus::compiled`, which holds what does not depend on the program's types.
///
/// The headers are the same. Where the library is linked (it defines CHORUS_COMPILED for those who link it), definitions under
/// `#if CHORUS_DEFINE` are left out, and a program compiles in a fraction of the time. The whole program is built one way or the
/// other. The library's one source defines CHORUS_SOURCE: there, functions marked CHORUS_INLINE are ordinary functions.

#if !defined(CHORUS_COMPILED)
#define CHORUS_DEFINE 1
#define CHORUS_INLINE inline
#elif defined(CHORUS_SOURCE)
#define CHORUS_DEFINE 1
#define CHORUS_INLINE
#else
#define CHORUS_DEFINE 0
#endif
