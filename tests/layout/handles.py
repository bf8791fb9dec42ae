# SPDX-License-Identifier: BSL-1.0
"""Checks that the library and the command line reach files by handles, never by paths: another user
may exchange what a path leads to between two calls. tidy.py runs it."""

import re

TREES = ("lib/", "tools/perdure/", "tools/common/")
DOUBLES = ("lib/testing/",)  # their file systems lie in memory

# Calls of the system that take a path, and resolve it from the working directory.
BY_PATH = (
    "access acct chdir chmod chown chroot creat eaccess euidaccess execv execve execvp fopen "
    "freopen ftw getxattr glob inotify_add_watch lchown lgetxattr link listxattr llistxattr "
    "lremovexattr lsetxattr lstat lutimes mkdir mkdtemp mkfifo mknod mkostemp mkstemp mktemp "
    "mount nftw open opendir pathconf pivot_root posix_spawn readlink realpath remove "
    "removexattr rename rmdir scandir setxattr stat statfs statvfs symlink tempnam tmpfile "
    "tmpnam truncate umount2 unlink utime utimes").split()
# Among them names that no member function of ours has: they are found without a `::`, too.
UNMISTAKABLE = (
    "chdir chroot creat eaccess fopen freopen lchown lgetxattr llistxattr lremovexattr "
    "lsetxattr lstat mkdir mkdtemp mkfifo mknod mkostemp mkstemp mktemp opendir readlink "
    "realpath rmdir scandir statfs statvfs symlink tempnam tmpfile tmpnam utimes").split()
CALL = re.compile(
    rf"(?<![\w>])::({'|'.join(BY_PATH)})\("
    rf"|(?<![\w.:>])({'|'.join(UNMISTAKABLE)})\("
    r"|\bstd::(fopen|freopen|remove|rename|tmpfile|tmpnam)\("
    r"|\b(?:std::|boost::|nowide::)*(i?o?fstream|filebuf)\b"
    r"|\b(?:fs|filesystem)::(?!path\b)(\w+)"  # a path may be taken apart, but not followed
    r"|\b(AT_FDCWD)\b|::(working_directory)\b"
    # Of the seam, the only call that follows links, or takes more than one component.
    r"|(?:\.|->)(open_directory)\(")

NAMED = "the first open of what the user named"
KERNELS = "a file of the kernel's, where only root has a say"
# (file, call): the reason. A reason that no call needs any more is a fault.
MAY = {
    ("lib/linux/describe.cpp", "open"): "a device below /dev, where only root can make names",
    ("lib/linux/describe.cpp", "opendir"): KERNELS,
    ("lib/linux/describe.cpp", "access"): KERNELS,
    ("lib/linux/describe.cpp", "readlink"): KERNELS,
    ("lib/linux/mount_info.cpp", "open"): KERNELS,
    ("lib/linux/users.cpp", "fstream"): KERNELS,
    ("lib/linux/users.cpp", "ifstream"): KERNELS,
    ("lib/linux/xattr.cpp", "lgetxattr"): "a name in an open directory, by /proc/self/fd",
    ("lib/linux/xattr.cpp", "llistxattr"): "a name in an open directory, by /proc/self/fd",
    ("lib/engine/directory.cpp", "working_directory"): NAMED,
    ("lib/engine/directory.cpp", "open_directory"): NAMED + ", and the directory above an open one",
    ("lib/engine/target.cpp", "open_directory"): "the way that a link names which may be followed",
    ("lib/transaction/marker.cpp", "open_directory"): "those above an open one",
    ("lib/transaction/open_root.cpp", "working_directory"): NAMED,
    ("lib/transaction/open_root.cpp", "open_directory"): NAMED,
    ("tools/perdure/commands/bench.cpp", "working_directory"): NAMED,
    ("tools/perdure/commands/bench.cpp", "open_directory"): NAMED,
    ("tools/perdure/sources/once.cpp", "working_directory"): NAMED,
    ("tools/perdure/main.cpp", "open"): "/dev/null, where only root can make names",
    ("tools/perdure/sources/input.cpp", "open"): NAMED,
    ("lib/transaction/source_tree.cpp", "working_directory"): NAMED,
    ("lib/transaction/source_tree.cpp", "open_directory"): NAMED,
    ("lib/transaction/tree.cpp", "open_directory"): "those above an open one",
}


def calls_in(text):
    """(number of the line, call) of each call that takes a path."""
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line).split("//")[0]
        for match in CALL.finditer(code):
            yield number, next(group for group in match.groups() if group)


def check_handles(name, text):
    """One path is used once, where it is named here; all else goes by a handle."""
    if not name.startswith(TREES) or name.startswith(DOUBLES):
        return []
    faults, used = [], set()
    for number, call in calls_in(text):
        used.add((name, call))
        if (name, call) not in MAY:
            faults.append(f"{name}:{number}: {call} goes by a path, which another user may "
                          "exchange between two calls: go by a handle (FileSystem), or give "
                          "handles.py the reason")
    faults += [f"{name}: handles.py lets it call {call}, and it does not: take that out"
               for file, call in MAY if file == name and (file, call) not in used]
    return faults
