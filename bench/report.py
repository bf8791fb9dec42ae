#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Puts what scripts/bench measured into one JSON file: report.py RAW OUTPUT [--check].

RAW has PLACE.times.json and PLACE.counts.json of bench_suite for each place, calls.tsv,
memory.json of bench_memory and machine.json; or it is a bench.json made before. OUTPUT gets
bench.json and the page made from it, bench.html. With --check, status 1 unless the counts hold;
times are never checked.
"""

import json
import pathlib
import sys

import page

FLOOR_BOUNDS = {"ext4": 1.05, "xfs": 1.05, "btrfs": 1.05, "tmpfs": 1.3}
# Counts for one durable commit of 4 KiB: system calls exactly, device flushes at most.
CALLS = {"floor": 6, "perdure": 10, "perdure fixed": 8}
FLUSHES_MAX = {"floor": 4, "perdure": 4, "perdure fixed": 4, "perdure fast": 2,
               "perdure fast fixed": 2, "perdure fast ordered": 0, "limit": 1}
PLACES = ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "flush-1ms", "flush-8ms"]


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_run(path):
    """(context, {(case, way): figures}) of one run of bench_suite."""
    run = load(path)
    results = {}
    for benchmark in run["benchmarks"]:
        case = "/".join(benchmark["name"].split("/")[:2])
        for key, value in benchmark.items():
            way, slash, figure = key.rpartition("/")
            if slash and isinstance(value, (int, float)):
                results.setdefault((case, way), {})[figure] = round(value, 3)
    return run["context"], results


def read_ways(context):
    ways = {}
    for key, value in context.items():
        if key.startswith("way "):
            kind, reached, together, note = value.split("|", 3)
            ways[key[4:]] = {"kind": kind, "reached": reached, "together": together, "note": note}
    return ways


def read_all(raw):
    """All that was measured, as bench.json has it."""
    data = {"machine": load(raw / "machine.json"), "ways": {}, "missing": [], "results": [],
            "calls": {}, "memory": {}}
    times = {path.name.split(".")[0]: path for path in raw.glob("*.times.json")}
    data["places"] = [p for p in PLACES if p in times] + sorted(set(times) - set(PLACES))
    for place in data["places"]:
        context, results = read_run(times[place])
        data["ways"].update(read_ways(context))
        data["missing"] = context.get("missing", "").split()
        counts = raw / f"{place}.counts.json"
        for key, figures in (read_run(counts)[1] if counts.exists() else {}).items():
            results.setdefault(key, {}).update(figures)
        data["results"] += [{"place": place, "case": case, "way": way, **figures}
                            for (case, way), figures in results.items()]
    calls = raw / "calls.tsv"
    for line in calls.read_text().splitlines() if calls.exists() else []:
        way, count = line.split("\t")
        data["calls"][way] = float(count)
    for benchmark in load(raw / "memory.json")["benchmarks"]:
        known = ("needed_bytes", "state_mb", "image_mb", "needed_mb", "images_beside_state",
                 "images_beside_state_first")
        name = benchmark["name"].split("/iterations")[0]
        data["memory"][name] = {key: benchmark[key] for key in known if key in benchmark}
    return data


class Figures:
    """What was measured, by place, case and way."""

    def __init__(self, data):
        self.data = data
        self.by_key = {(r["place"], r["case"], r["way"]): r for r in data["results"]}

    def median(self, place, case, way):
        return self.by_key.get((place, case, way), {}).get("median_us")

    def ways(self, place, case):
        return [r["way"] for r in self.data["results"]
                if (r["place"], r["case"]) == (place, case) and "median_us" in r]

    def ratio(self, place, case, way, base="floor"):
        median, of = self.median(place, case, way), self.median(place, case, base)
        return median / of if median and of else None


def floor_findings(figures):
    """The bounds that a 4 KiB commit has to keep."""
    found = []
    for place, bound in FLOOR_BOUNDS.items():
        ratio = figures.ratio(place, "single/4KiB", "perdure")
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
        best = min(ours, key=lambda way: figures.median(place, case, way))
        limit = figures.median(place, case, best)
        for way in fit:
            if ways[way]["kind"] in ("file", "database") and ways[way]["reached"] == reached:
                median = figures.median(place, case, way)
                if median < limit:
                    found.append({"place": place, "case": case, "way": way, "reached": reached,
                                  "kind": ways[way]["kind"], "ours": best,
                                  "times_faster": round(limit / median, 2)})
    return found


def find(data):
    """What the page says first."""
    figures = Figures(data)
    transactions = sorted({r["case"] for r in data["results"]
                           if r["case"].startswith("transaction/")},
                          key=lambda case: int(case.split("/")[1]))
    faster = []
    for place in data["places"]:
        faster += rivals(figures, place, "single/4KiB", ("each", "all", ""))
        faster += rivals(figures, place, "batch/64", ("each", "all"))
        for case in transactions[-1:]:
            faster += rivals(figures, place, case, ("all",))
    return {"floor": floor_findings(figures), "faster": faster}


def check(data):
    """Counts that don't hold, in words."""
    faults = []
    for way, wanted in CALLS.items():
        if data["calls"] and round(data["calls"].get(way, -1)) != wanted:
            faults.append(f"{way}: {data['calls'].get(way)} system calls a commit, not {wanted}")
    for result in data["results"]:
        if result["case"] != "single/4KiB" or result["place"] not in ("ext4", "xfs"):
            continue
        most = FLUSHES_MAX.get(result["way"])
        if most is not None and result.get("flushes", 0) > most + 0.5:
            faults.append(f"{result['place']}: {result['way']}: {result['flushes']} flushes a "
                          f"commit, {most} are the most")
    for result in data["results"]:
        if result.get("failed") and data["ways"].get(result["way"], {}).get("kind") == "perdure":
            faults.append(f"{result['place']}: {result['case']}: {result['way']} failed")
    for name in ("stream_atomic_file", "stream_put_from"):
        needed = {v["needed_bytes"] for k, v in data["memory"].items() if k.startswith(name)}
        if len(needed) != 1:
            faults.append(f"{name}: the memory that it needs depends on the size: {needed}")
    return faults


def main():
    raw, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    data = read_all(raw) if raw.is_dir() else load(raw)
    data["findings"] = find(data)
    (output / "bench.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    (output / "bench.html").write_text(page.make(data, Figures(data)), encoding="utf-8")
    print(f"{output / 'bench.json'}\n{output / 'bench.html'}")
    faults = check(data) if "--check" in sys.argv else []
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
