"""Activation in elvish: the text of the shell hook, which reads run.json and does what `posix.py` does.

elvish has no test of two files' ages; whether run.json is up to date is asked of `test`, where that is on PATH. The
`.elv` scripts of packages are evaluated in a namespace of their own: they can change the variables of the process.
"""

from __future__ import annotations

from envmgr.shell import files
from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan

_HOOK = r"""# The shell hook of envmgr for elvish: eval (envmgr shell-hook elvish | slurp)
use path
use re
use str

var own-command = @COMMAND@
var default-root = @ROOT@
var changes-prompt = @CHANGES_PROMPT@
var default-prompt = @ENV_PROMPT@
var prompt-is-ours = $false

fn drop {|@names| for name $names { unset-env $name } }

fn argv {
    if (path:is-regular &follow-symlink=$true $own-command[0]) { put $@own-command } else { put envmgr }
}

fn run {|@arguments|
    var own = [(argv)]
    set-env _ENVMGR_HOOK '@MARK@'
    try {
        (external $own[0]) (all $own[1..]) $@arguments
    } finally {
        unset-env _ENVMGR_HOOK
    }
}

fn fetched {|step target| run _$step elvish $target | from-json }

fn plan-of {|prefix|
    var file = $prefix/conda-meta/envmgr/run.json
    var plan = $nil
    if (path:is-regular &follow-symlink=$true $file) {
        var is-old = $true
        try {
            e:test $prefix/conda-meta/state -nt $file -o $prefix/etc/conda/env_vars.d -nt $file ^
                -o $prefix/etc/conda/activate.d -nt $file -o $prefix/etc/conda/deactivate.d -nt $file
        } catch e {
            set is-old = $false
        }
        if (not $is-old) {
            try {
                var read = (from-json < $file)
                if (and (== $read[schema] 1) (eq $read[prefix] $prefix)) { set plan = $read }
            } catch e { nop }
        }
    }
    put $plan
}

fn level {
    if (and (not-eq $E:CONDA_PREFIX '') (re:match '^[1-9][0-9]{0,2}$' $E:CONDA_SHLVL)) {
        put (num $E:CONDA_SHLVL)
    } else {
        put (num 0)
    }
}

fn replace-in-path {|old new|
    var list = []
    if (not-eq $E:PATH '') { set list = [(str:split ':' $E:PATH)] }
    var length = (count $old)
    var place = $nil
    if (> $length 0) {
        for start [(range (count $list))] {
            var end = (+ $start $length)
            if (and (eq $place $nil) (<= $end (count $list))) {
                if (eq $list[$start..$end] $old) { set place = $start }
            }
        }
    }
    if (eq $place $nil) {
        set list = [$@new $@list]
    } else {
        var after = (+ $place $length)
        set list = [(all $list[0..$place]) $@new (all $list[$after..])]
    }
    set-env PATH (str:join ':' $list)
}

fn run-scripts {|scripts prefix|
    for script $scripts {
        var file = $prefix/$script
        if (and (str:has-suffix $script .elv) (path:is-regular &follow-symlink=$true $file)) {
            try { eval (slurp < $file) } catch e { echo 'error: '$file': '(to-string $e[reason]) >&2 }
        }
    }
}

fn identify {|plan at|
    var text = $default-prompt
    if (has-env ENVMGR_ENV_PROMPT) { set text = $E:ENVMGR_ENV_PROMPT }
    var is-off = (not $changes-prompt)
    if (not-eq $E:ENVMGR_CHANGEPS1 '') { set is-off = (has-value [0 false no off] $E:ENVMGR_CHANGEPS1) }
    set text = (str:replace '{default_env}' $plan[name] $text)
    set text = (str:replace '{name}' (path:base $plan[prefix]) $text)
    set text = (str:replace '{prefix}' $plan[prefix] $text)
    if $is-off { set text = '' }
    set-env CONDA_PREFIX $plan[prefix]
    set-env CONDA_DEFAULT_ENV $plan[name]
    set-env CONDA_SHLVL (to-string $at)
    set-env CONDA_PROMPT_MODIFIER $text
    if (and (not-eq $text '') (not $prompt-is-ours)) {
        set prompt-is-ours = $true
        # Only an interactive elvish has edit:.
        var change = 'var shown = $edit:prompt; set edit:prompt = { print $E:CONDA_PROMPT_MODIFIER; $shown }'
        try { eval $change } catch e { nop }
    }
}

fn enter {|plan at|
    identify $plan $at
    var names = ''
    for pair $plan[variables] {
        var saved = __CONDA_SHLVL_(- $at 1)_$pair[0]
        if (has-env $pair[0]) { set-env $saved (get-env $pair[0]) } else { unset-env $saved }
        set-env $pair[0] $pair[1]
        set names = $names' '$pair[0]
    }
    set-env _ENVMGR_NAMES_(to-string $at) $names
    set-env _ENVMGR_PREFIX_(to-string $at) $plan[prefix]
    run-scripts $plan[activate] $plan[prefix]
}

fn active-plan {
    var prefix = $E:CONDA_PREFIX
    var plan = (plan-of $prefix)
    if (eq $plan $nil) {
        try { set plan = (fetched deactivate $prefix 2> /dev/null) } catch e { nop }
    }
    if (eq $plan $nil) { set plan = [&prefix=$prefix &name=$prefix &path=[$prefix/bin] &variables=[] &deactivate=[]] }
    put $plan
}

fn leave {|plan at|
    var scripts = [(all $plan[deactivate])]
    var count = (count $scripts)
    run-scripts [(range $count | each {|i| put $scripts[(- $count $i 1)] })] $E:CONDA_PREFIX
    var list = _ENVMGR_NAMES_(to-string $at)
    var names = [(each {|pair| put $pair[0] } $plan[variables])]
    var of = _ENVMGR_PREFIX_(to-string $at)
    if (and (has-env $list) (has-env $of)) {
        if (eq (get-env $of) $E:CONDA_PREFIX) { set names = [(str:split ' ' (get-env $list))] }
    }
    drop $list $of
    set count = (count $names)
    for i [(range $count)] {
        var name = $names[(- $count $i 1)]
        if (re:match '^[A-Za-z_][A-Za-z0-9_]*$' $name) {
            var saved = __CONDA_SHLVL_(- $at 1)_$name
            if (has-env $saved) {
                set-env $name (get-env $saved)
                unset-env $saved
            } else {
                unset-env $name
            }
        }
    }
}

fn activate {|target stack|
    var prefix = ''
    if (or (has-value [. ..] $target) (str:contains $target /)) {
        set prefix = (path:abs $target)
    } elif (not-eq $E:ENVMGR_ROOT '') {
        set prefix = $E:ENVMGR_ROOT/envs/$target
    } else {
        set prefix = $default-root/envs/$target
    }
    var plan = $nil
    if (not-eq $target '') { set plan = (plan-of $prefix) }
    if (eq $plan $nil) { set plan = (fetched activate $target) }
    var at = (level)
    if (and (> $at 0) (eq $E:CONDA_PREFIX $plan[prefix])) {
        var active = (active-plan)
        leave $active $at
        replace-in-path $active[path] $plan[path]
        enter $plan $at
    } else {
        if (== $at 0) {
            if (not (has-env CONDA_SHLVL)) { set-env _ENVMGR_FRESH 1 }
            replace-in-path [] $plan[path]
        } else {
            var before = $E:CONDA_PREFIX
            if $stack {
                replace-in-path [] $plan[path]
            } else {
                var active = (active-plan)
                leave $active $at
                replace-in-path $active[path] $plan[path]
            }
            set-env CONDA_PREFIX_(to-string $at) $before
        }
        drop CONDA_STACKED_(+ $at 1)
        if (and $stack (> $at 0)) { set-env CONDA_STACKED_(+ $at 1) true }
        enter $plan (+ $at 1)
    }
}

fn deactivate {
    var at = (level)
    if (> $at 0) {
        var active = (active-plan)
        leave $active $at
        if (== $at 1) {
            replace-in-path $active[path] []
            drop CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PROMPT_MODIFIER CONDA_STACKED_1
            set-env CONDA_SHLVL 0
            if (has-env _ENVMGR_FRESH) { drop CONDA_SHLVL _ENVMGR_FRESH }
        } else {
            var below = (- $at 1)
            var previous = ''
            if (has-env CONDA_PREFIX_(to-string $below)) { set previous = (get-env CONDA_PREFIX_(to-string $below)) }
            var is-stacked = (has-env CONDA_STACKED_(to-string $at))
            drop CONDA_PREFIX_(to-string $below) CONDA_STACKED_(to-string $at)
            var plan = (plan-of $previous)
            if (eq $plan $nil) {
                try { set plan = (fetched activate $previous/ 2> /dev/null) } catch e { nop }
            }
            if (eq $plan $nil) {
                set plan = [&prefix=$previous &name=$previous &path=[$previous/bin] &variables=[] &activate=[]]
            }
            if $is-stacked {
                replace-in-path $active[path] []
                identify $plan $below
            } else {
                replace-in-path $active[path] $plan[path]
                enter $plan $below
            }
        }
    }
}

fn is-there { path:is-dir &follow-symlink=$true $E:CONDA_PREFIX/conda-meta }

fn reactivate {
    if (> (level) 0) {
        if (is-there) { activate $E:CONDA_PREFIX/ $false } else { deactivate }
    }
}

# After a command that may have given the active environment another generation, or another place
fn after-change {|arguments|
    if (> (level) 0) {
        var is-moved = (and (eq $arguments[0] rename) (not (is-there)))
        var target = ''
        var rest = $arguments[1..]
        while (> (count $rest) 0) {
            var word = $rest[0]
            set rest = $rest[1..]
            if (and (has-value [-n --name -p --prefix] $word) (> (count $rest) 0)) {
                set rest = $rest[1..]
            } elif (not (str:has-prefix $word -)) {
                set target = $word
            }
        }
        reactivate
        if (and $is-moved (not-eq $target '')) { activate $target $false }
    }
}

fn envmgr {|@arguments|
    var first = ''
    var second = ''
    if (> (count $arguments) 0) { set first = $arguments[0] }
    if (> (count $arguments) 1) { set second = $arguments[1] }
    if (eq $first activate) {
        var stack = $false
        var is-other = $false
        var targets = []
        var rest = $arguments[1..]
        while (> (count $rest) 0) {
            var word = $rest[0]
            set rest = $rest[1..]
            if (has-value [--stack --no-stack] $word) {
                set stack = (eq $word --stack)
            } elif (and (has-value [-n --name -p --prefix] $word) (> (count $rest) 0)) {
                var value = $rest[0]
                set rest = $rest[1..]
                if (and (has-value [-p --prefix] $word) (not (str:contains $value /))) { set value = ./$value }
                set targets = [$@targets $value]
            } elif (str:has-prefix $word -) {
                set is-other = $true
            } else {
                set targets = [$@targets $word]
            }
        }
        if $is-other {
            run $@arguments
        } elif (!= (count $targets) 1) {
            fail 'activate takes one environment, found '(count $targets)"\n\nhint: envmgr activate NAME"
        } else {
            activate $targets[0] $stack
        }
    } elif (and (eq $first deactivate) (== (count $arguments) 1)) {
        deactivate
    } elif (eq $first reactivate) {
        reactivate
    } else {
        run $@arguments
        if (or (has-value [@CHANGING@] $first) (and (eq $first env) (has-value [@CHANGING_BELOW_ENV@] $second))) {
            after-change $arguments
        }
    }
}

# So that an interactive elvish knows it after `eval`; a script says where it wants it: see docs/shells.md.
try { eval 'edit:add-var envmgr~ $own' &ns=(ns [&own=$envmgr~]) } catch e { nop }
"""


def quote(text: str) -> str:
    """Return `text` as one word of elvish that is exactly `text`."""
    return "'" + text.replace("'", "''") + "'"


def script(plan: ActivationPlan) -> str:
    """Return what the hook is given in place of run.json."""
    return files.described(plan)


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text that makes `envmgr activate` work in elvish, as `posix.hook`."""
    return (
        _HOOK.replace("@COMMAND@", f"[{' '.join(quote(word) for word in command)}]")
        .replace("@ROOT@", quote(root))
        .replace("@CHANGES_PROMPT@", "$true" if change_prompt else "$false")
        .replace("@ENV_PROMPT@", quote(env_prompt))
        .replace("@CHANGING@", " ".join(CHANGING))
        .replace("@CHANGING_BELOW_ENV@", " ".join(CHANGING_BELOW_ENV))
    )
