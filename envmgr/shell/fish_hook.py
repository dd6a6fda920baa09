"""The text of the shell hook for fish, with places for what differs from user to user: see `fish.hook`."""

from __future__ import annotations

HOOK = r"""# The shell hook of envmgr for fish: envmgr shell-hook fish | source
function __envmgr_exe
    if test -x @EXECUTABLE@
        _ENVMGR_HOOK=@MARK@ @COMMAND@ $argv
    else
        _ENVMGR_HOOK=@MARK@ command envmgr $argv
    end
end

function __envmgr_hook_source --argument-names step target # no process where the static file is up to date
    set -l prefix
    switch "$target"
        case '/*'
            set prefix $target
        case '.' '..' '*/*'
            set prefix $PWD/$target
        case '*'
            set -l root @ROOT@
            test -n "$ENVMGR_ROOT"
            and set root $ENVMGR_ROOT
            set prefix $root/envs/$target
    end
    set -l file $prefix/conda-meta/envmgr/activate.fish
    set -l is_current 1
    if test -z "$target" -o ! -r "$file"
        set is_current
    else
        for source in conda-meta/state etc/conda/env_vars.d etc/conda/activate.d etc/conda/deactivate.d
            # test -nt came with fish 4.
            if test -e $prefix/$source; and not __envmgr_hook_is_older $prefix/$source $file
                set is_current
            end
        end
    end
    set -g __envmgr_step $step
    if test -n "$is_current"
        source $file
    else
        set -l text (__envmgr_exe _$step fish "$target" | string collect)
        if test -z "$text"
            set -e __envmgr_step
            set -e __envmgr_stack
            return 1
        end
        printf '%s\n' $text | source
    end
end

function __envmgr_hook_is_older --argument-names one other
    if builtin -q path
        set -l age (path mtime -- $one)
        test -z "$age"; or test "$age" -le (path mtime -- $other)
    else
        command test ! $one -nt $other
    end
end

function __envmgr_hook_activate
    set -l given $argv
    set -g __envmgr_stack ''
    set -l targets
    while set -q argv[1]
        switch $argv[1]
            case --stack
                set -g __envmgr_stack 1
            case --no-stack
                set -g __envmgr_stack ''
            case -n --name -p --prefix
                if not set -q argv[2]
                    __envmgr_exe activate $given
                    return
                end
                if string match -q -- '-*n*' $argv[1]; and not string match -q -- '*p*' $argv[1]
                    set -a targets $argv[2]
                else if string match -q '*/*' -- $argv[2]
                    set -a targets $argv[2]
                else
                    set -a targets ./$argv[2]
                end
                set -e argv[1]
            case '-*'
                __envmgr_exe activate $given
                return
            case '*'
                set -a targets $argv[1]
        end
        set -e argv[1]
    end
    if test (count $targets) -ne 1
        printf 'error: activate takes one environment, found %s\n\nhint: envmgr activate NAME\n' (count $targets) >&2
        set -e __envmgr_stack
        return 2
    end
    __envmgr_hook_source activate $targets[1]
end

function __envmgr_hook_change # the active environment may have another generation afterwards, or another place
    __envmgr_exe $argv
    or return
    if contains -- "$CONDA_SHLVL" '' 0
        return 0
    end
    set -l target
    if test "$argv[1]" = rename; and not test -d "$CONDA_PREFIX/conda-meta"
        set -l rest $argv[2..]
        while set -q rest[1]
            switch $rest[1]
                case -n --name -p --prefix
                    set -e rest[1]
                case '-*'
                case '*'
                    set target $rest[1]
            end
            set -e rest[1]
        end
    end
    envmgr reactivate
    if test -n "$target"
        __envmgr_hook_source activate $target
    end
end

function envmgr
    switch "$argv[1]"
        case activate
            __envmgr_hook_activate $argv[2..]
        case deactivate
            if test (count $argv) -gt 1
                __envmgr_exe $argv
                return
            end
            if test -n "$CONDA_PREFIX"; and not contains -- "$CONDA_SHLVL" '' 0
                __envmgr_hook_source deactivate (string replace -r '/$' '' -- "$CONDA_PREFIX" | string collect)/
            end
        case reactivate
            if test -d "$CONDA_PREFIX/conda-meta"
                __envmgr_hook_source activate (string replace -r '/$' '' -- "$CONDA_PREFIX" | string collect)/
            else
                envmgr deactivate
            end
        case @CHANGING@
            __envmgr_hook_change $argv
        case env
            if contains -- "$argv[2]" @CHANGING_BELOW_ENV@
                __envmgr_hook_change $argv
            else
                __envmgr_exe $argv
            end
        case '*'
            __envmgr_exe $argv
    end
end

function __envmgr_complete
    function __envmgr_complete # it has done what it is for
    end
    set -l root @ROOT@
    test -n "$ENVMGR_ROOT"
    and set root $ENVMGR_ROOT
    if test -r $root/shell/completion.fish
        source $root/shell/completion.fish
    else
        __envmgr_exe completion fish | source
    end
    _envmgr_candidates
end
complete -c envmgr -f -a '(__envmgr_complete)'
"""
