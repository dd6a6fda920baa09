"""Completion in bash, zsh and fish, without a process: a table of commands and options, and listings of directories.

Names of environments are those in the store, names of packages are those of the records in an environment (and of
the dist-info directories, for the pip half).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from envmgr.shell import fish, posix

SHELLS = ("bash", "zsh", "fish")


class Table(NamedTuple):
    """The command line. Keys are commands, `env list` for one of a group, `env config vars` for a group in groups.

    `groups` are the commands that have commands; `values` says for each option with a value what that is, as does
    `arguments` for words that are no options: `environments`, `packages`, `tools`, `files`, `directories`, `command`,
    or the words to choose from, separated by spaces.
    """

    commands: Sequence[str]
    groups: Mapping[str, Sequence[str]]
    options: Mapping[str, Sequence[str]]
    values: Mapping[str, str]
    arguments: Mapping[str, str]


_POSIX = r"""# Completion of envmgr for bash and zsh: eval "$(envmgr completion bash)"
_envmgr_list() { # environments, packages, tools, or the words themselves
    case $1 in
        environments)
            for _envmgr_one in "$_envmgr_root"/envs/*/conda-meta/history; do
                [ -e "$_envmgr_one" ] || continue
                _envmgr_one=${_envmgr_one%/conda-meta/history}
                printf '%s\n' "${_envmgr_one##*/}"
            done ;;
        packages)
            for _envmgr_one in "$_envmgr_prefix"/conda-meta/*-*-*.json; do
                [ -e "$_envmgr_one" ] || continue
                _envmgr_one=${_envmgr_one##*/}
                printf '%s\n' "${_envmgr_one%-*-*}"
            done
            for _envmgr_one in "$_envmgr_prefix"/lib/python*/site-packages/*.dist-info; do
                [ -e "$_envmgr_one" ] || continue
                _envmgr_one=${_envmgr_one##*/}
                printf '%s\n' "${_envmgr_one%%-*}"
            done ;;
        tools)
            for _envmgr_one in "$_envmgr_root"/tools/.records/*.json; do
                [ -e "$_envmgr_one" ] || continue
                _envmgr_one=${_envmgr_one##*/}
                printf '%s\n' "${_envmgr_one%.json}"
            done ;;
        files | directories | command) printf ':%s\n' "$1" ;;
        *) printf '%s\n' "$@" ;;
    esac
}

_envmgr_candidates() { # the words after `envmgr`, the last one being that to complete; runs in a subshell
    [ -z "${ZSH_VERSION:-}" ] || setopt null_glob
    _envmgr_root=${ENVMGR_ROOT:-@ROOT@}
    _envmgr_prefix=${CONDA_PREFIX:-}
    _envmgr_command= _envmgr_sub= _envmgr_previous=
    while [ $# -gt 1 ]; do
        case $1 in --) printf ':command\n'; return ;; esac
        case $_envmgr_previous in
            -n | --name) _envmgr_prefix=$_envmgr_root/envs/$1; _envmgr_previous=; shift; continue ;;
            -p | --prefix) _envmgr_prefix=$1; _envmgr_previous=; shift; continue ;;
            @VALUED@) _envmgr_previous=; shift; continue ;;
        esac
        _envmgr_previous=$1
        case $1 in
            -*) ;;
            *)
                if [ -z "$_envmgr_command" ]; then
                    _envmgr_command=$1
                else
                    case $_envmgr_command$_envmgr_sub in
                        @GROUPS@) _envmgr_sub="$_envmgr_sub $1" ;;
                        run | exec) printf ':command\n'; return ;;
                    esac
                fi ;;
        esac
        shift
    done
    case $_envmgr_previous in
@VALUES@
    esac
    case $1 in
        -*)
            case $_envmgr_command$_envmgr_sub in
@OPTIONS@
            esac ;;
        *)
            case $_envmgr_command$_envmgr_sub in
                '') printf '%s\n' @COMMANDS@ ;;
@ARGUMENTS@
            esac ;;
    esac
}

if [ -n "${BASH_VERSION:-}" ]; then
    _envmgr() {
        local IFS=$'\n' found
        found=$(_envmgr_candidates "${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null)
        case $found in
            :files) COMPREPLY=($(compgen -f -- "$2")); compopt -o filenames 2>/dev/null ;;
            :directories) COMPREPLY=($(compgen -d -- "$2")); compopt -o filenames 2>/dev/null ;;
            :command) COMPREPLY=($(compgen -c -f -- "$2")) ;;
            *) # not by `compgen -W`, which runs the `$(…)` of a name
                COMPREPLY=()
                while read -r _envmgr_one; do
                    case $_envmgr_one in '') continue ;; "${2-}"*) ;; *) continue ;; esac
                    case $_envmgr_one in *[!A-Za-z0-9_.=@%+,/-]*) printf -v _envmgr_one %q "$_envmgr_one" ;; esac
                    COMPREPLY+=("$_envmgr_one")
                done <<<"$found"
                unset _envmgr_one ;;
        esac
    }
    complete -F _envmgr envmgr
elif [ -n "${ZSH_VERSION:-}" ]; then
    _envmgr() {
        local found
        found=$(_envmgr_candidates "${(@)words[2,$CURRENT]}" 2>/dev/null)
        case $found in
            :files) _files ;;
            :directories) _files -/ ;;
            :command) _command_names; _files ;;
            *) compadd -- ${(f)found} ;;
        esac
    }
    if command -v compdef >/dev/null 2>&1; then compdef _envmgr envmgr; fi
fi
"""

_FISH = r"""# Completion of envmgr for fish: envmgr completion fish | source
function _envmgr_list
    switch $argv[1]
        case environments
            for one in $_envmgr_root/envs/*/conda-meta/history
                string replace -r '.*/([^/]*)/conda-meta/history$' '$1' -- $one
            end
        case packages
            for one in $_envmgr_prefix/conda-meta/*-*-*.json
                string replace -r '.*/(.*)-[^-]*-[^-]*\.json$' '$1' -- $one
            end
            for one in $_envmgr_prefix/lib/python*/site-packages/*.dist-info
                string replace -r '.*/([^/-]*)-[^/]*$' '$1' -- $one
            end
        case tools
            for one in $_envmgr_root/tools/.records/*.json
                string replace -r '.*/([^/]*)\.json$' '$1' -- $one
            end
        case files
            __fish_complete_path (commandline -ct)
        case directories
            __fish_complete_directories (commandline -ct)
        case command
            __fish_complete_command
            __fish_complete_path (commandline -ct)
        case '*'
            printf '%s\n' $argv
    end
end

function _envmgr_candidates
    set -g _envmgr_root @ROOT@
    test -n "$ENVMGR_ROOT"
    and set _envmgr_root $ENVMGR_ROOT
    set -g _envmgr_prefix $CONDA_PREFIX
    set -l words (commandline -opc)
    set -l command
    set -l sub
    set -l previous
    for word in $words[2..]
        if test "$word" = --
            _envmgr_list command
            return
        end
        switch "$previous"
            case -n --name
                set _envmgr_prefix $_envmgr_root/envs/$word
                set previous
                continue
            case -p --prefix
                set _envmgr_prefix $word
                set previous
                continue
            case @VALUED@
                set previous
                continue
        end
        set previous $word
        switch $word
            case '-*'
            case '*'
                if test -z "$command"
                    set command $word
                else
                    switch "$command$sub"
                        case @GROUPS@
                            set sub "$sub $word"
                        case run exec
                            _envmgr_list command
                            return
                    end
                end
        end
    end
    switch "$previous"
@VALUES@
    end
    switch (commandline -ct)
        case '-*'
            switch "$command$sub"
@OPTIONS@
            end
        case '*'
            switch "$command$sub"
                case ''
                    printf '%s\n' @COMMANDS@
@ARGUMENTS@
            end
    end
end
complete -c envmgr -f -a '(_envmgr_candidates)'
"""


def script(shell: str, table: Table, root: str) -> str:
    """Return the text that `shell` (one of SHELLS) evaluates; `root` is the store where ENVMGR_ROOT is not set."""
    return _fish(table, root) if shell == "fish" else _posix(table, root)


def _posix(table: Table, root: str) -> str:
    def case(indent: int, pattern: str, action: str) -> str:
        return f"{' ' * indent}{pattern}) {action} ;;"

    def quoted(key: str) -> str:
        return posix.quote(key) if " " in key else key

    kinds = _by_kind(table.values)
    values = [case(8, " | ".join(options), f"_envmgr_list {kind}; return") for kind, options in kinds]
    options = [case(16, quoted(key), f"printf '%s\\n' {' '.join(found)}") for key, found in table.options.items()]
    words = {**{group: " ".join(found) for group, found in table.groups.items()}, **table.arguments}
    arguments = [case(16, quoted(key), f"_envmgr_list {kind}") for key, kind in sorted(words.items())]
    return (
        _POSIX.replace("@VALUED@", " | ".join(sorted(table.values)))
        .replace("@GROUPS@", " | ".join(map(quoted, table.groups)))
        .replace("@VALUES@", "\n".join(values))
        .replace("@OPTIONS@", "\n".join(options))
        .replace("@ARGUMENTS@", "\n".join(arguments))
        .replace("@COMMANDS@", " ".join(table.commands))
        .replace("@ROOT@", posix.quote(root))
    )


def _fish(table: Table, root: str) -> str:
    def case(indent: int, pattern: str, action: str) -> str:
        return f"{' ' * indent}case {pattern}\n{' ' * (indent + 4)}{action}"

    kinds = _by_kind(table.values)
    values = [case(8, " ".join(options), f"_envmgr_list {kind}\n            return") for kind, options in kinds]
    options = [case(16, fish.quote(key), f"printf '%s\\n' {' '.join(found)}") for key, found in table.options.items()]
    words = {**{group: " ".join(found) for group, found in table.groups.items()}, **table.arguments}
    arguments = [case(16, fish.quote(key), f"_envmgr_list {kind}") for key, kind in sorted(words.items())]
    return (
        _FISH.replace("@VALUED@", " ".join(sorted(table.values)))
        .replace("@GROUPS@", " ".join(map(fish.quote, table.groups)))
        .replace("@VALUES@", "\n".join(values))
        .replace("@OPTIONS@", "\n".join(options))
        .replace("@ARGUMENTS@", "\n".join(arguments))
        .replace("@COMMANDS@", " ".join(table.commands))
        .replace("@ROOT@", fish.quote(root))
    )


def _by_kind(values: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    kinds: dict[str, list[str]] = {}
    for option, kind in sorted(values.items()):
        kinds.setdefault(kind, []).append(option)
    return sorted(kinds.items())
