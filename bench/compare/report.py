"""A comparison as a table and as a page."""
import json
from itertools import groupby
from pathlib import Path

from measure import SERIES

HERE = Path(__file__).resolve().parent
MODULES = HERE.parent.parent / "build" / "compare" / "node_modules"
KIND = {each.name: each.kind for each in SERIES}
ORDER = [each.name for each in SERIES]
LIBRARIES = (("d3/dist/d3.min.js", "d3"), ("@observablehq/plot/dist/plot.umd.min.js", "Observable Plot"))


class NoLibrary(Exception):
    """The page is drawn by a library that is not installed."""


def size(count):
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << power:
            return f"{count / (1 << power):.4g} {unit}"
    return f"{count} B"


def figure(us):
    if us is None:
        return "-"
    return f"{us:.2f}" if us < 10 else f"{us:.1f}" if us < 100 else f"{us:.0f}"


def lines(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    return ["  ".join(word.rjust(width) for word, width in zip(line, widths)) for line in [head, *rows]]


def table(comparison):
    """Per collective and ranks: microseconds; then the ratio of the best library at its defaults to each path of Chorus."""
    text = []
    key = lambda row: (row["collective"], row["ranks"])
    for (collective, ranks), group in groupby(comparison["results"], key):
        of = {}
        for row in group:
            of.setdefault(row["bytes"], {})[row["chorus_path"]] = row
        paths = [name for name in ORDER if any(name in rows for rows in of.values())]
        peers = [name for name in ORDER if any(name in row["peers"] for rows in of.values() for row in rows.values())]
        head = ["bytes", "bound", *paths, *peers, *(f"x {name}" for name in paths), "placement"]
        body = []
        for count, rows in of.items():
            some = next(iter(rows.values()))
            times = [rows[name]["chorus_us"] if name in rows else None for name in paths]
            ratios = [rows[name]["ratio"] if name in rows else None for name in paths]
            body.append([size(count), figure(some["bound_us"]), *map(figure, times), *(figure(some["peers"].get(name)) for name in peers),
                         *("-" if each is None else f"{each:.2f}" for each in ratios), f"{some['placement']} {some['flag_ns']:.0f} ns"])
        text += [f"{collective}, {ranks} ranks: microseconds; x: the best library at its defaults, as a multiple of Chorus", *lines(head, body), ""]
    return "\n".join(text).rstrip()


def markdown(comparison):
    """For a document: per collective and ranks a table, sizes across; beside a path of Chorus its ratio to the best library at its defaults."""
    text = []
    for (collective, ranks), group in groupby(comparison["results"], lambda row: (row["collective"], row["ranks"])):
        rows = list(group)
        sizes = list(dict.fromkeys(row["bytes"] for row in rows))
        at = {(row["bytes"], row["chorus_path"]): row for row in rows}
        some = {row["bytes"]: row for row in rows}
        body = [["bound", *(figure(some[count]["bound_us"]) for count in sizes)]]
        for name in ORDER:
            if KIND[name] == "chorus":
                found = [at.get((count, name)) for count in sizes]
                cells = ["-" if row is None else figure(row["chorus_us"]) + (f" ({row['ratio']:.2f})" if row["ratio"] is not None else "") for row in found]
            else:
                cells = [figure(some[count]["peers"].get(name)) for count in sizes]
            if any(cell != "-" for cell in cells):
                body.append([name, *cells])
        text += [f"| {collective}, {ranks} ranks | " + " | ".join(map(size, sizes)) + " |", "|---" * (len(sizes) + 1) + "|",
                 *("| " + " | ".join(line) + " |" for line in body), "| placement | " + " | ".join(some[count]["placement"] for count in sizes) + " |", ""]
    return "\n".join(text).rstrip()


def page(comparison):
    """One file that needs no other: the library that draws is in it."""
    scripts = []
    for path, name in LIBRARIES:
        try:
            scripts.append((MODULES / path).read_text(encoding="utf-8"))
        except OSError:
            raise NoLibrary(f"{name} is not there; scripts/setup --compare fetches it") from None
    # `</` would end the script.
    data = json.dumps({**comparison, "kinds": KIND}, separators=(",", ":")).replace("</", "<\\/")
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for mark, content in (("/*STYLE*/", (HERE / "page.css").read_text(encoding="utf-8")), ("/*SCRIPT*/", (HERE / "page.js").read_text(encoding="utf-8")),
                          ("/*LIBRARIES*/", "\n".join(each.replace("</script", "<\\/script") for each in scripts)), ("/*DATA*/", data)):
        text = text.replace(mark, content, 1)
    return text
