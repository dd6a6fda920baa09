"""The text of the shell hook for POSIX shells, with places for what differs from user to user: see `posix.hook`."""

from __future__ import annotations

HOOK = r"""# The shell hook of envmgr for bash, dash and zsh: eval "$(envmgr shell-hook bash)"
__envmgr_exe() {
    if [ -x @EXECUTABLE@ ]; then
        _ENVMGR_HOOK=@MARK@ @COMMAND@ "$@"
    else
        _ENVMGR_HOOK=@MARK@ command envmgr "$@"
    fi
}

__envmgr_hook_source() { # activate or deactivate, prefix or name: no process where the static file is up to date
    case $2 in
        /*) set -- "$1" "$2" "$2" ;;
        . | .. | */*) set -- "$1" "$2" "$PWD/$2" ;;
        *)
            set -- "$1" "$2" @ROOT@
            set -- "$1" "$2" "${ENVMGR_ROOT:-$3}/envs/$2" ;;
    esac
    if [ -n "$2" ] && [ -r "$3/conda-meta/envmgr/$1.sh" ] &&
        ! [ "$3/conda-meta/state" -nt "$3/conda-meta/envmgr/$1.sh" ] &&
        ! [ "$3/etc/conda/env_vars.d" -nt "$3/conda-meta/envmgr/$1.sh" ] &&
        ! [ "$3/etc/conda/activate.d" -nt "$3/conda-meta/envmgr/$1.sh" ] &&
        ! [ "$3/etc/conda/deactivate.d" -nt "$3/conda-meta/envmgr/$1.sh" ]; then
        \. "$3/conda-meta/envmgr/$1.sh"
    else
        set -- "$(__envmgr_exe "_$1" posix "$2" || printf 'return 1')"
        \eval "$1"
    fi
}

__envmgr_hook_activate() {
    __envmgr_stack=
    __envmgr_target=
    __envmgr_count=0
    while [ $# -gt 0 ]; do
        case $1 in
            --stack) __envmgr_stack=1 ;;
            --no-stack) __envmgr_stack= ;;
            -n | --name | -p | --prefix)
                if [ $# -eq 1 ]; then __envmgr_exe activate "$@"; return; fi
                case $1:$2 in
                    -p:*/* | --prefix:*/* | -n:* | --name:*) __envmgr_target=$2 ;;
                    *) __envmgr_target=./$2 ;;
                esac
                __envmgr_count=$((__envmgr_count + 1))
                shift ;;
            -*) __envmgr_exe activate "$@"; return ;;
            *) __envmgr_target=$1; __envmgr_count=$((__envmgr_count + 1)) ;;
        esac
        shift
    done
    if [ "$__envmgr_count" -ne 1 ]; then
        printf 'error: activate takes one environment, found %s\n\nhint: envmgr activate NAME\n' "$__envmgr_count" >&2
        return 2
    fi
    set -- "$__envmgr_target"
    \unset __envmgr_count __envmgr_target
    __envmgr_hook_source activate "$1"
}

__envmgr_hook_change() { # a command that may have given the active environment another generation, or another place
    __envmgr_exe "$@" || return
    case ${CONDA_SHLVL:-0} in 0) return 0 ;; esac
    if [ -z "${CONDA_PREFIX:-}" ] || [ -d "${CONDA_PREFIX:-}/conda-meta" ] || [ "$1" != rename ]; then
        __envmgr_hook_main reactivate || return
    else
        __envmgr_target=
        while [ $# -gt 1 ]; do
            shift
            case $1 in
                -n | --name | -p | --prefix) [ $# -eq 1 ] || shift ;;
                -*) ;;
                *) __envmgr_target=$1 ;;
            esac
        done
        set -- "$__envmgr_target"
        \unset __envmgr_target
        __envmgr_hook_main reactivate && __envmgr_hook_source activate "$1" || return
    fi
    \hash -r 2>/dev/null || :
}

__envmgr_hook_main() {
    case ${1-} in
        activate)
            shift
            __envmgr_hook_activate "$@" ;;
        deactivate)
            if [ $# -gt 1 ]; then __envmgr_exe "$@"; return; fi
            case ${CONDA_PREFIX:-}:${CONDA_SHLVL:-0} in
                :* | *:0) ;;
                *) __envmgr_hook_source deactivate "${CONDA_PREFIX%/}/" ;;
            esac ;;
        reactivate)
            if [ -d "${CONDA_PREFIX:-}/conda-meta" ]; then
                __envmgr_hook_source activate "${CONDA_PREFIX%/}/"
            else
                __envmgr_hook_main deactivate
            fi ;;
        @CHANGING@) __envmgr_hook_change "$@" ;;
        env)
            case ${2-} in
                @CHANGING_BELOW_ENV@) __envmgr_hook_change "$@" ;;
                *) __envmgr_exe "$@" ;;
            esac ;;
        *) __envmgr_exe "$@" ;;
    esac
}

# An alias of this name would be expanded where the function is defined, also before `unalias`: not so below `eval`.
\unalias envmgr 2>/dev/null || :
\eval 'envmgr() { __envmgr_hook_main "$@"; }'

if [ -n "${BASH_VERSION:-}" ]; then
    __envmgr_complete() {
        \unset -f __envmgr_complete
        set -- @ROOT@ "$@"
        if [ -r "${ENVMGR_ROOT:-$1}/shell/completion.bash" ]; then
            \. "${ENVMGR_ROOT:-$1}/shell/completion.bash"
        else
            \eval "$(__envmgr_exe completion bash)"
        fi
        shift
        _envmgr "$@"
    }
    \complete -F __envmgr_complete envmgr 2>/dev/null || :
elif [ -n "${ZSH_VERSION:-}" ] && \command -v compdef >/dev/null 2>&1; then
    __envmgr_complete() {
        \unset -f __envmgr_complete
        set -- @ROOT@ "$@"
        if [ -r "${ENVMGR_ROOT:-$1}/shell/completion.zsh" ]; then
            \. "${ENVMGR_ROOT:-$1}/shell/completion.zsh"
        else
            \eval "$(__envmgr_exe completion zsh)"
        fi
        shift
        _envmgr "$@"
    }
    compdef __envmgr_complete envmgr
fi
"""
