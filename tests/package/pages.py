#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds manual pages and completions against --help: pages.py WHAT PAGES PROGRAM...

WHAT is man, bash, zsh or fish, PAGES the folder that the build wrote, and each PROGRAM one that was
built. The shells are real ones, which complete what is typed."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60 * int(os.environ.get("PERDURE_TIMEOUT_FACTOR", "1"))
FILES = ("source.txt", "sources/inner.txt")
NO_MATCH = "zzz"


def skip(reason):
    print(f"perdure: skipped: {reason}")
    sys.exit(0)


def need(tool):
    if not shutil.which(tool):
        skip(f"{tool} is not installed")


class Command:
    """A command as its --help shows it."""

    def __init__(self, path, words):
        self.words = words
        self.help = subprocess.run([path, *words[1:], "--help"], check=True, capture_output=True,
                                   text=True).stdout
        self.options, self.arguments, self.names, self.texts = {}, {}, [], []
        self.read()
        self.commands = [Command(path, [*words, name]) for name in self.names]

    def read(self):
        section, entry = "", None
        for line in self.help.splitlines():
            if re.fullmatch(r"(?i)(positionals|options|subcommands):", line):
                section = line[:-1].capitalize()
                continue
            if not line.strip() or not line.startswith("  "):
                section = ""
            if not section:
                self.texts.append(line)
                continue
            # A name of at most 26 columns, then its text, which else begins on the next line.
            label, text = (line[2:28], line[28:]) if len(line) <= 28 or line[27] == " " else (
                line[2:], "")
            if label.strip():
                name, _, value = label.strip().partition(" ")
                entry = {"value": value.replace(" ...", "").strip(), "text": ""}
                {"Options": self.options, "Positionals": self.arguments}.get(section, {})[
                    name.split("[")[0]] = entry
                if section == "Subcommands":
                    self.names.append(name)
            entry["text"] = " ".join((entry["text"] + " " + text).split())

    def option_names(self):
        return [one for names in self.options for one in names.split(",")]

    def choices(self):
        return {names.split(",")[-1]: one["value"].split("|")
                for names, one in self.options.items() if "|" in one["value"]}

    def all(self):
        yield self
        for command in self.commands:
            yield from command.all()


class Faults:
    """What does not hold."""

    def __init__(self):
        self.count = self.checks = 0

    def check(self, holds, words):
        self.checks += 1
        if not holds:
            self.count += 1
            print(f"pages: {words}", file=sys.stderr)

    def same(self, found, wanted, words):
        self.check(sorted(set(found)) == sorted(set(wanted)),
                   f"{words}: offered {sorted(set(found))}, not {sorted(set(wanted))}")

    def end(self):
        print(f"{self.checks} checks, {self.count} faults")
        sys.exit(1 if self.count or not self.checks else 0)


def squeezed(text):
    return " ".join(text.split())


def check_page(faults, command, folder):
    page = folder / "man1" / ("-".join(command.words) + ".1")
    if not page.exists():
        faults.check(False, f"{page.name} is missing")
        return
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True,
                          check=False).stdout
    # A date would be that of the build, or one more thing to keep true.
    lint = [line for line in lint.splitlines() if "missing date" not in line]
    faults.check(not lint, "\n".join(lint))
    if shutil.which("groff"):
        warnings = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page],
                                  capture_output=True, text=True, check=False).stderr
        faults.check(not warnings, warnings)
    shown = subprocess.run(["mandoc", "-Tascii", "-Owidth=1000", page], check=True,
                           capture_output=True, text=True).stdout
    shown = re.sub(".\b", "", shown)  # bold and underlined
    text = squeezed(shown)
    name = " ".join(command.words)
    for names, one in command.options.items():
        tag = names.replace(",", ", ")
        faults.check(re.search(rf"^ +{re.escape(tag)}($|[ \[])", shown, re.MULTILINE),
                     f"{page.name} has no option {tag}")
        faults.check(one["text"] in text, f"{page.name} lacks, of {tag}: {one['text']}")
    for argument, one in command.arguments.items():
        faults.check(re.search(rf"^ +{argument}($| )", shown, re.MULTILINE) and one["text"] in text,
                     f"{page.name} lacks {argument}: {one['text']}")
    for line in command.texts:
        line = squeezed(re.sub(r"^Usage: |:$", "", line))
        faults.check(line.lower() in text.lower(), f"{page.name} lacks: {line}")
    for sub in command.names:
        faults.check(f"{'-'.join([*command.words, sub])}(1)" in text, f"{page.name} lacks {sub}")
    faults.check(name in text, f"{page.name} lacks its name")


class Typed:
    """An interactive shell, in which the program is a function that says how it was called."""

    def __init__(self, argv, setup, said, home):
        self.said, self.output = said, b""
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb",
                       "INPUTRC": "/dev/null", "PS1": "> ", "LC_ALL": "C.UTF-8"}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execvpe(argv[0], argv, environment)
        said.write_text("")
        self.ask(setup)

    def ask(self, line):
        """What was said until the program was called."""
        self.said.write_text("")
        os.write(self.terminal, line.encode() + b"\n")
        begin = time.monotonic()
        while not self.said.read_text().endswith("called\n"):
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.output += os.read(self.terminal, 4096)
            if time.monotonic() > begin + PATIENCE_S:
                sys.exit(f"pages: no answer to {line!r}:\n{self.output.decode(errors='replace')}")
        return self.said.read_text().splitlines()[:-1]

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def makes_calls(program, said):
    return f'{program}() {{ printf "%s\\n" "$@" called >>{said}; }}'


def check_words(faults, offers, programs, with_values=True):
    """`offers` has what a shell offers behind a line."""
    for command in (one for program in programs for one in program.all()):
        line = " ".join(command.words)
        longs = [name for name in command.option_names() if name.startswith("--")]
        faults.same([name for name in offers(f"{line} --") if name.startswith("--")], longs,
                    f"{line} --")
        if command.commands:
            faults.same(offers(f"{line} "), command.names, line)
        for option, choices in command.choices().items() if with_values else ():
            faults.same(offers(f"{line} {option} "), choices, f"{line} {option}")
    for program in programs:
        if "help" not in program.names:
            continue
        name = program.words[0]
        faults.same(offers(f"{name} help "), program.names, f"{name} help")
        for command in program.commands:
            if command.commands:
                line = f"{name} help {command.words[-1]}"
                faults.same(offers(f"{line} "), command.names, line)


def check_files(faults, offers):
    """Of perdure: arguments and values that are paths."""
    def offered(line):
        return [os.path.basename(word.rstrip("/")) for word in offers(line)]
    both, folder = ["source.txt", "sources"], ["sources"]
    for line, wanted in (("perdure write so", both), ("perdure write --from so", both),
                         ("perdure write --keep --from so", both), ("perdure probe so", folder),
                         ("perdure apply sources --from so", folder),
                         (f"perdure write {NO_MATCH}", [])):
        faults.same(offered(line), wanted, line)
    line = "perdure apply sources --put a=so"
    faults.same([word.partition("=")[2] or word for word in offered(line)], both, line)


def check_bash(faults, folder, programs, work):
    def words_of(line):
        return [word for part in line.split(" ") for word in re.split("([=:]+)", part)
                if word or part == ""]

    def offers(line):
        words = words_of(line)
        name = words[0]
        quoted = " ".join(f"'{word}'" for word in words)
        script = (f"source {folder}/bash/{name}\n"
                  f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
                  f'_{name}; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "--norc", "-c", script], cwd=work, check=True, text=True,
                              capture_output=True)
        faults.check(not done.stderr, f"bash says: {done.stderr}")
        return [word for word in done.stdout.split("\n") if word]

    check_words(faults, offers, programs)
    check_files(faults, offers)
    line = "perdure write --durability=o"
    faults.same(offers(line), ["ordered"], line)
    faults.same(offers("perdure apply x --put a=b c=d -- --p"), [], "behind --")

    said = work / "said"
    shell = Typed(["bash", "--norc", "-i"],
                  f"source {folder}/bash/perdure; {makes_calls('perdure', said)}; perdure", said,
                  work)
    check_typed(faults, shell.ask)
    shell.end()


def check_typed(faults, ask):
    for line, called in (
            ("perdure wri\t--durability=ord\t--fr\tsource.t\tsources/in\t",
             ["write", "--durability=ordered", "--from", "source.txt", "sources/inner.txt"]),
            ("perdure sta\tuns\tsource.t\t", ["state", "unset", "source.txt"]),
            ("perdure apply sources --put a=source.t\t",
             ["apply", "sources", "--put", "a=source.txt"])):
        found = " ".join(ask(line)).replace("--from=", "--from ").split(" ")  # as zsh types it
        faults.check(found == called, f"typed {line!r}, called with {found}, not {called}")


def check_zsh(faults, folder, programs, work):
    said = work / "said"
    names = " ".join(program.words[0] for program in programs)
    # The matches go to a file, too.
    setup = work / "setup.zsh"
    setup.write_text(f"""
fpath=({folder}/zsh $fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
setopt no_auto_list
for name in {names}; do eval "$name() {{ print -l -- \\"\\$@\\" called >>{said} }}"; done
wrap() {{
  compadd() {{
    [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]] && {{ builtin compadd "$@"; return }}
    local -a hits
    builtin compadd -A hits "$@"
    (($#hits)) && print -rl -- offered:$^hits >>{said}
    builtin compadd "$@"
  }}
}}
""")
    shell = Typed(["zsh", "-f", "-i"], f"source {setup}; perdure", said, work)
    check_typed(faults, shell.ask)
    shell.ask("wrap; perdure")

    def offers(line):
        return [word.partition(":")[2] for word in shell.ask(f"{line}\t")
                if word.startswith("offered:")]

    check_words(faults, offers, programs)
    check_files(faults, offers)
    shell.end()


def check_fish(faults, folder, programs, work):
    def offers(line):
        script = f"source {folder}/fish/{line.split()[0]}.fish; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], cwd=work, check=True,
                              capture_output=True, text=True,
                              env={"HOME": str(work), "PATH": os.environ["PATH"]})
        faults.check(not done.stderr, f"fish says: {done.stderr}")
        return [row.partition("\t")[0] for row in done.stdout.splitlines()]

    check_words(faults, offers, programs)
    check_files(faults, offers)


def main():
    what, folder, *paths = sys.argv[1:]
    folder = pathlib.Path(folder).resolve()
    need("mandoc" if what == "man" else what)
    programs = [Command(path, [pathlib.Path(path).name]) for path in paths]
    faults = Faults()
    if what == "man":
        commands = [one for program in programs for one in program.all()]
        for command in commands:
            check_page(faults, command, folder)
        faults.same([page.stem for page in (folder / "man1").iterdir()],
                    ["-".join(one.words) for one in commands], "pages")
        faults.end()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        for file in FILES:
            (work / file).parent.mkdir(exist_ok=True)
            (work / file).write_text("")
        {"bash": check_bash, "zsh": check_zsh, "fish": check_fish}[what](
            faults, folder, programs, work)
    faults.end()


if __name__ == "__main__":
    main()
