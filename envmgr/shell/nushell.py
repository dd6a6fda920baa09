"""Activation in nushell: the text of the shell hook, which reads run.json and does what `posix.py` does.

nushell can source only files that are known when a line is parsed, so there is no script for an environment. The
`.nu` scripts of packages run in a nu of their own, whose variables are taken over.
"""

from __future__ import annotations

from envmgr.shell import files
from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan

_HOOK = r"""# The shell hook of envmgr for nushell: envmgr shell-hook nushell | save --force hook.nu, then source it
module envmgr-hook {
    const command = @COMMAND@
    const default_root = @ROOT@
    const changes_prompt = @CHANGES_PROMPT@
    const default_prompt = @ENV_PROMPT@

    def argv []: nothing -> list<string> {
        if ($command.0 | path exists) { $command } else { ["envmgr"] }
    }

    def fetched [step: string, target: string, quiet: bool] {
        let own = argv
        let done = (^($own.0) ...($own | skip 1) $"_($step)" nushell $target | complete)
        if not $quiet and ($done.stderr | is-not-empty) { print --stderr --no-newline $done.stderr }
        if $done.exit_code == 0 { $done.stdout | from json } else { null }
    }

    def modified [path: string] {
        try { (ls --directory --full-paths $path).0.modified } catch { null }
    }

    def plan-of [prefix: string] {
        let file = [$prefix conda-meta envmgr run.json] | path join
        let written = modified $file
        if $written == null { return null }
        for source in [conda-meta/state etc/conda/env_vars.d etc/conda/activate.d etc/conda/deactivate.d] {
            let path = [$prefix $source] | path join
            if ($path | path exists) {
                let changed = modified $path
                if $changed != null and $changed > $written { return null }
            }
        }
        let plan = try { open --raw $file | from json } catch { null }
        if $plan != null and $plan.schema == 1 and $plan.prefix == $prefix { $plan } else { null }
    }

    # What is to become of the variables: a record of those that are text, and of PATH as a list. All of it is put
    # into effect at once, in the end: nushell (0.115) forgets what a command hid when another one sets something.
    def state []: nothing -> record {
        let path = $env.PATH? | default []
        let path = if ($path | describe) == "string" { $path | split row (char esep) } else { $path }
        $env | transpose name value | where {|pair| ($pair.value | describe) == "string" } | transpose -rd
        | reject --optional PWD FILE_PWD CURRENT_FILE | upsert PATH $path
    }

    def put [state: record, name: string, value: string]: nothing -> record {
        $state | upsert $name $value
    }

    def drop [state: record, ...names: string]: nothing -> record {
        $state | reject --optional ...$names
    }

    def level [state: record]: nothing -> int {
        let text = $state.CONDA_SHLVL? | default ""
        let is_active = ($state.CONDA_PREFIX? | default "" | is-not-empty) and ($text =~ '^[1-9][0-9]{0,2}$')
        if $is_active { $text | into int } else { 0 }
    }

    def replace-in-path [state: record, old: list<string>, new: list<string>]: nothing -> record {
        let path = $state.PATH
        let places = if ($old | is-empty) {
            []
        } else {
            $path | enumerate | where {|each| ($path | skip $each.index | first ($old | length)) == $old } | get index
        }
        $state | upsert PATH (
            if ($places | is-empty) {
                [...$new ...$path]
            } else {
                [...($path | first $places.0) ...$new ...($path | skip ($places.0 + ($old | length)))]
            }
        )
    }

    def run-scripts [state: record, scripts: list<string>, prefix: string]: nothing -> record {
        mut state = $state
        for script in ($scripts | where {|each| $each | str ends-with ".nu" }) {
            let file = [$prefix $script] | path join
            if not ($file | path exists) { continue }
            let into = mktemp --tmpdir
            $state | to json | save --force $into
            let child = $nu.current-exe
            let text = ($"let state = open --raw ($into | to nuon) | from json\n"
                + "let own = [PWD FILE_PWD CURRENT_FILE config]\n"
                + "let kept = [...$own ...($state | columns)]\n"
                + "hide-env --ignore-errors ...($env | columns | where {|name| $name not-in $kept })\n"
                + "load-env $state\n"
                + $"source-env ($file | to nuon)\n"
                + "$env | transpose name value | where {|pair| ($pair.value | describe) in [string list<string>] }"
                + $" | transpose -rd | to json | save --force ($into | to nuon)")
            try { ^$child --no-config-file --commands $text }
            let after = try { open --raw $into | from json } catch { {} }
            rm --force $into
            if "PATH" in $after {
                let own = [PWD OLDPWD SHLVL NU_VERSION FILE_PWD CURRENT_FILE PROCESS_PATH LAST_EXIT_CODE]
                let kept = $state
                let of_this = $own | where {|name| $name in $kept } | reduce --fold {} {|name, kept_own|
                    $kept_own | upsert $name ($kept | get $name)
                }
                $state = $after | reject --optional ...$own | merge $of_this
            }
        }
        $state
    }

    def modifier [state: record, plan: record]: nothing -> string {
        let switch = $state.ENVMGR_CHANGEPS1? | default (if $changes_prompt { "1" } else { "0" })
        if $switch in ["0" "false" "no" "off"] { return "" }
        $state.ENVMGR_ENV_PROMPT? | default $default_prompt
        | str replace --all "{default_env}" $plan.name
        | str replace --all "{name}" ($plan.prefix | path basename)
        | str replace --all "{prefix}" $plan.prefix
    }

    def identify [state: record, plan: record, at: int]: nothing -> record {
        $state | merge {
            CONDA_PREFIX: $plan.prefix
            CONDA_DEFAULT_ENV: $plan.name
            CONDA_SHLVL: ($at | into string)
            CONDA_PROMPT_MODIFIER: (modifier $state $plan)
        }
    }

    def enter [state: record, plan: record, at: int]: nothing -> record {
        mut state = identify $state $plan $at
        for pair in $plan.variables {
            let saved = $"__CONDA_SHLVL_($at - 1)_($pair.0)"
            let before = $state | get --optional $pair.0
            $state = if $before == null { drop $state $saved } else { put $state $saved $before }
            $state = put $state $pair.0 $pair.1
        }
        $state = put $state $"_ENVMGR_NAMES_($at)" ($plan.variables | each {|pair| $" ($pair.0)" } | str join)
        $state = put $state $"_ENVMGR_PREFIX_($at)" $plan.prefix
        run-scripts $state $plan.activate $plan.prefix
    }

    def leave [state: record, plan: record, at: int]: nothing -> record {
        mut state = run-scripts $state ($plan.deactivate | reverse) $plan.prefix
        let list = $"_ENVMGR_NAMES_($at)"
        let static = $plan.variables | each {|pair| $pair.0 } | str join " "
        let of = $"_ENVMGR_PREFIX_($at)"
        let is_ours = ($state | get --optional $of) == $state.CONDA_PREFIX
        let names = if $is_ours { $state | get --optional $list | default $static } else { $static }
        $state = drop $state $list $of
        for name in ($names | split row " " | where {|each| $each =~ '^[A-Za-z_][A-Za-z0-9_]*$' } | reverse) {
            let saved = $"__CONDA_SHLVL_($at - 1)_($name)"
            let before = $state | get --optional $saved
            $state = if $before == null { drop $state $name } else { drop (put $state $name $before) $saved }
        }
        $state
    }

    def active-plan [state: record]: nothing -> record {
        let prefix = $state.CONDA_PREFIX
        let plan = plan-of $prefix
        let plan = if $plan == null { fetched deactivate $prefix true } else { $plan }
        $plan | default {prefix: $prefix, path: [([$prefix bin] | path join)], variables: [], deactivate: []}
    }

    def activated [state: record, target: string, stack: bool]: nothing -> record {
        let is_path = $target in ["." ".."] or ($target | str contains "/") or ($target | str contains (char psep))
        let root = $state.ENVMGR_ROOT? | default $default_root
        let prefix = if $is_path { $target | path expand --no-symlink } else { [$root envs $target] | path join }
        let plan = if $target == "" { null } else { plan-of $prefix }
        let plan = if $plan == null { fetched activate $target false } else { $plan }
        if $plan == null { error make --unspanned {msg: $"($target) was not activated"} }
        let at = level $state
        mut state = $state
        if $at == 0 {
            if "CONDA_SHLVL" not-in $state { $state = put $state _ENVMGR_FRESH "1" }
            $state = replace-in-path $state [] $plan.path
        } else if $state.CONDA_PREFIX == $plan.prefix {
            let active = active-plan $state
            return (enter (replace-in-path (leave $state $active $at) $active.path $plan.path) $plan $at)
        } else {
            let before = $state.CONDA_PREFIX
            if $stack {
                $state = replace-in-path $state [] $plan.path
            } else {
                let active = active-plan $state
                $state = replace-in-path (leave $state $active $at) $active.path $plan.path
            }
            $state = put $state $"CONDA_PREFIX_($at)" $before
        }
        $state = drop $state $"CONDA_STACKED_($at + 1)"
        if $stack and $at > 0 { $state = put $state $"CONDA_STACKED_($at + 1)" "true" }
        enter $state $plan ($at + 1)
    }

    def deactivated [state: record]: nothing -> record {
        let at = level $state
        if $at == 0 { return $state }
        let active = active-plan $state
        mut state = leave $state $active $at
        if $at == 1 {
            $state = replace-in-path $state $active.path []
            let is_fresh = "_ENVMGR_FRESH" in $state
            $state = drop $state CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_STACKED_1
            return (if $is_fresh { drop $state CONDA_SHLVL _ENVMGR_FRESH } else { put $state CONDA_SHLVL "0" })
        }
        let previous = $state | get --optional $"CONDA_PREFIX_($at - 1)" | default ""
        let is_stacked = $"CONDA_STACKED_($at)" in $state
        $state = drop $state $"CONDA_PREFIX_($at - 1)" $"CONDA_STACKED_($at)"
        let plan = plan-of $previous
        let plan = if $plan == null { fetched activate $"($previous)/" true } else { $plan }
        let path = [([$previous bin] | path join)]
        let plan = $plan | default {prefix: $previous, name: $previous, path: $path, variables: [], activate: []}
        $state = replace-in-path $state $active.path (if $is_stacked { [] } else { $plan.path })
        if $is_stacked { identify $state $plan ($at - 1) } else { enter $state $plan ($at - 1) }
    }

    def reactivated [state: record]: nothing -> record {
        let is_there = (level $state) > 0 and ([$state.CONDA_PREFIX conda-meta] | path join | path exists)
        if $is_there { activated $state $"($state.CONDA_PREFIX)/" false } else { deactivated $state }
    }

    # What to be in after a command that may have given the active environment another generation, or another place
    def changed [state: record, arguments: list<string>]: nothing -> record {
        if (level $state) == 0 { return $state }
        let is_there = [$state.CONDA_PREFIX conda-meta] | path join | path exists
        let after = reactivated $state
        if $is_there or $arguments.0 != "rename" { return $after }
        mut target = ""
        mut rest = $arguments | skip 1
        while ($rest | is-not-empty) {
            let word = $rest.0
            $rest = $rest | skip (if $word in ["-n" "--name" "-p" "--prefix"] { 2 } else { 1 })
            if not ($word | str starts-with "-") { $target = $word }
        }
        if $target == "" { $after } else { activated $after $target false }
    }

    def is-change [arguments: list<string>]: nothing -> bool {
        let first = $arguments | get --optional 0 | default ""
        let second = $arguments | get --optional 1 | default ""
        $first in [@CHANGING@] or ($first == "env" and $second in [@CHANGING_BELOW_ENV@])
    }

    def --env change [after: record] {
        let before = state
        let text = $after.CONDA_PROMPT_MODIFIER? | default ""
        let is_shown = "ENVMGR_PROMPT_COMMAND" in $env
        if $text != "" and not $is_shown and "PROMPT_COMMAND" in $env {
            $env.ENVMGR_PROMPT_COMMAND = $env.PROMPT_COMMAND
            $env.PROMPT_COMMAND = {||
                let shown = $env.ENVMGR_PROMPT_COMMAND
                let shown = if ($shown | describe) == "closure" { do $shown } else { $shown }
                $"($env.CONDA_PROMPT_MODIFIER? | default '')($shown)"
            }
        } else if $is_shown and "CONDA_PREFIX" not-in $after {
            $env.PROMPT_COMMAND = $env.ENVMGR_PROMPT_COMMAND
            hide-env ENVMGR_PROMPT_COMMAND
        }
        load-env ($after | reject --optional PROMPT_COMMAND)
        hide-env --ignore-errors ...($before | columns | where {|name| $name not-in ($after | columns) })
    }

    # Conda-style environments, both halves from one lock.
    export def --env --wrapped envmgr [...arguments: string] {
        let own = argv
        let first = $arguments | get --optional 0 | default ""
        if $first == "activate" {
            mut stack = false
            mut targets = []
            mut is_other = false
            mut rest = $arguments | skip 1
            while ($rest | is-not-empty) {
                let word = $rest.0
                $rest = $rest | skip 1
                if $word in ["--stack" "--no-stack"] {
                    $stack = $word == "--stack"
                } else if $word in ["-n" "--name" "-p" "--prefix"] and ($rest | is-not-empty) {
                    let value = $rest.0
                    $rest = $rest | skip 1
                    let is_bare = $word in ["-p" "--prefix"] and not ($value | str contains "/")
                    $targets = [...$targets (if $is_bare { $"./($value)" } else { $value })]
                } else if ($word | str starts-with "-") {
                    $is_other = true
                } else {
                    $targets = [...$targets $word]
                }
            }
            if $is_other {
                with-env {_ENVMGR_HOOK: "@MARK@"} { ^($own.0) ...($own | skip 1) ...$arguments }
            } else if ($targets | length) != 1 {
                let count = $targets | length
                let fault = $"activate takes one environment, found ($count)"
                error make --unspanned {msg: $"($fault)\n\nhint: envmgr activate NAME"}
            } else {
                change (activated (state) $targets.0 $stack)
            }
        } else if $first == "deactivate" and ($arguments | length) == 1 {
            change (deactivated (state))
        } else if $first == "reactivate" {
            change (reactivated (state))
        } else {
            with-env {_ENVMGR_HOOK: "@MARK@"} { ^($own.0) ...($own | skip 1) ...$arguments }
            if (is-change $arguments) { change (changed (state) $arguments) }
        }
    }
}
use envmgr-hook envmgr
"""


def quote(text: str) -> str:
    """Return `text` as one string of nushell that is exactly `text`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def script(plan: ActivationPlan) -> str:
    """Return what the hook is given in place of run.json."""
    return files.described(plan)


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in nushell, as `posix.hook`."""
    return (
        _HOOK.replace("@COMMAND@", f"[{' '.join(quote(word) for word in command)}]")
        .replace("@ROOT@", quote(root))
        .replace("@CHANGES_PROMPT@", "true" if change_prompt else "false")
        .replace("@ENV_PROMPT@", quote(env_prompt))
        .replace("@CHANGING@", " ".join(CHANGING))
        .replace("@CHANGING_BELOW_ENV@", " ".join(CHANGING_BELOW_ENV))
    )
