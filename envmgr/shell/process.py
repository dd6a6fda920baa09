"""A process in an environment: its variables computed as the activation scripts compute them, then exec.

On the path of `run`: imports neither dataclasses nor pathlib.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from envmgr.errors import CommandNotExecutable, CommandNotFound
from envmgr.shell import files
from envmgr.shell.plan import ActivationPlan, prompt_modifier, variable_fault

# What activation scripts print must not reach the stdout of the command, and they may not eat its stdin.
_THROUGH_SHELL = r"""{ %s; } </dev/null >&2
%s
command -v -- "$1" >/dev/null 2>&1 || {
    __envmgr_exe _missing "$1" "$CONDA_PREFIX"
    exit 127
}
%s
exec "$@"
"""
_NOTHING: Mapping[str, str] = {}


def active_plan(environ: Mapping[str, str]) -> ActivationPlan | None:
    """Return the plan of the environment that is active in `environ`, None where none is."""
    return files.load_or_bare(environ["CONDA_PREFIX"]) if _level(environ) else None


def environment(plan: ActivationPlan, environ: Mapping[str, str], active: ActivationPlan | None) -> dict[str, str]:
    """Return `environ` as it is after activating `plan` where `active` is active, as activate.sh does it.

    Scripts of packages are not run, and PS1 is left alone.
    """
    variables = dict(environ)
    level = _level(environ)
    entry = os.pathsep.join(plan.path)
    if active is None:
        if "CONDA_SHLVL" not in variables:
            variables["_ENVMGR_FRESH"] = "1"
        _replace_in_path(variables, None, entry)
    else:
        _leave(variables, active, level)
        _replace_in_path(variables, os.pathsep.join(active.path), entry)
    if active is None or not _is_same(active.prefix, plan.prefix):
        if active is not None:
            variables[f"CONDA_PREFIX_{level}"] = active.prefix
        level += 1
        variables.pop(f"CONDA_STACKED_{level}", None)
    variables.update(
        CONDA_PREFIX=plan.prefix,
        CONDA_DEFAULT_ENV=plan.name,
        CONDA_SHLVL=str(level),
        CONDA_PROMPT_MODIFIER=prompt_modifier(plan, environ),
    )
    for name, value in plan.variables:
        saved = f"__CONDA_SHLVL_{level - 1}_{name}"
        if name in variables:
            variables[saved] = variables[name]
        else:
            variables.pop(saved, None)
        variables[name] = value
    variables[f"_ENVMGR_NAMES_{level}"] = "".join(f" {name}" for name, _ in plan.variables)
    variables[f"_ENVMGR_PREFIX_{level}"] = plan.prefix
    return variables


def run(
    plan: ActivationPlan,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    command: Sequence[str],
    more: Mapping[str, str] = _NOTHING,
    is_verbose: bool = False,
) -> NoReturn:
    """Replace this process by `argv` in the environment of `plan`; `command` is the argv that starts envmgr.

    `more` are variables that beat those of the environment; with `is_verbose` what is executed is told on stderr.
    Only where a package has activation scripts, a shell sources them first. Raises CommandNotFound and
    CommandNotExecutable.
    """
    environ = _without_coercion(environ)
    active = active_plan(environ)
    if plan.activate_scripts(".sh") or (active is not None and active.deactivate_scripts(".sh")):
        _through_shell(plan, argv, environ, command, more, is_verbose)
    variables = environment(plan, environ, active)
    variables.update(more)
    program = _find(argv[0], variables.get("PATH", ""), plan)
    if is_verbose:
        _tell(plan, program, argv)
    execute(program, argv, variables)


def _without_coercion(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return `environ` without the LC_CTYPE that Python itself adds in the C locale (PEP 538)."""
    if environ.get("LC_CTYPE") not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return environ
    try:
        with open("/proc/self/environ", "rb") as stream:
            was_set = any(entry.startswith(b"LC_CTYPE=") for entry in stream.read().split(b"\0"))
    except OSError:
        return environ
    return environ if was_set else {key: value for key, value in environ.items() if key != "LC_CTYPE"}


def _level(environ: Mapping[str, str]) -> int:
    text = environ.get("CONDA_SHLVL", "")
    if not environ.get("CONDA_PREFIX") or not text.isascii() or not text.isdigit():
        return 0
    return 0 if text[0] == "0" or len(text) > 3 else int(text)


def _is_same(one: str, other: str) -> bool:
    try:
        return one == other or os.path.samefile(one, other)
    except OSError:
        return False


def _leave(variables: dict[str, str], active: ActivationPlan, level: int) -> None:
    static = " ".join(name for name, _ in active.variables)
    names = variables.pop(f"_ENVMGR_NAMES_{level}", static)
    # conda may have entered another environment on that level since.
    if variables.pop(f"_ENVMGR_PREFIX_{level}", None) != active.prefix:
        names = static
    for name in reversed(names.split()):
        if variable_fault(name, ""):
            continue
        saved = variables.pop(f"__CONDA_SHLVL_{level - 1}_{name}", None)
        if saved is None:
            variables.pop(name, None)
        else:
            variables[name] = saved


def _replace_in_path(variables: dict[str, str], old: str | None, new: str) -> None:
    path = variables.get("PATH", "")
    around = f"{os.pathsep}{path}{os.pathsep}"
    before = f"{os.pathsep}{old}{os.pathsep}"
    if old and before in around:
        variables["PATH"] = around.replace(before, f"{os.pathsep}{new}{os.pathsep}", 1)[1:-1]
    else:
        variables["PATH"] = f"{new}{os.pathsep}{path}" if path else new


def _through_shell(
    plan: ActivationPlan,
    argv: Sequence[str],
    environ: Mapping[str, str],
    command: Sequence[str],
    more: Mapping[str, str],
    is_verbose: bool,
) -> NoReturn:
    from envmgr.shell import posix  # start-up time: only where a package has scripts

    static = files.static_script(plan.prefix, "activate")
    activate = f". {posix.quote(static)}" if static else f"eval {posix.quote(posix.activate_script(plan))}"
    own = " ".join(posix.quote(word) for word in command)
    text = f'__envmgr_exe() {{ {own} "$@"; }}\n' + _THROUGH_SHELL % (
        activate,
        "\n".join(f"export {name}={posix.quote(value)}" for name, value in more.items()),
        'printf "envmgr: in %s: %s\\n" "$CONDA_PREFIX" "$*" >&2' if is_verbose else "",
    )
    path = environ.get("PATH", os.defpath)
    # bash first, as conda does: activation scripts are written for it, whatever their suffix says.
    shell = _search("bash", path) or _search("sh", path) or "/bin/sh"
    execute(shell, [os.path.basename(shell), "-c", text, "envmgr", *argv], dict(environ))


def _find(name: str, path: str, plan: ActivationPlan) -> str:
    """Return the file to execute for the command `name`, as execvp would find it on `path`."""
    if os.sep in name:
        return name
    found = _search(name, path) if name else None
    if found is not None:
        return found
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory, name)
        if name and os.path.isfile(candidate):
            import shlex  # only to word an error

            raise CommandNotExecutable(f"{candidate} is not executable", hint=f"chmod +x {shlex.quote(candidate)}")
    from envmgr.shell import missing  # only to word an error

    raise missing.command_not_found(name, plan)


def find(name: str, path: str) -> str:
    """Return the file of a command on `path`; raises CommandNotFound."""
    found = _search(name, path) if os.sep not in name else name
    if found is None:
        raise CommandNotFound(f"there is no command `{name}` on PATH")
    return found


def _search(name: str, path: str) -> str | None:
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory, name)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return None


def _tell(plan: ActivationPlan, program: str, argv: Sequence[str]) -> None:
    import shlex  # only where it was asked for

    words = " ".join(shlex.quote(word) for word in (program, *argv[1:]))
    os.write(2, os.fsencode(f"envmgr: in {plan.prefix}: {words}\n"))


def execute(program: str, argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by `program`; raises CommandNotFound and CommandNotExecutable."""
    _default_signals()
    # What a shell's hook told this command is not for others.
    environ = {name: value for name, value in environ.items() if name != "_ENVMGR_HOOK"}
    try:
        os.execve(program, list(argv), environ)  # noqa: S606 - that is the promise: no shell in between
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            # A script without `#!`: what a shell does with it. os.exec* does not.
            os.execve("/bin/sh", ["/bin/sh", program, *argv[1:]], environ)  # noqa: S606
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.lexists(program):
            raise CommandNotFound(f"{program} does not exist") from error
        reason = error.strerror
        if error.errno == errno.ENOENT:
            reason = "the interpreter that its first line names does not exist"
        raise CommandNotExecutable(f"{program} cannot be executed: {reason}") from error


def _default_signals() -> None:
    # Python ignores these two at its start, and what is ignored stays so through exec: `yes | head` would not end.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
