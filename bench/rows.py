"""What is measured beside what: each function is one table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Result, Subject, compare
from place import Place

HERE = Path(__file__).resolve().parent
QUICK_RUNS = 15  # at least, for what takes less than a tenth of a second
TOGETHER = 16

Results = dict[str, Result]


def cold(place: Place) -> Results:
    """Create with empty caches, from the channel's files."""
    return compare(
        [
            place.subject("envmgr create", place.create(), place.forget("root", "cache", "bench.conda-lock.yml")),
            place.subject(
                "py-rattler", _bare_rattler(place, "rattler-cold"), place.forget("rattler-env", "rattler-cold")
            ),
            *_others(place, is_cold=True),
        ],
        runs=place.runs,
        log=place.log,
    )


def warm(place: Place) -> Results:
    """Create with everything in the caches: solved, from the lock, with one package more, many at once."""
    place.do(place.create())
    original = place.work / "original"
    place.forget("original")()  # `cp` would copy into the one of an earlier run
    subprocess.run(["cp", "-al", place.work / "root/envs/bench", original], check=True)
    names = [each for each in place.names if each != place.leaf]
    place.do(place.ours("create", "-n", "more", "--override-channels", "-c", place.url, *names))
    gone = place.forget("root/envs/bench", "root/envs/.generations/bench")
    started = " ".join(f'"$@" & p{n}=$!;' for n in range(TOGETHER))
    script = started + " && ".join(f"wait $p{n}" for n in range(TOGETHER))
    together = ["sh", "-c", script, "sh", *place.create()]
    subjects = [
        place.subject("cp -al", ["cp", "-al", str(original), str(place.work / "copy")], place.forget("copy")),
        place.bare_python(),
        place.subject("envmgr create --no-lock (solves)", [*place.create(), "--no-lock"], gone),
        place.subject("envmgr create (follows the lock)", place.create(), gone),
        place.subject(f"{TOGETHER} × envmgr create at once", together, gone),
        place.subject(
            "envmgr install (one package more)",
            place.ours("install", "-n", "more", place.leaf),
            place.doing(place.ours("remove", "-n", "more", place.leaf)),
        ),
        place.subject("py-rattler", _bare_rattler(place, "rattler-warm"), place.forget("rattler-env")),
        *_others(place, is_cold=False),
    ]
    place.do(place.ours("install", "-n", "more", place.leaf))
    uv = _uv(place)
    return compare([*subjects, *([uv] if uv is not None else [])], runs=place.runs, log=place.log)


def quick(place: Place) -> Results:
    """Run what nobody may have to wait for."""
    place.do(place.create())
    subjects = [place.bare_python()]
    for name, arguments in (
        ("create (nothing to do)", ["create", "--yes", "--quiet", "-f", str(place.file)]),
        ("run -n bench true", ["run", "-n", "bench", "true"]),
        ("run -f bench.yml true (nothing to do)", ["run", "-f", str(place.file), "true"]),
        ("list", ["list", "-n", "bench"]),
        ("env list", ["env", "list"]),
        ("--version", ["--version"]),
        ("--help", ["--help"]),
        ("history", ["history", "-n", "bench"]),
    ):
        subjects.append(place.subject(f"envmgr {name}", [*place.envmgr, *arguments]))
    prefix = str(place.work / "root/envs/bench")  # the same environment for all of them
    for tool in ("micromamba", "conda"):
        path = shutil.which(tool)
        if path is not None:
            calls = (("run", "-p", prefix, "true"), ("list", "-p", prefix), ("env", "list"))
            subjects += [place.subject(" ".join((tool, *call)).replace(prefix, "…"), [path, *call]) for call in calls]
    return compare(subjects, runs=max(place.runs, QUICK_RUNS), log=place.log)


def going_back(place: Place) -> Results:
    """Exchange two generations of one environment, over and over."""
    create = place.ours("create", "-n", "back", "--override-channels", "-c", place.url)
    for names in (place.names, place.names[:-1]):
        place.do([*create, *names])
    subjects = [place.bare_python(), place.subject("envmgr rollback", place.ours("rollback", "-n", "back"))]
    return compare(subjects, runs=max(place.runs, QUICK_RUNS), log=place.log)


SHELLS = {"bash": ["--noprofile", "--norc"], "zsh": ["-f"], "fish": ["--no-config"]}


def shells(place: Place) -> Results:
    """Start a shell as it is, with what `init` writes, and with an activation; complete a word."""
    place.do(place.create())
    subjects = [place.bare_python()]
    for shell in (each for each in SHELLS if shutil.which(each)):
        place.do(place.ours("init", shell))
        own = place.work / "root/shell"
        hook = own / ("hook.fish" if shell == "fish" else "hook.sh")
        start = [shell, *SHELLS[shell], "-c"]
        subjects += [
            place.subject(shell, [*start, ":"]),
            place.subject(f"{shell}, initialised", [*start, f". '{hook}'"]),
            place.subject(f"{shell}, activate", [*start, f". '{hook}'; envmgr activate bench"]),
        ]
        if shell == "bash":
            words = "COMP_WORDS=(envmgr remove -n bench n); COMP_CWORD=4; _envmgr envmgr n"
            subjects.append(place.subject("bash, complete", [*start, f". '{own}/completion.bash'; {words}"]))
            subjects += _other_activations(place, start)
    return compare(subjects, runs=max(place.runs, QUICK_RUNS), log=place.log)


def _other_activations(place: Place, start: list[str]) -> list[Subject]:
    """Return the activation of micromamba and conda in bash, with their hooks as files, as ours is one."""
    subjects = []
    for tool, words in (("micromamba", ["shell", "hook", "-s", "bash"]), ("conda", ["shell.bash", "hook"])):
        path = shutil.which(tool)
        if path is not None:
            hook = place.work / f"{tool}-hook.sh"
            with hook.open("wb") as file:
                subprocess.run([path, *words], env=place.environ, stdout=file, check=True)
            activate = f"{tool} activate '{place.work}/root/envs/bench'"
            subjects.append(place.subject(f"bash, {tool} hook", [*start, f". '{hook}'"]))
            subjects.append(place.subject(f"bash, {tool} activate", [*start, f". '{hook}'; {activate}"]))
    return subjects


def _bare_rattler(place: Place, cache: str) -> list[str]:
    return [
        sys.executable, str(HERE / "bare_rattler.py"), place.url, str(place.work / "rattler-env"),
        str(place.work / cache), *place.names,
    ]  # fmt: skip


def _others(place: Place, *, is_cold: bool) -> list[Subject]:
    """Return micromamba and conda where they are on PATH."""
    subjects = []
    for tool, cache in (("micromamba", "mamba"), ("conda", "conda-pkgs")):
        path = shutil.which(tool)
        if path is None:
            continue
        prefix = place.work / f"{tool}-env"
        command = [path, "create", "--yes", "--quiet", "--override-channels", "-c", place.url, "-p", str(prefix)]
        gone = [prefix.name, cache] if is_cold else [prefix.name]
        subjects.append(place.subject(tool, [*command, *place.names], place.forget(*gone)))
    return subjects


def _uv(place: Place) -> Subject | None:
    """Return uv linking the same wheels from its own warm cache, where PyPI names and versions allow it."""
    path = shutil.which("uv")
    if path is None:
        return None
    python = place.work / "original/bin/python3"
    requirements = place.work / "requirements.txt"
    listed = subprocess.run(
        [path, "pip", "freeze", "--python", python], check=True, capture_output=True, text=True, env=place.environ
    )
    requirements.write_text("".join(f"{line.partition(' @')[0]}\n" for line in listed.stdout.splitlines()))
    environ = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    environ |= {"UV_CACHE_DIR": str(place.work / "uv-cache"), "UV_NO_CONFIG": "1"}
    script = 'set -e; "$0" venv -q --python "$1" "$2"; "$0" pip install -q --no-deps --python "$2/bin/python" -r "$3"'
    environment = str(place.work / "uv-env")
    command = ["sh", "-c", script, path, str(sys.executable), environment, str(requirements)]
    probe = subprocess.run(command, env=environ, check=False, capture_output=True)
    if probe.returncode:
        print(f"uv takes no part: {probe.stderr.decode()[-300:]}", file=sys.stderr)
        return None
    return place.subject("uv", command, place.forget("uv-env"), environ)
