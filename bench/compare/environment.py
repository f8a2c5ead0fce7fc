"""Where and how a comparison was made: without it, its figures say nothing."""
import os
import platform
import subprocess
import sys
import time
from pathlib import Path


def first(path, default="unknown"):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return default


def field(path, name):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return "unknown"


def system():
    with open("/etc/os-release", encoding="utf-8") as file:
        names = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return names.get("PRETTY_NAME", "unknown").strip('"')


def caches():
    """As the C library knows them: virtual machines often hide them from the kernel."""
    found = {}
    for name, key in (("L1d", "LEVEL1_DCACHE_SIZE"), ("L2", "LEVEL2_CACHE_SIZE"), ("L3", "LEVEL3_CACHE_SIZE")):
        done = subprocess.run(["getconf", key], capture_output=True, text=True, check=False)
        if done.stdout.strip().isdigit() and int(done.stdout) > 0:
            found[name] = f"{int(done.stdout) >> 10} KiB"
    return found


def compiler():
    try:
        return subprocess.run(["c++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def environment(versions, missing, load_before, seconds, plan):
    memory = field("/proc/meminfo", "MemTotal").split()[0]
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "processors": len(os.sched_getaffinity(0)),
        "caches": caches(),
        "memory_GiB": round(int(memory) / (1 << 20), 1) if memory.isdigit() else None,
        "virtual": "hypervisor" in field("/proc/cpuinfo", "flags").split(),
        "system": system(),
        "kernel": platform.release(),
        "compiler": compiler(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds),
        "load_before": [round(each, 2) for each in load_before],
        "load_after": [round(each, 2) for each in os.getloadavg()],
        "versions": versions,
        "missing": {name: why.splitlines()[0] for name, why in missing.items()},
        "command": " ".join(["bench/compare/compare", *sys.argv[1:]]),
        "protocol": f"sum of floats; processes pinned; inputs written before and outputs read after every iteration, a barrier of flags on both "
                    f"sides of what is timed; the most over all ranks; the median of a sample of {1e3 * plan.budget:g} ms, of these the median of {plan.rounds} rounds in which all alternate "
                    f"(up to 64 KiB {2 * plan.rounds - 1} rounds of half that time, from 64 MiB {min(plan.rounds, 2)})",
    }
