"""Activation in tcsh and csh, which have no functions: the text of activate.csh and of the shell hook.

The hook is a file that the alias `envmgr` sources at each call: it holds the algorithm of `posix.py`, with the same
variables. activate.csh holds what is particular to an environment, as the steps `enter`, `leave` and `identify`.
PATH is taken apart as the list `$path`, in which an empty entry is written `.`.
"""

from __future__ import annotations

from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan, prompt_words

_IDENTITY = r"""    setenv CONDA_PREFIX @PREFIX@
    setenv CONDA_DEFAULT_ENV @NAME@
    setenv CONDA_SHLVL $__envmgr_level
    set __envmgr_text = @DEFAULT@
    if ( $?ENVMGR_ENV_PROMPT ) then
        set __envmgr_text = "$ENVMGR_ENV_PROMPT"
    endif
    set __envmgr_text = "$__envmgr_text:as%{default_env}%@WORD1@%"
    set __envmgr_text = "$__envmgr_text:as%{name}%@WORD2@%"
    set __envmgr_text = "$__envmgr_text:as%{prefix}%@WORD3@%"
    if ( $?ENVMGR_CHANGEPS1 ) then
        switch ( "$ENVMGR_CHANGEPS1" )
        case 0:
        case false:
        case no:
        case off:
            set __envmgr_text = ""
        endsw
    endif
    setenv CONDA_PROMPT_MODIFIER "$__envmgr_text"
    if ( $?prompt ) then
        if ( ! $?__envmgr_prompt ) set __envmgr_prompt = "$prompt"
        set prompt = "${__envmgr_text}${__envmgr_prompt}"
    endif
"""

_SET = r"""    if ( $?@NAME@ ) then
        setenv __CONDA_SHLVL_${__envmgr_below}_@NAME@ $@NAME@:q
    else
        unsetenv __CONDA_SHLVL_${__envmgr_below}_@NAME@
    endif
    setenv @NAME@ @VALUE@
"""

_HOOK = r"""# The shell hook of envmgr for tcsh and csh: the alias `envmgr` sources this file with its arguments.
set __envmgr_command = ( @COMMAND@ )
set __envmgr_root = @ROOT@
if ( $?ENVMGR_ROOT ) then
    if ( "$ENVMGR_ROOT" != "" ) set __envmgr_root = "$ENVMGR_ROOT"
endif
@DEFAULTS@
set __envmgr_code = 0
set __envmgr_do = command
set __envmgr_stack = 0
set __envmgr_target = ""
set __envmgr_targets = 0
set __envmgr_arguments = ( $argv:q )

# What is asked for, of those commands that change this shell
if ( $#argv > 0 ) then
    switch ( $argv[1]:q )
    case activate:
        set __envmgr_do = activate
        shift
        while ( $#argv > 0 )
            switch ( $argv[1]:q )
            case --stack:
                set __envmgr_stack = 1
                breaksw
            case --no-stack:
                set __envmgr_stack = 0
                breaksw
            case -n:
            case --name:
            case -p:
            case --prefix:
                if ( $#argv < 2 ) then
                    set __envmgr_do = command
                else
                    set __envmgr_target = $argv[2]:q
                    @ __envmgr_targets++
                    if ( "x$argv[1]" == "x-p" || "x$argv[1]" == "x--prefix" ) then
                        if ( $argv[2]:q !~ */* ) set __envmgr_target = ./$argv[2]:q
                    endif
                    shift
                endif
                breaksw
            case -*:
                set __envmgr_do = command
                breaksw
            default:
                set __envmgr_target = $argv[1]:q
                @ __envmgr_targets++
            endsw
            shift
        end
        if ( $__envmgr_do == activate && $__envmgr_targets != 1 ) then
            sh -c 'printf "error: activate takes one environment, found %s\n\nhint: envmgr activate NAME\n" $0 >&2' \
                $__envmgr_targets
            set __envmgr_do = nothing
            set __envmgr_code = 2
        endif
        breaksw
    case deactivate:
        if ( $#argv == 1 ) set __envmgr_do = deactivate
        breaksw
    case reactivate:
        set __envmgr_do = reactivate
        breaksw
@CHANGING@        set __envmgr_do = change
        breaksw
    case env:
        if ( $#argv > 1 ) then
            switch ( $argv[2]:q )
@CHANGING_BELOW_ENV@                set __envmgr_do = change
                breaksw
            endsw
        endif
        breaksw
    endsw
endif

if ( $__envmgr_do == command || $__envmgr_do == change ) then
    setenv _ENVMGR_HOOK @MARK@
    if ( -x $__envmgr_command[1]:q ) then
        $__envmgr_command:q $__envmgr_arguments:q
    else
        \envmgr $__envmgr_arguments:q
    endif
    set __envmgr_code = $status
    unsetenv _ENVMGR_HOOK
    if ( $__envmgr_do == change && $__envmgr_code == 0 ) set __envmgr_do = reactivate
endif

# The level of the active environment
set __envmgr_level = 0
if ( $?CONDA_PREFIX && $?CONDA_SHLVL ) then
    if ( "$CONDA_PREFIX" != "" && "$CONDA_SHLVL" =~ [1-9]* && "$CONDA_SHLVL" !~ *[^0-9]* ) then
        if ( "$CONDA_SHLVL" !~ ????* ) set __envmgr_level = $CONDA_SHLVL
    endif
endif
@ __envmgr_below = $__envmgr_level - 1
if ( $__envmgr_level == 0 && ( $__envmgr_do == deactivate || $__envmgr_do == reactivate ) ) set __envmgr_do = nothing
if ( $__envmgr_do == reactivate ) then
    if ( -d "${CONDA_PREFIX}/conda-meta" ) then
        set __envmgr_do = activate
        set __envmgr_target = "${CONDA_PREFIX}/"
    else
        set __envmgr_do = deactivate # it was removed, or has another place
    endif
endif

# The prefix that is entered
set __envmgr_prefix = ""
set __envmgr_temporary = ""
if ( $__envmgr_do == activate ) then
    switch ( $__envmgr_target:q )
    case /*:
        set __envmgr_prefix = $__envmgr_target:q
        breaksw
    case .:
    case ..:
    case */*:
        set __envmgr_prefix = "$cwd/$__envmgr_target"
        breaksw
    default:
        set __envmgr_prefix = "$__envmgr_root/envs/$__envmgr_target"
    endsw
    set __envmgr_file = "$__envmgr_prefix/conda-meta/envmgr/activate.csh"
    set __envmgr_current = 0
    if ( $__envmgr_target:q != "" && -r $__envmgr_file:q ) then
        set __envmgr_current = 1
        foreach __envmgr_one ( conda-meta/state etc/conda/env_vars.d etc/conda/activate.d etc/conda/deactivate.d )
            if ( -e "$__envmgr_prefix/$__envmgr_one" ) then
                if ( -M "$__envmgr_prefix/$__envmgr_one" > -M $__envmgr_file:q ) set __envmgr_current = 0
            endif
        end
    endif
    if ( ! $__envmgr_current ) then
        set __envmgr_file = `mktemp`
        set __envmgr_temporary = $__envmgr_file:q
        $__envmgr_command:q _activate csh $__envmgr_target:q > $__envmgr_file:q
        if ( $status || -z $__envmgr_file:q ) then
            set __envmgr_do = nothing
            set __envmgr_code = 1
        endif
    endif
endif
if ( $__envmgr_do == activate ) then
    set __envmgr_step = describe # sets the final __envmgr_prefix
    source $__envmgr_file:q
endif

# Leave what is active
set __envmgr_old = ""
set __envmgr_new = ""
set __envmgr_same = 0
if ( $__envmgr_level > 0 && ( $__envmgr_do == activate || $__envmgr_do == deactivate ) ) then
    if ( "$CONDA_PREFIX" == $__envmgr_prefix:q ) set __envmgr_same = 1
    if ( $__envmgr_do == deactivate || $__envmgr_same || ! $__envmgr_stack ) then
        set __envmgr_old = "$CONDA_PREFIX:as%//%/%"
        set __envmgr_old = "$__envmgr_old/bin"
        set __envmgr_names = ""
        set __envmgr_left = "$CONDA_PREFIX/conda-meta/envmgr/activate.csh"
        set __envmgr_made = ""
        if ( ! -r $__envmgr_left:q ) then
            set __envmgr_left = `mktemp`
            set __envmgr_made = $__envmgr_left:q
            sh -c '"$@" 2>/dev/null' sh $__envmgr_command:q _deactivate csh "$CONDA_PREFIX" > $__envmgr_left:q
        endif
        set __envmgr_step = leave # sets __envmgr_names
        source $__envmgr_left:q
        if ( $__envmgr_made:q != "" ) \rm -f $__envmgr_made:q
        eval 'set __envmgr_has = $?_ENVMGR_PREFIX_'$__envmgr_level
        if ( $__envmgr_has ) then
            eval 'set __envmgr_one = "$_ENVMGR_PREFIX_'$__envmgr_level'"'
            if ( $__envmgr_one:q != "$CONDA_PREFIX" ) set __envmgr_has = 0
        endif
        if ( $__envmgr_has ) eval 'set __envmgr_has = $?_ENVMGR_NAMES_'$__envmgr_level
        if ( $__envmgr_has ) eval 'set __envmgr_names = "$_ENVMGR_NAMES_'$__envmgr_level'"'
        unsetenv _ENVMGR_NAMES_$__envmgr_level
        unsetenv _ENVMGR_PREFIX_$__envmgr_level
        set __envmgr_noglob = $?noglob
        set noglob
        set __envmgr_list = ( $__envmgr_names )
        if ( ! $__envmgr_noglob ) unset noglob
        set __envmgr_index = $#__envmgr_list
        while ( $__envmgr_index > 0 )
            set __envmgr_one = $__envmgr_list[$__envmgr_index]:q
            @ __envmgr_index--
            if ( $__envmgr_one:q =~ [A-Za-z_]* && $__envmgr_one:q !~ *[^A-Za-z0-9_]* ) then
                set __envmgr_saved = __CONDA_SHLVL_${__envmgr_below}_$__envmgr_one
                eval 'set __envmgr_has = $?'$__envmgr_saved
                if ( $__envmgr_has ) then
                    eval 'setenv '$__envmgr_one' $'$__envmgr_saved':q'
                    unsetenv $__envmgr_saved
                else
                    unsetenv $__envmgr_one
                endif
            endif
        end
    endif
endif

# The levels and PATH
set __envmgr_back = ""
if ( $__envmgr_do == activate ) then
    set __envmgr_new = "$__envmgr_prefix:as%//%/%/bin"
    if ( $__envmgr_level == 0 && ! $?CONDA_SHLVL ) setenv _ENVMGR_FRESH 1
    if ( ! $__envmgr_same ) then
        if ( $__envmgr_level > 0 ) then
            setenv CONDA_PREFIX_$__envmgr_level "$CONDA_PREFIX"
        endif
        set __envmgr_below = $__envmgr_level
        @ __envmgr_level++
        unsetenv CONDA_STACKED_$__envmgr_level
        if ( $__envmgr_stack && $__envmgr_level > 1 ) setenv CONDA_STACKED_$__envmgr_level true
    endif
else if ( $__envmgr_do == deactivate && $__envmgr_level > 1 ) then
    eval 'set __envmgr_has = $?CONDA_PREFIX_'$__envmgr_below
    if ( $__envmgr_has ) eval 'set __envmgr_prefix = "$CONDA_PREFIX_'$__envmgr_below'"'
    eval 'set __envmgr_has = $?CONDA_STACKED_'$__envmgr_level
    unsetenv CONDA_PREFIX_$__envmgr_below
    unsetenv CONDA_STACKED_$__envmgr_level
    set __envmgr_level = $__envmgr_below
    @ __envmgr_below--
    if ( $__envmgr_has ) then
        set __envmgr_back = identify
    else
        set __envmgr_back = enter
        set __envmgr_new = "$__envmgr_prefix:as%//%/%/bin"
    endif
endif
if ( $__envmgr_old:q != "" || $__envmgr_new:q != "" ) then
    set __envmgr_found = 0
    set __envmgr_list = ( )
    foreach __envmgr_one ( $path:q )
        if ( ! $__envmgr_found && $__envmgr_one:q == $__envmgr_old:q ) then
            set __envmgr_found = 1
            if ( $__envmgr_new:q != "" ) set __envmgr_list = ( $__envmgr_list:q $__envmgr_new:q )
        else
            set __envmgr_list = ( $__envmgr_list:q $__envmgr_one:q )
        endif
    end
    if ( ! $__envmgr_found && $__envmgr_new:q != "" ) set __envmgr_list = ( $__envmgr_new:q $__envmgr_list:q )
    set path = ( $__envmgr_list:q )
endif

# Enter, or return to what was before
if ( $__envmgr_do == activate ) then
    set __envmgr_step = enter
    source $__envmgr_file:q
    if ( $__envmgr_temporary:q != "" ) \rm -f $__envmgr_temporary:q
else if ( $__envmgr_back != "" ) then
    set __envmgr_file = "$__envmgr_prefix/conda-meta/envmgr/activate.csh"
    setenv CONDA_PREFIX $__envmgr_prefix:q
    setenv CONDA_DEFAULT_ENV $__envmgr_prefix:q
    setenv CONDA_SHLVL $__envmgr_level
    if ( ! -r $__envmgr_file:q ) then
        set __envmgr_file = `mktemp`
        set __envmgr_temporary = $__envmgr_file:q
        sh -c '"$@" 2>/dev/null' sh $__envmgr_command:q _activate csh $__envmgr_prefix:q > $__envmgr_file:q
    endif
    set __envmgr_step = $__envmgr_back
    source $__envmgr_file:q
    if ( $__envmgr_temporary:q != "" ) \rm -f $__envmgr_temporary:q
else if ( $__envmgr_do == deactivate ) then
    foreach __envmgr_one ( CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_STACKED_1 )
        unsetenv $__envmgr_one
    end
    setenv CONDA_SHLVL 0
    if ( $?_ENVMGR_FRESH ) then
        unsetenv CONDA_SHLVL
        unsetenv _ENVMGR_FRESH
    endif
    if ( $?__envmgr_prompt ) then
        set prompt = "$__envmgr_prompt"
        unset __envmgr_prompt
    endif
endif
rehash

unset __envmgr_root __envmgr_do __envmgr_stack __envmgr_target __envmgr_targets __envmgr_arguments __envmgr_level
unset __envmgr_below __envmgr_prefix __envmgr_temporary __envmgr_file __envmgr_current __envmgr_one __envmgr_step
unset __envmgr_old __envmgr_new __envmgr_same __envmgr_names __envmgr_left __envmgr_made __envmgr_has __envmgr_text
unset __envmgr_noglob __envmgr_list __envmgr_index __envmgr_saved __envmgr_back __envmgr_found __envmgr_command
eval "unset __envmgr_code; ( exit $__envmgr_code )"
"""


def quote(text: str) -> str:
    """Return `text` as one word of csh that expands to exactly `text`: `!` and line ends need a backslash in quotes."""
    return "'" + text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n") + "'"


def script(plan: ActivationPlan) -> str:
    """Return the text that csh sources, under its hook, to enter or to leave the environment of `plan` (CEP 32)."""
    identity = _IDENTITY.replace("@PREFIX@", quote(plan.prefix)).replace("@NAME@", quote(plan.name))
    identity = identity.replace("@DEFAULT@", quote(ENV_PROMPT))
    for number, word in enumerate(prompt_words(plan), 1):
        # In a substitution `&` is what was found.
        identity = identity.replace(f"@WORD{number}@", word.replace("&", "_"))
    names = "".join(f" {name}" for name, _ in plan.variables)
    settings = [_SET.replace("@NAME@", name).replace("@VALUE@", quote(value)) for name, value in plan.variables]
    return "\n".join(
        [
            "# Written by envmgr: its hook for tcsh and csh sources this file. Schema 1.",
            "switch ( $__envmgr_step )",
            "case describe:",
            f"    set __envmgr_prefix = {quote(plan.prefix)}",
            "    breaksw",
            "case identify:",
            identity + "    breaksw",
            "case enter:",
            identity + "".join(settings) + f"    setenv _ENVMGR_NAMES_$__envmgr_level {quote(names)}",
            f"    setenv _ENVMGR_PREFIX_$__envmgr_level {quote(plan.prefix)}",
            *(_source(script) for script in plan.activate_scripts(".csh")),
            "    breaksw",
            "case leave:",
            *(_source(script) for script in plan.deactivate_scripts(".csh")),
            f"    set __envmgr_names = {quote(names)}",
            "    breaksw",
            "endsw",
            "",
        ]
    )


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text of the file that the alias `envmgr` sources; arguments as in `posix.hook`."""
    defaults = []
    if not change_prompt:
        defaults.append("if ( ! $?ENVMGR_CHANGEPS1 ) set ENVMGR_CHANGEPS1 = 0")
    if env_prompt != ENV_PROMPT:
        defaults.append(f"if ( ! $?ENVMGR_ENV_PROMPT ) set ENVMGR_ENV_PROMPT = {quote(env_prompt)}")
    return (
        _HOOK.replace("@COMMAND@", " ".join(quote(word) for word in command))
        .replace("@ROOT@", quote(root))
        .replace("@DEFAULTS@", "\n".join(defaults))
        .replace("@CHANGING@", "".join(f"    case {word}:\n" for word in CHANGING))
        .replace("@CHANGING_BELOW_ENV@", "".join(f"            case {word}:\n" for word in CHANGING_BELOW_ENV))
    )


def alias(file: str) -> str:
    """Return the line that makes `envmgr` source the hook in `file`."""
    return f"alias envmgr {quote(f'source {quote(file)} !*')}\n"


def _source(script: str) -> str:
    return f"    if ( -r {quote(script)} ) source {quote(script)}"
