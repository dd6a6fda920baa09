"""Activation in POSIX shells (bash, dash, zsh): the text of activate.sh, deactivate.sh and of the shell hook.

Both scripts stand on their own: sourcing one needs neither the hook nor envmgr nor any process. Each has the same
functions and differs in what it knows of its environment. A caller, also the script of another environment, may set
`__envmgr_step` first: `identify`, `enter` (activate.sh) and `leave` (deactivate.sh) do that step at `__envmgr_level`
and nothing else. That protocol is for all schemas; all other names carry the number of theirs, so that scripts of
two versions of envmgr can meet in one shell.

The variables are conda's, so that either tool can deactivate what the other activated; two more are ours, since a
new generation may have been put under a running shell: `_ENVMGR_NAMES_<level>` lists what was set on that level, by the
environment at `_ENVMGR_PREFIX_<level>` (conda may have entered another one there since), and
`_ENVMGR_FRESH` says that CONDA_SHLVL was absent before.
"""

from __future__ import annotations

from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan, prompt_words
from envmgr.shell.posix_hook import HOOK

_FUNCTIONS = r"""
__envmgr1_set() { # name, value; remembers what the user had
    \eval "if [ -n \"\${$1+x}\" ]; then
        __CONDA_SHLVL_${__envmgr_below}_$1=\$$1; \\export __CONDA_SHLVL_${__envmgr_below}_$1
    else
        \\unset __CONDA_SHLVL_${__envmgr_below}_$1
    fi
    $1=\$2; \\export $1"
    __envmgr_names="$__envmgr_names $1"
}

__envmgr1_restore() { # the names that the environment sets now, for where the shell does not know what it set
    \eval "__envmgr_names=\${_ENVMGR_PREFIX_${__envmgr_level}-}"
    if [ "$__envmgr_names" = "${CONDA_PREFIX-}" ]; then
        \eval "__envmgr_names=\" \${_ENVMGR_NAMES_${__envmgr_level}-\$1}\""
    else
        __envmgr_names=" $1"
    fi
    \unset "_ENVMGR_NAMES_$__envmgr_level" "_ENVMGR_PREFIX_$__envmgr_level"
    while [ -n "$__envmgr_names" ]; do
        __envmgr_one=${__envmgr_names##* }
        __envmgr_names=${__envmgr_names% *}
        case $__envmgr_one in '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
        __envmgr_saved=__CONDA_SHLVL_${__envmgr_below}_$__envmgr_one
        \eval "if [ -n \"\${$__envmgr_saved+x}\" ]; then
            $__envmgr_one=\$$__envmgr_saved; \\export $__envmgr_one; \\unset $__envmgr_saved
        else
            \\unset $__envmgr_one
        fi"
    done
}

__envmgr1_source() { # file; scripts of packages were not written for `set -eu`
    [ -r "$1" ] || return 0
    case $- in *e*) __envmgr_errexit=1 ;; *) __envmgr_errexit= ;; esac
    case $- in *u*) __envmgr_nounset=1 ;; *) __envmgr_nounset= ;; esac
    __envmgr_file=$1
    shift
    set +eu
    \. "$__envmgr_file"
    [ -z "$__envmgr_nounset" ] || set -u
    [ -z "$__envmgr_errexit" ] || set -e
}

__envmgr1_path() { # old entry or '', new entry or ''; the new one takes the place of the old one
    __envmgr_path=":${PATH-}:"
    case ${1:+$__envmgr_path} in
        *":$1:"*)
            __envmgr_path=${__envmgr_path%%":$1:"*}:${2:+$2:}${__envmgr_path#*":$1:"}
            __envmgr_path=${__envmgr_path#:}
            PATH=${__envmgr_path%:} ;;
        *) if [ -n "$2" ]; then PATH="$2${PATH:+:$PATH}"; fi ;;
    esac
    \export PATH
}

__envmgr1_fill() { # place, text: into the modifier of the prompt
    while :; do
        case $__envmgr_new in
            *"$1"*) __envmgr_new=${__envmgr_new%%"$1"*}$2${__envmgr_new#*"$1"} ;;
            *) break ;;
        esac
    done
}

__envmgr1_prompt() { # what {default_env}, {name} and {prefix} are, or nothing; takes the place of the current modifier
    __envmgr_new=
    if [ $# -gt 0 ]; then
        __envmgr_new='({default_env}) '
        __envmgr_new=${ENVMGR_ENV_PROMPT-$__envmgr_new}
        __envmgr1_fill '{default_env}' "$1"
        __envmgr1_fill '{name}' "$2"
        __envmgr1_fill '{prefix}' "$3"
    fi
    case ${ENVMGR_CHANGEPS1:-1} in 0 | false | no | off) __envmgr_new= ;; esac
    __envmgr_old=${CONDA_PROMPT_MODIFIER:-}
    if [ -n "${PS1+x}" ]; then
        case $PS1 in
            *POWERLINE_COMMAND*) ;;
            ${__envmgr_old:+*"$__envmgr_old"*}) PS1=${PS1%%"$__envmgr_old"*}$__envmgr_new${PS1#*"$__envmgr_old"} ;;
            *) PS1=$__envmgr_new$PS1 ;;
        esac
    fi
    CONDA_PROMPT_MODIFIER=$__envmgr_new
    \export CONDA_PROMPT_MODIFIER
}

__envmgr1_identity() { # prefix, name, the words of the prompt
    CONDA_PREFIX=$1 CONDA_DEFAULT_ENV=$2 CONDA_SHLVL=$__envmgr_level
    \export CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL
    shift 2
    __envmgr1_prompt "$@"
}

__envmgr1_level() { # the level of the active environment, and the one below it
    __envmgr_level=${CONDA_SHLVL:-0}
    case $__envmgr_level in 0* | *[!0-9]* | ????*) __envmgr_level=0 ;; esac
    [ -n "${CONDA_PREFIX:-}" ] || __envmgr_level=0
    __envmgr_below=$((__envmgr_level - 1))
}

__envmgr1_is_active() { # prefix
    [ "$CONDA_PREFIX" = "$1" ] || [ "$CONDA_PREFIX" -ef "$1" ]
}

__envmgr1_step() { # step, file, prefix: a step of another environment, by its static file or one made now
    __envmgr_step=$1
    if [ -r "$3/conda-meta/envmgr/$2.sh" ]; then
        \. "$3/conda-meta/envmgr/$2.sh"
    elif __envmgr_text=$(__envmgr_exe "_$2" posix "$3" 2>/dev/null || command envmgr "_$2" posix "$3" 2>/dev/null); then
        \eval "$__envmgr_text"
    else
        \unset __envmgr_step
        return 1
    fi
    \unset __envmgr_step
}

__envmgr1_leave_active() {
    __envmgr1_step leave deactivate "$CONDA_PREFIX" || __envmgr1_restore ''
}

__envmgr1_activate() { # prefix, path entry
    __envmgr1_level
    if [ "$__envmgr_level" -gt 0 ] && __envmgr1_is_active "$1"; then
        __envmgr1_leave_active
        __envmgr1_path "${CONDA_PREFIX%/}/bin" "$2"
        __envmgr1_enter
        return 0
    elif [ "$__envmgr_level" -eq 0 ]; then
        if [ -z "${CONDA_SHLVL+x}" ]; then _ENVMGR_FRESH=1; \export _ENVMGR_FRESH; fi
        __envmgr1_path '' "$2"
        \unset CONDA_STACKED_1
    else
        if [ -n "${__envmgr_stack:-}" ]; then
            __envmgr1_path '' "$2"
            \eval "CONDA_STACKED_$((__envmgr_level + 1))=true; \\export CONDA_STACKED_$((__envmgr_level + 1))"
        else
            __envmgr1_leave_active
            __envmgr1_path "${CONDA_PREFIX%/}/bin" "$2"
            \eval "\\unset CONDA_STACKED_$((__envmgr_level + 1))"
        fi
        \eval "CONDA_PREFIX_$__envmgr_level=\$CONDA_PREFIX; \\export CONDA_PREFIX_$__envmgr_level"
    fi
    __envmgr_below=$__envmgr_level
    __envmgr_level=$((__envmgr_level + 1))
    __envmgr1_enter
}

__envmgr1_deactivate() { # prefix
    __envmgr1_level
    if [ "$__envmgr_level" -eq 0 ]; then return 0; fi
    if ! __envmgr1_is_active "$1"; then
        printf 'error: %s is not the active environment, %s is\n' "$1" "$CONDA_PREFIX" >&2
        return 1
    fi
    __envmgr1_leave
    __envmgr_gone=${CONDA_PREFIX%/}/bin
    if [ "$__envmgr_level" -eq 1 ]; then
        __envmgr1_path "$__envmgr_gone" ''
        __envmgr1_prompt
        \unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_STACKED_1
        CONDA_SHLVL=0
        \export CONDA_SHLVL
        if [ -n "${_ENVMGR_FRESH:-}" ]; then \unset CONDA_SHLVL _ENVMGR_FRESH; fi
        return 0
    fi
    \eval "__envmgr_previous=\${CONDA_PREFIX_$__envmgr_below:-}; __envmgr_stacked=\${CONDA_STACKED_$__envmgr_level:-}"
    \eval "\\unset CONDA_PREFIX_$__envmgr_below CONDA_STACKED_$__envmgr_level"
    __envmgr_level=$__envmgr_below
    __envmgr_below=$((__envmgr_level - 1))
    if [ -n "$__envmgr_stacked" ]; then
        __envmgr1_path "$__envmgr_gone" ''
        __envmgr_back=identify
    else
        __envmgr1_path "$__envmgr_gone" "${__envmgr_previous%/}/bin"
        __envmgr_back=enter
    fi
    __envmgr1_step "$__envmgr_back" activate "$__envmgr_previous" ||
        __envmgr1_identity "$__envmgr_previous" "$__envmgr_previous"
}
"""

_CLEAN_UP = r"""    \unset -f __envmgr1_set __envmgr1_restore __envmgr1_source __envmgr1_path __envmgr1_prompt
    \unset -f __envmgr1_fill __envmgr1_identity __envmgr1_level __envmgr1_is_active __envmgr1_step
    \unset -f __envmgr1_leave_active __envmgr1_activate __envmgr1_deactivate __envmgr1_enter __envmgr1_leave
    \unset __envmgr_level __envmgr_below __envmgr_names __envmgr_one __envmgr_saved __envmgr_file __envmgr_text
    \unset __envmgr_errexit __envmgr_nounset __envmgr_path __envmgr_new __envmgr_old __envmgr_stack
    \unset __envmgr_gone __envmgr_previous __envmgr_stacked __envmgr_back
    \hash -r 2>/dev/null || :
"""


def quote(text: str) -> str:
    """Return `text` as one word of a POSIX shell that expands to exactly `text`."""
    return "'" + text.replace("'", "'\\''") + "'"


def activate_script(plan: ActivationPlan) -> str:
    """Return the text that a POSIX shell sources to activate the environment of `plan` (CEP 32)."""
    identity = " ".join(quote(word) for word in (plan.prefix, plan.name, *prompt_words(plan)))
    steps = [
        f"    __envmgr1_identity {identity}",
        "    __envmgr_names=",
        *(f"    __envmgr1_set {name} {quote(value)}" for name, value in plan.variables),
        '    \\eval "_ENVMGR_NAMES_$__envmgr_level=\\$__envmgr_names; \\\\export _ENVMGR_NAMES_$__envmgr_level"',
        '    \\eval "_ENVMGR_PREFIX_$__envmgr_level=\\$CONDA_PREFIX; \\\\export _ENVMGR_PREFIX_$__envmgr_level"',
        *(f"    __envmgr1_source {quote(script)}" for script in plan.activate_scripts(".sh")),
    ]
    return "\n".join(
        [
            "# Written by envmgr: source this file in bash, dash or zsh to activate the environment. Schema 1.",
            _FUNCTIONS,
            "__envmgr1_enter() {",
            *steps,
            "}",
            "",
            "case ${__envmgr_step:-} in",
            f"identify) __envmgr1_identity {identity} ;;",
            "enter) __envmgr1_enter ;;",
            "*)",
            f"    __envmgr1_leave() {{ :; }}\n    __envmgr1_activate {quote(plan.prefix)} {quote(_entry(plan))}",
            _CLEAN_UP + "    ;;",
            "esac",
            "",
        ]
    )


def deactivate_script(plan: ActivationPlan) -> str:
    """Return the text that a POSIX shell sources to deactivate the environment of `plan` (CEP 32)."""
    names = "".join(f" {name}" for name, _ in plan.variables)
    steps = [
        *(f"    __envmgr1_source {quote(script)}" for script in plan.deactivate_scripts(".sh")),
        f"    __envmgr1_restore {quote(names)}",
    ]
    return "\n".join(
        [
            "# Written by envmgr: source this file in bash, dash or zsh to deactivate the environment. Schema 1.",
            _FUNCTIONS,
            "__envmgr1_leave() {",
            *steps,
            "}",
            "",
            "case ${__envmgr_step:-} in",
            "leave) __envmgr1_leave ;;",
            "*)",
            "    __envmgr1_enter() { :; }",
            f"    if __envmgr1_deactivate {quote(plan.prefix)}; then __envmgr_failed=; else __envmgr_failed=1; fi",
            _CLEAN_UP + '    if [ -n "$__envmgr_failed" ]; then \\unset __envmgr_failed; return 1; fi',
            "    \\unset __envmgr_failed ;;",
            "esac",
            "",
        ]
    )


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in a shell: it depends on its arguments only.

    `command` is the absolute argv that starts envmgr, `root` the store, where ENVMGR_ROOT is not set; `env_prompt`
    is what the prompt shows, in conda's form.
    """
    text = (
        HOOK.replace("@COMMAND@", " ".join(quote(word) for word in command))
        .replace("@EXECUTABLE@", quote(command[0]))
        .replace("@ROOT@", quote(root))
        .replace("@CHANGING@", " | ".join(CHANGING))
        .replace("@CHANGING_BELOW_ENV@", " | ".join(CHANGING_BELOW_ENV))
    )
    if not change_prompt:
        text += '\nENVMGR_CHANGEPS1="${ENVMGR_CHANGEPS1:-0}"\n'
    if env_prompt != ENV_PROMPT:
        text += f"\n__envmgr_default={quote(env_prompt)}"
        text += "\nENVMGR_ENV_PROMPT=${ENVMGR_ENV_PROMPT-$__envmgr_default}\n\\unset __envmgr_default\n"
    return text


def _entry(plan: ActivationPlan) -> str:
    return ":".join(plan.path)
