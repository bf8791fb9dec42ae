#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What bench.json says: findings, checks, and the tables of docs/performance.md.

    figures.py JSON DOCUMENT            writes the tables into the document, between its marks
    figures.py JSON DOCUMENT --check    status 1 if they are not what the JSON says
"""

import json
import pathlib
import re
import sys

FLOOR_BOUNDS = {"ext4": 1.05, "xfs": 1.05, "btrfs": 1.05, "tmpfs": 1.3}
# Counts for one durable commit of 4 KiB: system calls exactly, device flushes at most.
CALLS = {"floor": 6, "floor preserving": 10, "perdure": 11, "perdure fixed": 9}
FLUSHES_MAX = {"floor": 4, "perdure": 4, "perdure fixed": 4,
               "perdure automatic": 2, "perdure automatic fixed": 2,
               "perdure automatic ordered": 0, "perdure log": 1, "limit": 1}
USUAL = "single/4KiB"
BATCH = "batch/64"


def time_text(us):
    """Three digits and a unit."""
    if us is None:
        return ""
    for limit, unit, factor in ((1e3, "µs", 1), (1e6, "ms", 1e3), (float("inf"), "s", 1e6)):
        if us < limit:
            value = us / factor
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return ""


def parameter(case):
    """What stands behind the slash, as a number: a size in bytes, a count."""
    text = case.split("/")[1]
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)):
        if text.endswith(unit):
            return int(text[:-len(unit)]) * factor
    return int(text)


class Figures:
    """What was measured, by place, case and way."""

    def __init__(self, data):
        self.data = data
        self.by_key = {(r["place"], r["case"], r["way"]): r for r in data["results"]}

    def get(self, place, case, way, figure="median_us"):
        return self.by_key.get((place, case, way), {}).get(figure)

    def ways(self, place, case):
        return [r["way"] for r in self.data["results"]
                if (r["place"], r["case"]) == (place, case) and "median_us" in r]

    def cases(self, family):
        """The cases of a family, by their parameter."""
        found = {r["case"] for r in self.data["results"] if r["case"].split("/")[0] == family}
        return sorted(found, key=parameter)

    def ratio(self, place, case, way, base="floor"):
        median, of = self.get(place, case, way), self.get(place, case, base)
        return median / of if median and of else None


def floor_findings(figures):
    """The bounds that a 4 KiB commit has to keep."""
    found = []
    for place, bound in FLOOR_BOUNDS.items():
        ratio = figures.ratio(place, USUAL, "perdure")
        if ratio:
            found.append({"place": place, "ratio": round(ratio, 3), "bound": bound,
                          "holds": ratio <= bound})
    return found


def rivals(figures, place, case, together):
    """Of one case: our best, and who reaches as much and is faster."""
    ways = figures.data["ways"]
    found = []
    for reached, enough in (("durable", ("durable",)), ("ordered", ("durable", "ordered"))):
        fit = [w for w in figures.ways(place, case)
               if w in ways and ways[w]["together"] in together]
        ours = [w for w in fit if ways[w]["kind"] == "perdure" and ways[w]["reached"] in enough]
        if not ours:
            continue
        best = min(ours, key=lambda way: figures.get(place, case, way))
        limit = figures.get(place, case, best)
        for way in fit:
            if ways[way]["kind"] in ("file", "database") and ways[way]["reached"] == reached:
                median = figures.get(place, case, way)
                if median < limit:
                    found.append({"place": place, "case": case, "way": way, "reached": reached,
                                  "kind": ways[way]["kind"], "ours": best,
                                  "times_faster": round(limit / median, 2)})
    return found


def find(data):
    """What the page says first."""
    figures = Figures(data)
    faster = []
    for place in data["places"]:
        faster += rivals(figures, place, USUAL, ("each", "all", ""))
        faster += rivals(figures, place, BATCH, ("each", "all"))
        for case in figures.cases("transaction")[-1:]:
            faster += rivals(figures, place, case, ("all",))
    return {"floor": floor_findings(figures), "faster": faster}


def check_counts(data):
    """Counts that don't hold, in words. No time is ever checked."""
    faults = []
    for way, wanted in CALLS.items():
        if data["calls"] and round(data["calls"].get(way, -1)) != wanted:
            faults.append(f"{way}: {data['calls'].get(way)} system calls a commit, not {wanted}")
    for result in data["results"]:
        most = FLUSHES_MAX.get(result["way"]) if result["case"] == USUAL else None
        if most is None or result["place"] not in ("ext4", "xfs"):
            continue
        if "flushes" not in result:
            faults.append(f"{result['place']}: {result['way']}: no flushes were counted")
        elif result["flushes"] > most + 0.5:
            faults.append(f"{result['place']}: {result['way']}: {result['flushes']} flushes a "
                          f"commit, {most} are the most")
    for result in data["results"]:
        if result.get("failed") and data["ways"].get(result["way"], {}).get("kind") == "perdure":
            faults.append(f"{result['place']}: {result['case']}: {result['way']} failed")
    for name in ("stream_atomic_file", "stream_put_from"):
        needed = {v["needed_bytes"] for k, v in data["memory"].items() if k.startswith(name)}
        # The allocator gives a few bytes more where what would be left of a block is too small.
        if not needed or max(needed) - min(needed) > 256:
            faults.append(f"{name}: the memory that it needs depends on the size: {needed}")
    return faults


# --- Tables.


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def times(value):
    return f"{value:.2f}" if value else ""


def floor_table(figures):
    places = figures.data["places"]
    ways = ["floor preserving", "perdure", "perdure fixed", "perdure automatic", "perdure log",
            "glib", "limit"]
    ways = [w for w in ways if any(figures.ratio(p, USUAL, w) for p in places)]
    rows = []
    for place in places:
        if figures.get(place, USUAL, "floor"):
            rows.append([place, time_text(figures.get(place, USUAL, "floor"))] +
                        [times(figures.ratio(place, USUAL, way)) for way in ways])
    return table(["4 KiB, floor = 1", "floor"] + ways, rows)


def case_table(figures, case, base):
    """Every way of a case: medians by place, the best of ours being 1 in brackets."""
    data = figures.data
    places = [p for p in data["places"] if figures.ways(p, case)]
    names = [w for w in data["ways"] if any(figures.get(p, case, w) for p in places)]
    names.sort(key=lambda w: (data["ways"][w]["kind"] != "perdure", data["ways"][w]["kind"], w))
    rows = []
    for way in names:
        info = data["ways"][way]
        holds = info["reached"] + {"all": ", all or none"}.get(info["together"] * base, "")
        rows.append([way, holds] + [time_text(figures.get(p, case, way)) for p in places])
    return table([case, "holds"] + places, rows)


def counts_table(figures):
    data = figures.data
    places = [p for p in data["places"] if any(
        "flushes" in r for r in data["results"] if r["place"] == p)][:3]
    rows = []
    for way in data["ways"]:
        found = [figures.get(p, USUAL, way, "flushes") for p in places]
        if any(f is not None for f in found):
            calls = data["calls"].get(way)
            many = [figures.get(p, BATCH, way, "flushes") for p in places]
            rows.append([way, "" if calls is None else f"{calls:.3g}"] +
                        ["" if f is None else f"{f:.3g}" for f in found + many])
    return table(["", "system calls"] + [f"{p}: flushes" for p in places] +
                 [f"{p}: of a batch of 64" for p in places], rows)


def family_table(figures, family, place):
    """Ways by parameter, at one place."""
    cases = figures.cases(family)
    names = list(dict.fromkeys(w for c in cases for w in figures.ways(place, c)))
    return table([f"{family}, {place}"] + [c.split("/")[1] for c in cases],
                 [[w] + [time_text(figures.get(place, c, w)) for c in cases] for w in names])


def memory_table(data):
    rows = [[name.replace("_", " "), f"{m['needed_bytes']:,.0f} bytes"]
            for name, m in data["memory"].items() if "needed_bytes" in m]
    for name, m in data["memory"].items():
        if "needed_mb" in m:
            rows.append([name.replace("_", " "), f"{m['needed_mb']:.0f} MB: a second state of "
                         f"{m['state_mb']:.0f} MB and {m['images_beside_state']:.2f} images of "
                         f"{m['image_mb']:.0f} MB"])
    return table(["", "needed beside what is there"], rows)


def faster_rows(data, kinds):
    """Head and rows: who is faster than the best of ours, by how many times at each place."""
    groups = {}
    for one in data["findings"]["faster"]:
        if one["kind"] in kinds:
            key = (one["case"], one["way"], one["reached"])
            groups.setdefault(key, {})[one["place"]] = f"{one['times_faster']:.1f}"
    head = ["case", "faster than the best of ours", "both hold"] + data["places"]
    return head, [[*key] + [found.get(p, "") for p in data["places"]]
                  for key, found in groups.items()]


def faster_table(data, *kinds):
    head, rows = faster_rows(data, kinds)
    return table(head, rows) if rows else "Nobody."


def load_words(machine):
    """A warning, where others used the processors when the measuring began."""
    load = float(machine.get("load", 0))
    return (f" **The machine was busy with other things (load {load}): the counts stand, the times "
            "say little.**") if load > 1 else ""


def machine_words(data):
    machine = data["machine"]
    return (f"perdure {machine['commit']}, {machine['date']}, {machine['kernel']}, "
            f"{machine['processors']} × {machine['processor']}, {machine['memory']}; images on "
            f"{machine['images_on']}. " +
            ", ".join(f"{k} {v}" for k, v in (machine["versions"] or {}).items()) + "." +
            load_words(machine))


def tables(data):
    """By the names that the document marks them with."""
    figures = Figures(data)
    first = data["places"][0]
    made = {"machine": machine_words(data), "floor": floor_table(figures),
            "faster_files": faster_table(data, "file"),
            "faster_databases": faster_table(data, "database"), "counts": counts_table(figures),
            "single": case_table(figures, USUAL, 0), "batch": case_table(figures, BATCH, 1),
            "memory": memory_table(data)}
    for case in figures.cases("transaction")[-1:]:
        made["transaction"] = case_table(figures, case, 1)
    for family in ("save", "load", "json_save", "json_load", "recovery", "crowd", "stream"):
        if figures.cases(family):
            made[family] = family_table(figures, family, first)
    return made


def fill(text, data):
    """The document with its tables as the JSON has them."""
    for name, words in tables(data).items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = mark.sub(lambda found, w=words: found[1] + w + "\n" + found[2], text)
    return text


def main():
    data = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    document = pathlib.Path(sys.argv[2])
    text = document.read_text(encoding="utf-8")
    filled = fill(text, data)
    if "--check" in sys.argv:
        if filled != text:
            print(f"{document} is not what {sys.argv[1]} says: scripts/bench --docs")
        return filled != text
    document.write_text(filled, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
