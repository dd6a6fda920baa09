"""Activation in fish: the text of activate.fish and of the shell hook.

The algorithm and the variables are those of `posix.py`, so that a fish inside a bash can leave what bash entered.
activate.fish does the step that `__envmgr_step` names: `activate` (also when nothing does), `deactivate`, or for the
script of another environment `enter`, `leave` and `identify` at `__envmgr_level`.
"""

from __future__ import annotations

from envmgr.shell.fish_hook import HOOK
from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan, prompt_words

_FUNCTIONS = r"""
function __envmgr1_set --argument-names name value # remembers what the user had
    if set -qx $name
        set -gx __CONDA_SHLVL_{$__envmgr_below}_$name "$$name"
    else
        set -e __CONDA_SHLVL_{$__envmgr_below}_$name
    end
    set -gx $name $value
    set -g __envmgr_names "$__envmgr_names $name"
end

function __envmgr1_restore --argument-names static # the names that the environment sets now
    set -l list _ENVMGR_NAMES_$__envmgr_level
    set -l of _ENVMGR_PREFIX_$__envmgr_level
    set -l names
    if set -q $list; and set -q $of; and test "$$of" = "$CONDA_PREFIX"
        set names (string split -n ' ' -- "$$list")
    else
        set names (string split -n ' ' -- "$static")
    end
    set -e $list
    set -e $of
    for name in $names[-1..1]
        string match -qr '^[A-Za-z_][A-Za-z0-9_]*$' -- $name
        or continue
        set -l saved __CONDA_SHLVL_{$__envmgr_below}_$name
        if set -q $saved
            set -gx $name "$$saved"
            set -e $saved
        else
            set -e $name 2>/dev/null
        end
    end
end

function __envmgr1_path --argument-names old new # the new entry takes the place of the old one
    set -l place
    test -n "$old"
    and set place (contains -i -- $old $PATH)
    if test -n "$place"
        if test -n "$new"
            set PATH[$place] $new
        else
            set -e PATH[$place]
        end
    else if test -n "$new"
        set -gx PATH $new $PATH
    end
end

function __envmgr1_prompt # what {default_env}, {name} and {prefix} are, or nothing
    set -l text
    if test (count $argv) -gt 0
        set text '({default_env}) '
        set -q ENVMGR_ENV_PROMPT
        and set text $ENVMGR_ENV_PROMPT
        set text (string replace -a -- '{default_env}' $argv[1] $text)
        set text (string replace -a -- '{name}' $argv[2] $text)
        set text (string replace -a -- '{prefix}' $argv[3] $text)
    end
    contains -- "$ENVMGR_CHANGEPS1" 0 false no off
    and set text
    set -gx CONDA_PROMPT_MODIFIER "$text"
    status is-interactive
    or return 0
    if test -n "$text"
        functions -q __envmgr_fish_prompt
        and return 0
        if functions -q fish_prompt
            functions -c fish_prompt __envmgr_fish_prompt
        else
            function __envmgr_fish_prompt
            end
        end
        function fish_prompt --description 'with the environment that is active'
            set -l last_status $status
            set_color green
            printf '%s' $CONDA_PROMPT_MODIFIER
            set_color normal
            __envmgr_fish_status $last_status # which the user's own prompt may show
            __envmgr_fish_prompt
        end
        function __envmgr_fish_status
            return $argv[1]
        end
    else if functions -q __envmgr_fish_prompt
        functions -e fish_prompt
        functions -c __envmgr_fish_prompt fish_prompt
        functions -e __envmgr_fish_prompt __envmgr_fish_status
    end
end

function __envmgr1_identity --argument-names prefix name # and the words of the prompt
    set -gx CONDA_PREFIX $prefix
    set -gx CONDA_DEFAULT_ENV $name
    set -gx CONDA_SHLVL $__envmgr_level
    __envmgr1_prompt $argv[3..]
end

function __envmgr1_level # the level of the active environment, and the one below it
    set -g __envmgr_level 0
    test -n "$CONDA_PREFIX"
    and string match -qr '^[1-9][0-9]{0,2}$' -- "$CONDA_SHLVL"
    and set -g __envmgr_level $CONDA_SHLVL
    set -g __envmgr_below (math $__envmgr_level - 1)
end

function __envmgr1_is_active --argument-names prefix
    test "$CONDA_PREFIX" = "$prefix"
    or begin
        test -d "$prefix"
        and test "$CONDA_PREFIX" -ef "$prefix" 2>/dev/null
    end
end

function __envmgr1_step --argument-names step prefix # a step of another environment
    set -g __envmgr_step $step
    if test -r "$prefix/conda-meta/envmgr/activate.fish"
        source "$prefix/conda-meta/envmgr/activate.fish"
    else
        set -l text (__envmgr_exe _activate fish "$prefix" 2>/dev/null | string collect)
        if test -z "$text"
            set -e __envmgr_step
            return 1
        end
        printf '%s\n' $text | source
    end
    set -e __envmgr_step
end

function __envmgr1_leave_active
    __envmgr1_step leave "$CONDA_PREFIX"
    or __envmgr1_restore ''
end

function __envmgr1_begin --argument-names prefix entry # all of activation but to enter
    __envmgr1_level
    set -l active (string replace -r '/$' '' -- "$CONDA_PREFIX" | string collect)/bin
    set -l next (math $__envmgr_level + 1)
    if test $__envmgr_level -eq 0
        if not set -q CONDA_SHLVL
            set -gx _ENVMGR_FRESH 1
        end
        __envmgr1_path '' $entry
        set -e CONDA_STACKED_1
    else if __envmgr1_is_active $prefix
        __envmgr1_leave_active
        __envmgr1_level
        __envmgr1_path $active $entry
        return 0
    else
        if test -n "$__envmgr_stack"
            __envmgr1_path '' $entry
            set -gx CONDA_STACKED_$next true
        else
            __envmgr1_leave_active
            __envmgr1_path $active $entry
            set -e CONDA_STACKED_$next
        end
        set -gx CONDA_PREFIX_$__envmgr_level $CONDA_PREFIX
    end
    set -g __envmgr_below $__envmgr_level
    set -g __envmgr_level $next
end

function __envmgr1_end # of deactivation, after the environment was left
    set -l gone (string replace -r '/$' '' -- "$CONDA_PREFIX" | string collect)/bin
    if test $__envmgr_level -eq 1
        __envmgr1_path $gone ''
        __envmgr1_prompt
        set -e CONDA_PREFIX
        set -e CONDA_DEFAULT_ENV
        set -e CONDA_PROMPT_MODIFIER
        set -e CONDA_STACKED_1
        set -gx CONDA_SHLVL 0
        if test -n "$_ENVMGR_FRESH"
            set -e CONDA_SHLVL
            set -e _ENVMGR_FRESH
        end
        return 0
    end
    set -l name CONDA_PREFIX_$__envmgr_below
    set -l previous "$$name"
    set -e $name
    set -l name CONDA_STACKED_$__envmgr_level
    set -l stacked "$$name"
    set -e $name
    set -g __envmgr_level $__envmgr_below
    set -g __envmgr_below (math $__envmgr_level - 1)
    set -l back enter
    if test -n "$stacked"
        __envmgr1_path $gone ''
        set back identify
    else
        __envmgr1_path $gone (string replace -r '/$' '' -- "$previous" | string collect)/bin
    end
    __envmgr1_step $back "$previous"
    or __envmgr1_identity "$previous" "$previous"
end
"""

_CLEAN_UP = r"""functions -e __envmgr1_set __envmgr1_restore __envmgr1_path __envmgr1_prompt __envmgr1_identity
functions -e __envmgr1_level __envmgr1_is_active __envmgr1_step __envmgr1_leave_active __envmgr1_begin __envmgr1_end
set -e __envmgr_step
set -e __envmgr_level
set -e __envmgr_below
set -e __envmgr_names
set -e __envmgr_stack
"""


def quote(text: str) -> str:
    """Return `text` as one word of fish that expands to exactly `text`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def script(plan: ActivationPlan) -> str:
    """Return the text that fish sources to activate and to deactivate the environment of `plan` (CEP 32)."""
    identity = " ".join(quote(word) for word in (plan.prefix, plan.name, *prompt_words(plan)))
    names = "".join(f" {name}" for name, _ in plan.variables)
    enter = [
        f"    __envmgr1_identity {identity}",
        "    set -g __envmgr_names ''",
        *(f"    __envmgr1_set {name} {quote(value)}" for name, value in plan.variables),
        '    set -gx _ENVMGR_NAMES_$__envmgr_level "$__envmgr_names"',
        '    set -gx _ENVMGR_PREFIX_$__envmgr_level "$CONDA_PREFIX"',
        *(_source(script) for script in plan.activate_scripts(".fish")),
    ]
    leave = [
        *(_source(script) for script in plan.deactivate_scripts(".fish")),
        f"    __envmgr1_restore {quote(names)}",
    ]
    return "\n".join(
        [
            "# Written by envmgr: fish sources this file to activate the environment, or to leave it. Schema 1.",
            _FUNCTIONS,
            'switch "$__envmgr_step"',
            f"case identify\n    __envmgr1_identity {identity}",
            "case enter",
            *enter,
            "case leave",
            *leave,
            "case deactivate",
            "    __envmgr1_level",
            f"    if test $__envmgr_level -gt 0; and not __envmgr1_is_active {quote(plan.prefix)}",
            f"        printf 'error: %s is not the active environment, %s is\\n' {quote(plan.prefix)} "
            '"$CONDA_PREFIX" >&2',
            "    else if test $__envmgr_level -gt 0",
            *leave,
            "        __envmgr1_level",
            "        __envmgr1_end",
            "    end",
            _CLEAN_UP,
            "case '*'",
            f"    __envmgr1_begin {quote(plan.prefix)} {quote(':'.join(plan.path))}",
            *enter,
            _CLEAN_UP,
            "end",
            "",
        ]
    )


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in fish, as `posix.hook`."""
    text = (
        HOOK.replace("@COMMAND@", " ".join(quote(word) for word in command))
        .replace("@EXECUTABLE@", quote(command[0]))
        .replace("@ROOT@", quote(root))
        .replace("@CHANGING@", " ".join(CHANGING))
        .replace("@CHANGING_BELOW_ENV@", " ".join(CHANGING_BELOW_ENV))
    )
    if not change_prompt:
        text += "\nset -q ENVMGR_CHANGEPS1; or set -g ENVMGR_CHANGEPS1 0\n"
    if env_prompt != ENV_PROMPT:
        text += f"\nset -q ENVMGR_ENV_PROMPT; or set -g ENVMGR_ENV_PROMPT {quote(env_prompt)}\n"
    return text


def _source(script: str) -> str:
    return f"    test -r {quote(script)}; and source {quote(script)}"
