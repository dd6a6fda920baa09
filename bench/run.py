"""Measure envmgr beside the tools it is judged by, in one run on one channel, and print a Markdown table.

usage: python bench/run.py --channel DIR [--runs N] [--work DIR]

DIR is a channel directory with a `python` package and its wheels as conda packages; every package of it is
installed. uv, micromamba and conda take part where they are on PATH. envmgr, py-rattler and the interpreter
are those that run this file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import Result, Subject, compare

HERE = Path(__file__).resolve().parent


class Bench:
    """One channel, one work directory on one file system, and the subjects of each row."""

    def __init__(self, channel: Path, work: Path, runs: int) -> None:
        self.channel, self.work, self.runs = channel, work, runs
        self.url = channel.as_uri()
        self.names = package_names(channel)
        self.envmgr = [str(Path(sys.executable).parent / "envmgr")]
        self.log = work / "log.txt"
        self.file = work / "environment.yml"
        self.file.write_text(
            "name: bench\nchannels:\n"
            + f"  - {self.url}\ndependencies:\n"
            + "".join(f"  - {name}\n" for name in self.names)
        )
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(work / "home"),
            "ENVMGR_ROOT": str(work / "root"),
            "ENVMGR_CACHE": str(work / "cache"),
            "ENVMGR_ADD_PIP_AS_PYTHON_DEPENDENCY": "0",
            "MAMBA_ROOT_PREFIX": str(work / "mamba"),
            "MAMBA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "MAMBA_NO_RC": "true",
            "CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "CONDA_PKGS_DIRS": str(work / "conda-pkgs"),
        }
        (work / "home").mkdir(exist_ok=True)

    def subject(self, name: str, command: list[str], prepare: Callable[[], None] = lambda: None) -> Subject:
        return Subject(name=name, command=command, environ=self.environ, prepare=prepare)

    def forget(self, *names: str) -> Callable[[], None]:
        def remove() -> None:
            for name in names:
                shutil.rmtree(self.work / name, ignore_errors=True)

        return remove

    def create(self) -> list[str]:
        return [*self.envmgr, "create", "--yes", "--quiet", "-f", str(self.file)]

    def bare_rattler(self, cache: str) -> list[str]:
        return [
            sys.executable, str(HERE / "bare_rattler.py"), self.url, str(self.work / "rattler-env"),
            str(self.work / cache), *self.names,
        ]  # fmt: skip

    def others(self, *, cold: bool) -> list[Subject]:
        """Return micromamba and conda where they are on PATH."""
        subjects = []
        for tool, cache in (("micromamba", "mamba"), ("conda", "conda-pkgs")):
            path = shutil.which(tool)
            if path is None:
                continue
            prefix = self.work / f"{tool}-env"
            command = [path, "create", "--yes", "--quiet", "--override-channels", "-c", self.url, "-p", str(prefix)]
            gone = [prefix.name, cache] if cold else [prefix.name]
            subjects.append(self.subject(tool, [*command, *self.names], self.forget(*gone)))
        return subjects

    def cold(self) -> dict[str, Result]:
        return compare(
            [
                self.subject("envmgr", self.create(), self.forget("root", "cache")),
                self.subject(
                    "py-rattler", self.bare_rattler("rattler-cold"), self.forget("rattler-env", "rattler-cold")
                ),
                *self.others(cold=True),
            ],
            runs=self.runs,
            log=self.log,
        )

    def warm(self) -> dict[str, Result]:
        tree = self.work / "root/envs/bench"
        subprocess.run(self.create(), env=self.environ, check=True, stdout=subprocess.DEVNULL)
        original = self.work / "original"
        subprocess.run(["cp", "-al", tree, original], check=True)
        subjects = [
            self.subject("cp -al", ["cp", "-al", str(original), str(self.work / "copy")], self.forget("copy")),
            self.subject("python -c pass", [sys.executable, "-c", "pass"]),
            self.subject("envmgr", self.create(), self.forget("root")),
            self.subject("py-rattler", self.bare_rattler("rattler-warm"), self.forget("rattler-env")),
            *self.others(cold=False),
        ]
        uv = self.uv()
        if uv is not None:
            subjects.append(uv)
        return compare(subjects, runs=self.runs, log=self.log)

    def uv(self) -> Subject | None:
        """Return uv linking the same wheels from its own warm cache, where PyPI names and versions allow it."""
        path = shutil.which("uv")
        if path is None:
            return None
        python = self.work / "original/bin/python3"
        requirements = self.work / "requirements.txt"
        listed = subprocess.run(
            [path, "pip", "freeze", "--python", python], check=True, capture_output=True, text=True, env=self.environ
        )
        requirements.write_text("".join(f"{line.partition(' @')[0]}\n" for line in listed.stdout.splitlines()))
        environ = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
        environ |= {"UV_CACHE_DIR": str(self.work / "uv-cache"), "UV_NO_CONFIG": "1"}
        environment = self.work / "uv-env"
        script = (
            'set -e; "$0" venv -q --python "$1" "$2"; "$0" pip install -q --no-deps --python "$2/bin/python" -r "$3"'
        )
        command = ["sh", "-c", script, path, str(sys.executable), str(environment), str(requirements)]
        probe = subprocess.run(command, env=environ, check=False, capture_output=True)
        if probe.returncode:
            print(f"uv takes no part: {probe.stderr.decode()[-300:]}", file=sys.stderr)
            return None
        return Subject(name="uv", command=command, environ=environ, prepare=self.forget("uv-env"))

    def quick(self) -> dict[str, Result]:
        subprocess.run(self.create(), env=self.environ, check=True, stdout=subprocess.DEVNULL)
        subjects = [
            self.subject("python -c pass", [sys.executable, "-c", "pass"]),
            self.subject("envmgr create (nothing to do)", self.create()),
            self.subject("envmgr run -n bench true", [*self.envmgr, "run", "-n", "bench", "true"]),
        ]
        for tool in ("micromamba", "conda"):
            path, prefix = shutil.which(tool), self.work / f"{tool}-env"
            if path is not None and prefix.is_dir():
                subjects.append(self.subject(f"{tool} run -p … true", [path, "run", "-p", str(prefix), "true"]))
        return compare(subjects, runs=max(self.runs, 15), log=self.log)

    def going_back(self) -> dict[str, Result]:
        """Exchange two generations of one environment, over and over."""
        create = [*self.envmgr, "create", "--yes", "--quiet", "-n", "back", "--override-channels", "-c", self.url]
        for names in (self.names, self.names[:-1]):
            subprocess.run([*create, *names], env=self.environ, check=True, stdout=subprocess.DEVNULL)
        subjects = [
            self.subject("python -c pass", [sys.executable, "-c", "pass"]),
            self.subject("envmgr rollback", [*self.envmgr, "rollback", "--yes", "--quiet", "-n", "back"]),
            self.subject("envmgr history", [*self.envmgr, "history", "-n", "back"]),
        ]
        return compare(subjects, runs=max(self.runs, 15), log=self.log)


def package_names(channel: Path) -> list[str]:
    names: set[str] = set()
    for path in channel.glob("*/repodata.json"):
        repodata = json.loads(path.read_text())
        for section in ("packages", "packages.conda"):
            names |= {record["name"] for record in repodata.get(section, {}).values()}
    if not names:
        raise SystemExit(f"{channel}: no repodata.json with packages in it")
    return sorted(names - {"python"})  # the others pull it in; asked for by name, micromamba wants a pip too


def table(title: str, results: dict[str, Result], reference: Callable[[Result], str]) -> str:
    lines = [f"\n### {title}\n", "| | median s | min–max s | peak MiB | |", "|---|---|---|---|---|"]
    for result in results.values():
        lines.append(
            f"| {result.name} | {result.seconds:.3f} | {result.fastest:.3f}–{result.slowest:.3f} "
            f"| {result.peak_bytes / 2**20:.0f} | {reference(result)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channel", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where everything is written (one file system; default: temporary)")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="envmgr-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.channel.resolve(), work.resolve(), options.runs)
    cold, warm, quick, back = bench.cold(), bench.warm(), bench.quick(), bench.going_back()
    files = sum(len(names) for _, _, names in os.walk(work / "original"))
    print(f"{dt.date.today()}, {os.cpu_count()} cores, {len(bench.names)} packages, {files} files,")
    print(f"medians of {bench.runs} runs in turn")
    bare = cold["py-rattler"].seconds
    print(table("Cold create from a file:// channel", cold, lambda row: f"{row.seconds / bare:.2f} × py-rattler"))
    floor = warm["cp -al"].seconds + warm["python -c pass"].seconds
    print(table("Warm create", warm, lambda row: f"{row.seconds / floor:.2f} × (cp -al + interpreter)"))
    start = quick["python -c pass"].seconds
    print(table("Nothing to do, and run", quick, lambda row: f"+{(row.seconds - start) * 1000:.0f} ms"))
    start = back["python -c pass"].seconds
    print(table("Rollback to a kept generation", back, lambda row: f"+{(row.seconds - start) * 1000:.0f} ms"))
    if options.work is None:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
