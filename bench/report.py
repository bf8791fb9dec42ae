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

import figures
import page

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


def main():
    raw, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    data = read_all(raw) if raw.is_dir() else load(raw)
    data["findings"] = figures.find(data)
    (output / "bench.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (output / "bench.html").write_text(page.make(data), encoding="utf-8")
    print(f"{output / 'bench.json'}\n{output / 'bench.html'}")
    faults = figures.check_counts(data) if "--check" in sys.argv else []
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
