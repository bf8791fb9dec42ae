# SPDX-License-Identifier: BSL-1.0
"""The page of bench.json: one file, plots by matplotlib, readable in light and dark."""

import html
import io

import matplotlib

from figures import (BATCH, USUAL, Figures, faster_rows, load_words, parameter,
                     time_text)

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402

INK = "#0a0b0c"  # becomes the page's own text colour
COLOURS = {"floor": "#8a8f98", "limit": "#b59b00", "perdure": "#2f81f7", "file": "#d9772b",
           "database": "#a06bdc"}
KINDS = {"floor": "the bare system calls", "limit": "one write in place, fdatasync",
         "perdure": "perdure", "file": "others that make a file",
         "database": "databases: content in files of their own"}
# Of lines: those that stand in most plots, and others in their order.
LINES = {"perdure": "#2f81f7", "perdure automatic": "#17a2b8", "floor": "#8a8f98",
         "perdure log": "#0b4f9e", "floor fast": "#6b9080", "limit": "#b59b00", "glib": "#d9772b",
         "perdure transaction": "#2f81f7", "perdure transaction automatic": "#17a2b8",
         "ofstream": "#8a8f98"}
OTHERS = ["#a06bdc", "#2da160", "#d64550", "#e377c2", "#7a5c3e", "#9aa83a"]

plt.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "perdure", "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.facecolor": "none", "figure.facecolor": "none",
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "axes.grid": True, "grid.color": "#8a8f98", "grid.alpha": 0.25, "axes.axisbelow": True,
    "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
})


# 0.1, 1, 10; no powers.
PLAIN = matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")


def to_svg(figure):
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True)
    plt.close(figure)
    text = out.getvalue()
    return text[text.index("<svg"):].replace(INK, "currentColor")


def grid_of(count, height, columns=2):
    """A figure of so many panels; what is left over stays empty."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5.4 * columns, height * rows),
                                squeeze=False, layout="constrained")
    axes = list(axes.flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def label_of(way, said):
    return way if not said or way.endswith(said) else f"{way} · {said}"


def bar_panel(axis, figures, place, case, scaling, weaker):
    """Medians as bars, quarters as whiskers, the fastest on top. What reaches less is hatched."""
    ways = figures.data["ways"]
    names = [w for w in figures.ways(place, case) if w in ways]
    names.sort(key=lambda w: -figures.get(place, case, w))
    results = [figures.by_key[place, case, w] for w in names]
    scale = 1e3 if max((r["median_us"] for r in results), default=0) >= 1e3 else 1
    values = [r["median_us"] / scale for r in results]
    low = [max(0, (r["median_us"] - r["quarter_us"]) / scale) for r in results]
    high = [max(0, (r["three_quarters_us"] - r["median_us"]) / scale) for r in results]
    bars = axis.barh(range(len(names)), values, xerr=[low, high], height=0.72,
                     error_kw={"ecolor": INK, "elinewidth": 0.8, "capsize": 1.5})
    labels = []
    for bar, way in zip(bars, names):
        bar.set_color(COLOURS[ways[way]["kind"]])
        said = weaker(ways[way])
        if said:
            bar.set_alpha(0.45)
        labels.append(label_of(way, said))
    axis.set_yticks(range(len(names)), labels)
    axis.grid(axis="y", visible=False)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_title(place)
    axis.set_xlabel("ms" if scale == 1e3 else "µs")
    right = max((v + h for v, h in zip(values, high)), default=1)
    axis.set_xlim(0, right * 1.15)
    if scaling == "log":
        axis.set_xscale("log")
        axis.set_xlabel(axis.get_xlabel() + ", logarithmic")
        axis.set_xlim(min(values, default=1) / 2, right * 3)
        axis.xaxis.set_major_formatter(PLAIN)
    for i, (value, above) in enumerate(zip(values, high)):
        axis.annotate(time_text(value * scale), (value + above, i), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=7.5, color=INK)


def bars(figures, case, weaker, caption, scaling="log"):
    places = [p for p in figures.data["places"] if figures.ways(p, case)]
    if not places:
        return ""
    most = max(len(figures.ways(p, case)) for p in places)
    figure, axes = grid_of(len(places), 0.9 + 0.205 * most)
    for axis, place in zip(axes, places):
        bar_panel(axis, figures, place, case, scaling, weaker)
    return section(caption[0], caption[1], to_svg(figure) + legend())


def legend():
    keys = "".join(f'<span><i style="background:{COLOURS[kind]}"></i>{words}</span>'
                   for kind, words in KINDS.items())
    return f'<p class="legend">{keys}<span>pale: reaches less, as the label says</span></p>'


def section(title, words, body):
    return f"<section><h2>{title}</h2><p>{words}</p>{body}</section>"


def lines(figures, family, value, axis_words, caption, places=None, least=0):
    """One panel for each place, one line for each way, over the family's parameter."""
    data = figures.data
    cases = [c for c in figures.cases(family) if parameter(c) >= least]
    if len(cases) < 2:
        return ""
    shown = [p for p in places or data["places"] if figures.ways(p, cases[0])
             and figures.ways(p, cases[-1])]
    if not shown:
        return ""
    figure, axes = grid_of(len(shown), 3.4)
    colours = dict(LINES)
    for axis, place in zip(axes, shown):
        names = list(dict.fromkeys(w for c in cases for w in figures.ways(place, c)))
        for name in names:
            points = [(parameter(c), value(figures, place, c, name)) for c in cases]
            points = [(x, y) for x, y in points if y is not None]
            if not points:
                continue
            if name not in colours:
                colours[name] = OTHERS[(len(colours) - len(LINES)) % len(OTHERS)]
            axis.plot(*zip(*points), marker="o", markersize=3, linewidth=1.4, label=name,
                      color=colours[name])
        axis.set_xscale("log")
        axis.set_xlabel(axis_words[0])
        axis.set_ylabel(axis_words[1])
        if axis_words[2]:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter(PLAIN)
        axis.set_title(place)
        axis.set_xticks([parameter(c) for c in cases], [c.split("/")[1] for c in cases])
        axis.minorticks_off()
        axis.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return section(caption[0], caption[1], to_svg(figure))


def ratio_value(figures, place, case, way):
    shown = ("perdure", "perdure automatic", "perdure log", "glib", "floor", "floor fast", "limit")
    return figures.ratio(place, case, way) if way in shown else None


def per_file(figures, place, case, way):
    median = figures.get(place, case, way)
    info = figures.data["ways"].get(way)
    compared = way in ("floor", "glib", "renameio") or (info and info["together"] == "all")
    if median is None or not compared or way in ("SQLite", "SQLite extra"):
        return None
    return median / parameter(case) / 1e3


def in_ms(figures, place, case, way):
    median = figures.get(place, case, way)
    return median / 1e3 if median else None


def counts_section(figures):
    """System calls, flushes and bytes of one 4 KiB commit: they do not depend on the machine."""
    data = figures.data
    places = [p for p in data["places"] if any(
        "flushes" in r for r in data["results"] if r["place"] == p)]
    if not places:
        return ""
    head = ["", "holds", "system calls"]
    head += [f"{p}: flushes" for p in places] + [f"{p}: KiB written" for p in places]
    rows = []
    for way, info in data["ways"].items():
        found = [figures.by_key.get((p, USUAL, way), {}) for p in places]
        if not any("flushes" in f for f in found):
            continue
        calls = data["calls"].get(way)
        rows.append([way, info["reached"], f"{calls:.3g}" if calls is not None else ""] +
                    [f"{f['flushes']:.3g}" if "flushes" in f else "" for f in found] +
                    [f"{f['bytes'] / 1024:.0f}" if "bytes" in f else "" for f in found])
    return section("Counts", "Of one commit of 4 KiB over an existing file: system calls (strace), "
                   "flushes and bytes at the block device (fields 16 and 7 of its stat). Runtimes "
                   "of other languages make calls of their own.", table(head, rows))


def table(head, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"
    return ('<div class="wide"><table>' + line(head, "th") +
            "".join(line(r, "td") for r in rows) + "</table></div>")


def first_words(data):
    findings = data["findings"]
    said = ["<ul>"]
    for one in findings["floor"]:
        said.append(f"<li>A durable commit of 4 KiB by the defaults takes {one['ratio']:.2f} "
                    f"times the bare system calls on {one['place']}; {one['bound']} is the "
                    f"bound{'' if one['holds'] else ': <b>missed</b>'}.</li>")
    for kind, words in (("file", "that make a file"), ("database", "that are databases")):
        head, rows = faster_rows(data, (kind,))
        if rows:
            said.append(f"<li><b>Others {words} are faster</b> than the best of ours that holds as "
                        f"much, by so many times:{table(head, rows)}</li>")
        else:
            said.append(f"<li>None of those {words} is faster at the same durability, for one "
                        "commit of 4 KiB, a batch of 64 files or the largest transaction.</li>")
    if load_words(data["machine"]):
        said.append(f"<li>{load_words(data['machine']).replace('**', '')}</li>")
    return "".join(said) + "</ul>"


def machine_words(data):
    machine = data["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in (machine["versions"] or {}).items())
    missing = ", ".join(data["missing"]) or "none"
    return (f"{machine['date']}, perdure {machine['commit']}, {machine['kernel']}, "
            f"{machine['processors']} × {machine['processor']}, {machine['memory']}, "
            f"{machine['compiler']}. Images lie on {machine['images_on']}. "
            f"{versions or 'Versions were not asked for'}. Left out: {missing}.")


def all_results(figures):
    rows = []
    for r in figures.data["results"]:
        ratio = figures.ratio(r["place"], r["case"], r["way"])
        info = figures.data["ways"].get(r["way"], {})
        rows.append([r["place"], r["case"], r["way"], info.get("reached", ""),
                     info.get("together", ""), time_text(r.get("median_us")),
                     time_text(r.get("quarter_us")), time_text(r.get("three_quarters_us")),
                     int(r.get("rounds", 0)), f"{ratio:.2f}" if ratio else "",
                     r.get("flushes", ""), "failed" if r.get("failed") else ""])
    head = ["place", "case", "way", "holds", "together", "median", "a quarter below",
            "a quarter above", "rounds", "floor = 1", "flushes", ""]
    return ("<details><summary>Every figure</summary>" + table(head, rows) + "</details>")


def cells(figures, families, caption):
    """A table of every way's medians, place by place."""
    shown = [(p, c) for family in families for p in figures.data["places"]
             for c in figures.cases(family) if figures.ways(p, c)]
    if not shown:
        return ""
    names = list(dict.fromkeys(w for p, c in shown for w in figures.ways(p, c)))
    rows = [[name] + [time_text(figures.get(p, c, name)) for p, c in shown] for name in names]
    return section(caption[0], caption[1], table([""] + [f"{p}: {c}" for p, c in shown], rows))


def memory_section(data):
    rows = [[name, ", ".join(f"{k} {v:,.3g}" if k != "needed_bytes" else f"{v:,.0f} bytes"
                             for k, v in figures.items())]
            for name, figures in data["memory"].items()]
    return section("Memory", "The most that was allocated beside the caller's own, by size. A "
                   "stream needs the same for any size.", table(["what", "needed"], rows))


def ways_section(data):
    rows = [[name, KINDS[w["kind"]], w["reached"], {"each": "each by itself", "all": "all or none",
                                                    "": ""}[w["together"]], w["note"]]
            for name, w in data["ways"].items()]
    return section("Who takes part", "Each as its documentation says. Durable: survives a power "
                   "cut once the call returned. Ordered: old or new after a power cut, maybe old. "
                   "None: old or new when the process dies. Torn: neither.",
                   table(["", "what", "holds", "many files", "how"], rows))


STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
  color: light-dark(#1c2128, #d7dde5); background: light-dark(#ffffff, #12161c); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; } .wide { overflow-x: auto; }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #8a8f9855; text-align: left; }
.legend { font-size: 13px; } .legend span { margin-right: 1.2rem; white-space: nowrap; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; }
.small { font-size: 13px; opacity: .8; }
"""


def make(data):
    figures = Figures(data)

    def weaker(info):
        return "" if info["reached"] == "durable" else info["reached"]

    def not_all(info):
        return weaker(info) or ("" if info["together"] == "all" else "each alone")

    transactions = figures.cases("transaction")
    body = [
        bars(figures, USUAL, weaker, (
            "One commit of 4 KiB", "Replacing one file, or one row. Medians of interleaved "
            "rounds, whiskers from quarter to quarter."), scaling="linear"),
        lines(figures, "single", ratio_value, ("size", "floor = 1", False), (
            "By size", "Durable commits of one file, as multiples of the bare system calls."),
            places=[p for p in ("ext4", "xfs", "btrfs", "tmpfs") if p in data["places"]],
            least=1),
        bars(figures, BATCH, weaker, (
            "A batch of 64 files of 4 KiB", "Each file may be new by itself.")),
        *[bars(figures, case, not_all, (
            f"A transaction of {case.split('/')[1]} files of 4 KiB",
            "All or none; those who can do each alone only are pale.")) for case in
          transactions[-1:]],
        lines(figures, "transaction", per_file, ("files", "ms for each file", True), (
            "Transactions by size", "What one file of a transaction costs.")),
        lines(figures, "recovery", in_ms, ("files in the journal", "ms", True), (
            "Recovery", "From a journal that a killed transaction left, every file to be redone.")),
        lines(figures, "save", in_ms, ("records", "ms", True), (
            "Saving a tracked state", "One member changes, all of it is saved; about 370 bytes of "
            "JSON a record. What each save holds is in the last table.")),
        lines(figures, "load", in_ms, ("records", "ms", True), (
            "Loading a tracked state", "perdure syncs what it found before it trusts it.")),
        cells(figures, ("json_save", "json_load"), (
            "JSON", "The serializers alone: structs to text and back, by the number of records.")),
        cells(figures, ("stream",), ("Streamed", "In pieces of 64 KiB.")),
        cells(figures, ("crowd",), (
            "In a crowd", "4 KiB, in a directory of so many entries beside.")),
        counts_section(figures), memory_section(data), ways_section(data), all_results(figures),
    ]
    return ("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width\">"
            f"<title>perdure: what a commit costs</title><style>{STYLE}</style>"
            f"<h1>perdure: what a commit costs</h1>{first_words(data)}"
            f"<p class=\"small\">{html.escape(machine_words(data))}</p>{''.join(body)}</html>")
