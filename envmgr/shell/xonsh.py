"""Activation in xonsh: the text of the shell hook, which reads run.json and does in Python what `posix.py` does.

No process starts, since xonsh is a Python. Scripts of packages are `.xsh` files, and as for conda `.sh` files
(`.bat` on Windows) by xonsh's own `source-bash`.
"""

from __future__ import annotations

from envmgr.shell import files
from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan

_HOOK = r"""
def hook():
    import json
    import os
    import re
    import subprocess
    import sys

    command = @COMMAND@
    default_root = @ROOT@
    changes_prompt = @CHANGES_PROMPT@
    env_prompt = @ENV_PROMPT@
    from xonsh.built_ins import XSH
    from xonsh.tools import unthreadable

    env, aliases, prompts = XSH.env, XSH.aliases, []
    sources = ("conda-meta/state", "etc/conda/env_vars.d", "etc/conda/activate.d", "etc/conda/deactivate.d")
    known = re.compile("[A-Za-z_][A-Za-z0-9_]*")
    unsafe = re.compile("[{}$\x00-\x1f\x7f]")

    def text_of(name):
        return env.detype().get(name)

    def put(name, value):
        env[name] = value

    def drop(*names):
        for name in names:
            if name in env:
                del env[name]

    def argv():
        return command if os.access(command[0], os.X_OK) else ["envmgr"]

    def run(arguments):
        return subprocess.run([*argv(), *arguments], env={**env.detype(), "_ENVMGR_HOOK": "@MARK@"}).returncode

    def fetched(step, target, quiet=False):
        done = subprocess.run(
            [*argv(), "_" + step, "xonsh", target],
            env=env.detype(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None,
        )
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None

    def plan_of(prefix):
        file = os.path.join(prefix, "conda-meta/envmgr/run.json")
        try:
            written = os.stat(file).st_mtime_ns
            for source in sources:
                try:
                    if os.stat(os.path.join(prefix, source)).st_mtime_ns > written:
                        return None
                except OSError:
                    pass
            with open(file, encoding="utf-8") as stream:
                plan = json.load(stream)
            return plan if plan["schema"] == 1 and plan["prefix"] == prefix else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def root():
        return text_of("ENVMGR_ROOT") or default_root

    def level():
        text = text_of("CONDA_SHLVL") or ""
        return int(text) if text_of("CONDA_PREFIX") and re.fullmatch("[1-9][0-9]{0,2}", text) else 0

    def source_all(scripts, prefix):
        for script in scripts:
            file = os.path.join(prefix, script)
            if not os.access(file, os.R_OK):
                continue
            if file.endswith(".xsh"):
                aliases["source"]([file])
            elif sys.platform == "win32" and file.endswith(".bat"):
                aliases["source-cmd"](["--suppress-skip-message", file])
            elif sys.platform != "win32" and file.endswith(".sh"):
                aliases["source-bash"](["--suppress-skip-message", "-n", file])

    def replace_in_path(old, new):
        path = list(env["PATH"])
        start = next((i for i in range(len(path)) if old and path[i : i + len(old)] == old), None)
        if start is None:
            path = new + path
        else:
            path[start : start + len(old)] = new
        env["PATH"] = path

    def entries(prefix):
        return [os.path.join(prefix, "bin")]

    def prompt(plan):
        text = "" if plan is None else (text_of("ENVMGR_ENV_PROMPT") or env_prompt)
        switch = text_of("ENVMGR_CHANGEPS1")
        if switch in ("0", "false", "no", "off") or (not switch and not changes_prompt):
            text = ""
        if plan is not None:
            words = (plan["name"], os.path.basename(plan["prefix"].rstrip("/\\")), plan["prefix"])
            for place, word in zip(("{default_env}", "{name}", "{prefix}"), words):
                text = text.replace(place, unsafe.sub("_", word))
        put("CONDA_PROMPT_MODIFIER", text)
        shown = env.get("PROMPT")
        # xonsh's own prompt shows the environment where it has {env_name}.
        if isinstance(shown, str) and "{env_name" not in shown:
            if prompts:
                env["PROMPT"] = text + prompts[0]
            elif text:
                prompts.append(shown)
                env["PROMPT"] = text + shown
            if plan is None:
                prompts.clear()

    def identify(plan, at):
        put("CONDA_PREFIX", plan["prefix"])
        put("CONDA_DEFAULT_ENV", plan["name"])
        put("CONDA_SHLVL", str(at))
        prompt(plan)

    def enter(plan, at):
        identify(plan, at)
        for name, value in plan["variables"]:
            saved = "__CONDA_SHLVL_%d_%s" % (at - 1, name)
            before = text_of(name)
            if before is None:
                drop(saved)
            else:
                put(saved, before)
            put(name, value)
        put("_ENVMGR_NAMES_%d" % at, "".join(" " + name for name, _ in plan["variables"]))
        put("_ENVMGR_PREFIX_%d" % at, plan["prefix"])
        source_all(plan["activate"], plan["prefix"])

    def leave(at):
        prefix = text_of("CONDA_PREFIX")
        plan = plan_of(prefix) or fetched("deactivate", prefix, quiet=True) or {"variables": [], "deactivate": []}
        source_all(reversed(plan["deactivate"]), prefix)
        static = " ".join(name for name, _ in plan["variables"])
        names = text_of("_ENVMGR_NAMES_%d" % at) if text_of("_ENVMGR_PREFIX_%d" % at) == prefix else None
        drop("_ENVMGR_NAMES_%d" % at, "_ENVMGR_PREFIX_%d" % at)
        for name in reversed((static if names is None else names).split()):
            if not known.fullmatch(name):
                continue
            saved = "__CONDA_SHLVL_%d_%s" % (at - 1, name)
            before = text_of(saved)
            if before is None:
                drop(name)
            else:
                put(name, before)
                drop(saved)
        return plan.get("path") or entries(prefix)

    def activate(target, stack):
        is_path = target in (".", "..") or "/" in target or os.sep in target
        prefix = os.path.abspath(target) if is_path else os.path.join(root(), "envs", target)
        plan = (plan_of(prefix) if target else None) or fetched("activate", target)
        if plan is None:
            return 1
        at = level()
        if at == 0:
            if text_of("CONDA_SHLVL") is None:
                put("_ENVMGR_FRESH", "1")
            replace_in_path([], plan["path"])
        elif text_of("CONDA_PREFIX") == plan["prefix"]:
            replace_in_path(leave(at), plan["path"])
            enter(plan, at)
            return 0
        else:
            before = text_of("CONDA_PREFIX")
            replace_in_path([] if stack else leave(at), plan["path"])
            put("CONDA_PREFIX_%d" % at, before)
        drop("CONDA_STACKED_%d" % (at + 1))
        if stack and at:
            put("CONDA_STACKED_%d" % (at + 1), "true")
        enter(plan, at + 1)
        return 0

    def deactivate():
        at = level()
        if at == 0:
            return 0
        gone = leave(at)
        if at == 1:
            replace_in_path(gone, [])
            prompt(None)
            drop("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "CONDA_STACKED_1")
            put("CONDA_SHLVL", "0")
            if text_of("_ENVMGR_FRESH"):
                drop("CONDA_SHLVL", "_ENVMGR_FRESH")
            return 0
        previous = text_of("CONDA_PREFIX_%d" % (at - 1)) or ""
        stacked = text_of("CONDA_STACKED_%d" % at)
        drop("CONDA_PREFIX_%d" % (at - 1), "CONDA_STACKED_%d" % at)
        plan = plan_of(previous) or fetched("activate", os.path.join(previous, ""), quiet=True)
        bare = {"prefix": previous, "name": previous, "path": entries(previous), "variables": [], "activate": []}
        plan = plan or bare
        replace_in_path(gone, [] if stacked else plan["path"])
        if stacked:
            identify(plan, at - 1)
        else:
            enter(plan, at - 1)
        return 0

    def reactivate():
        if level() and os.path.isdir(os.path.join(text_of("CONDA_PREFIX"), "conda-meta")):
            return activate(os.path.join(text_of("CONDA_PREFIX"), ""), False)
        return deactivate()

    def after_change(arguments):
        if not level():
            return 0
        is_moved = arguments[0] == "rename" and not os.path.isdir(os.path.join(text_of("CONDA_PREFIX"), "conda-meta"))
        target, rest = "", arguments[1:]
        while rest:
            word = rest.pop(0)
            if word in ("-n", "--name", "-p", "--prefix"):
                rest = rest[1:]
            elif not word.startswith("-"):
                target = word
        code = reactivate()
        return activate(target, False) if is_moved and target else code

    def envmgr(args):
        arguments = list(args)
        first = arguments[0] if arguments else ""
        if first == "activate":
            stack, targets, rest = False, [], arguments[1:]
            while rest:
                word = rest.pop(0)
                if word in ("--stack", "--no-stack"):
                    stack = word == "--stack"
                elif word in ("-n", "--name", "-p", "--prefix") and rest:
                    value = rest.pop(0)
                    by_path = word in ("-p", "--prefix") and os.sep not in value
                    targets.append(os.path.join(".", value) if by_path else value)
                elif word.startswith("-"):
                    return run(arguments)
                else:
                    targets.append(word)
            if len(targets) != 1:
                print(
                    "error: activate takes one environment, found %d\n\nhint: envmgr activate NAME" % len(targets),
                    file=sys.stderr,
                )
                return 2
            return activate(targets[0], stack)
        if first == "deactivate" and len(arguments) == 1:
            return deactivate()
        if first == "reactivate":
            return reactivate()
        code = run(arguments)
        if code == 0 and (first in @CHANGING@ or (first == "env" and arguments[1:2] and arguments[1] in @BELOW_ENV@)):
            return after_change(arguments)
        return code

    aliases["envmgr"] = unthreadable(envmgr)


hook()
"""


def script(plan: ActivationPlan) -> str:
    """Return what the hook is given in place of run.json."""
    return files.described(plan)


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in xonsh, as `posix.hook`."""
    text = (
        _HOOK.replace("@COMMAND@", repr(list(command)))
        .replace("@ROOT@", repr(root))
        .replace("@CHANGES_PROMPT@", repr(change_prompt))
        .replace("@ENV_PROMPT@", repr(env_prompt))
        .replace("@CHANGING@", repr(CHANGING))
        .replace("@BELOW_ENV@", repr(CHANGING_BELOW_ENV))
    )
    # As one string: xonsh's own parser takes two seconds for it, Python's takes none.
    return f"# The shell hook of envmgr for xonsh: execx($(envmgr shell-hook xonsh))\nexec({text!r}, {{}})\n"
