"""Compile the C kernels of src/skewless/native into the shared library beside them.

The build runs this as its hook, for a wheel and for the editable install of ``make setup``; working on the kernels, run
``python tools/build_native.py``. The compiler is zig's, from PyPI, so that no machine needs one of its own and all have
the same. Nothing is compiled where the library of these very sources is already there.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER: Final = Path(__file__).resolve().parent.parent / "src" / "skewless" / "native"
LIBRARY: Final = FOLDER / "kernels.so"
"""Its name on every system; ctypes minds none."""
OPTIONS: Final = (
    *("-std=c11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-s"),
    # The same bits on every machine: no contraction to fused operations but where the source asks for one. What a newer
    # processor can do better is behind a question to it.
    *("-ffp-contract=off", "-mcpu=baseline"),
    # For debug builds zig has undefined behaviour end the process; here it is proven absent or not met.
    "-fno-sanitize=all",
    *("-Wall", "-Wextra"),
)
# The oldest C library that wheels for Linux are made for, and the tag that says so.
TARGETS: Final = {
    ("Linux", "x86_64"): ("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64"),
    ("Linux", "aarch64"): ("aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64"),
    ("Darwin", "arm64"): ("aarch64-macos.11.0", "macosx_11_0_arm64"),
    ("Darwin", "x86_64"): ("x86_64-macos.11.0", "macosx_11_0_x86_64"),
}


def target() -> tuple[str, str]:
    """What this machine's library is compiled for, and its wheel's tag; elsewhere, the compiler's own idea."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    is_musl = platform.system() == "Linux" and platform.libc_ver()[0] != "glibc"
    return (
        ("native", tag) if is_musl else TARGETS.get((platform.system(), platform.machine()), ("native", tag))
    )


def digest() -> str:
    """The hash of all that decides what the library does."""
    made = hashlib.sha256(repr((target(), OPTIONS)).encode())
    for file in sorted(FOLDER.glob("*.[ch]")):
        made.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return made.hexdigest()


def is_built() -> bool:
    """Whether the library of these sources is there."""
    return LIBRARY.is_file() and digest().encode() in LIBRARY.read_bytes()


def build() -> None:
    """Compile. CalledProcessError after the compiler has said why it could not."""
    if is_built():
        return
    sources = sorted(map(str, FOLDER.glob("*.c")))
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".build-") as folder:
        made = Path(folder, LIBRARY.name)
        define = f'-DSKEWLESS_SOURCES="{digest()}"'
        compiler = (sys.executable, "-m", "ziglang", "cc", "-target", target()[0])
        subprocess.run([*compiler, *OPTIONS, define, *sources, "-lm", "-o", made], check=True, cwd=folder)
        # Processes may have the old one in use: it is replaced, never written to.
        made.replace(LIBRARY)


class NativeHook(BuildHookInterface[Any]):
    """Puts the library into the wheel; an editable install finds it beside the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        build()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target()[1]}"
        build_data["artifacts"].append(f"/{LIBRARY.relative_to(self.root)}")


if __name__ == "__main__":
    build()
