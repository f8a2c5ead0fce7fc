#pragma once
/// How much may be on its way at once. A test of the protocols defines less, so that a few messages fill everything.

#ifndef CHORUS_MAILBOX_SLOTS
#define CHORUS_MAILBOX_SLOTS 32
#endif
#ifndef CHORUS_CHANNEL_WINDOW
#define CHORUS_CHANNEL_WINDOW 8
#endif

namespace chorus {

/// Announcements of one rank to one other that the other has not looked at (threads transport).
inline constexpr int mailbox_slots = CHORUS_MAILBOX_SLOTS;
/// Messages of one channel that an executor has posted, from the first unfinished one on.
inline constexpr int channel_window = CHORUS_CHANNEL_WINDOW;

} // namespace chorus
