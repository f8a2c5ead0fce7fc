#pragma once
/// The processes below this one, in whatever group or session they are.

namespace chorus::tools {

/// From now on this process inherits those below it whose own parent ends: none of them gets away, unless this process ends.
void adopt_orphans();

/// Sends the signal to all of them.
void signal_descendants(int signal);

/// Kills all of them and waits until they are gone, ten seconds at most (the kernel may keep one in a call to a device).
void end_descendants();

} // namespace chorus::tools
