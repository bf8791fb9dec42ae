#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The tarball of a release: release.py ROOT GENERATOR COMPILER.

Clones with other settings in other folders make the same bytes of one commit, and without git the
tarball configures and builds a target."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False, **options)
    if done.returncode != 0:
        sys.exit(f"release: {' '.join(map(str, command))}: {done.returncode}\n"
                 f"{done.stdout}{done.stderr}")
    return done.stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_content(archive, root):
    """The files of the commit, and nothing of the machine."""
    prefix = archive.name.removesuffix(".tar.gz") + "/"
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    for one in members:
        if one.uid or one.gid or one.mode & 0o022 or not (one.name + "/").startswith(prefix):
            sys.exit(f"release: {one.name}: owner {one.uid}, mode {one.mode:o}")
    found = {one.name.removeprefix(prefix) for one in members if not one.isdir()}
    listed = run("git", "-C", root, "ls-tree", "-rz", "--name-only", "HEAD").split("\0")
    if found != set(filter(None, listed)):
        sys.exit(f"release: the tarball and the commit differ: {found ^ set(listed)}")


def main():
    root, generator, compiler = pathlib.Path(sys.argv[1]), *sys.argv[2:]
    if not shutil.which("git") or not (root / ".git").exists():
        print("perdure: skipped: this is no clone, and a tarball is made from a commit")
        return
    script = root / "scripts/release"
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        run(script, "--tarball", "here", cwd=work)  # where it was called, not where it stands
        clone = work / "a clone"
        run("git", "clone", "--quiet", root, clone)
        commit = run("git", "-C", root, "rev-parse", "HEAD").strip()
        run("git", "-C", clone, "checkout", "--quiet", "--detach", commit)
        for key, value in (("tar.umask", "0077"), ("core.autocrlf", "true")):
            run("git", "-C", clone, "config", key, value)
        shutil.copy(script, clone / "scripts/release")  # the one under test
        os.umask(0o077)
        run(clone / "scripts/release", "--tarball", work / "there",
            env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "GZIP": "--rsyncable"})
        os.umask(0o022)
        archive, = (work / "here").glob("*.tar.gz")
        other = work / "there" / archive.name
        if digest(archive) != digest(other):
            sys.exit("release: two clones of a commit make different tarballs")
        said = (work / "here" / (archive.name + ".sha256")).read_text().split()
        if said != [digest(archive), archive.name]:
            sys.exit(f"release: the SHA-256 beside the tarball is another one: {said}")
        check_content(archive, root)

        run("tar", "-xf", archive, "-C", work)
        build = work / "build"
        run("cmake", "-S", work / archive.name.removesuffix(".tar.gz"), "-B", build,
            "-G", generator, f"-DCMAKE_CXX_COMPILER={compiler}",
            env={**os.environ, "GIT_DIR": "/nonexistent"})
        run("cmake", "--build", build, "--target", "tools_common")


if __name__ == "__main__":
    main()
