"""The console script: the hot paths first, then the command tree; every end of the process is here."""

from __future__ import annotations

import io
import os
import sys

try:
    from envmgr.cli import hot
    from envmgr.errors import EnvmgrError
except KeyboardInterrupt:  # on a busy machine even this takes long enough for an impatient hand
    print("\nerror: interrupted", file=sys.stderr)
    raise SystemExit(130) from None


def entry_point() -> int:
    """Run the command line of this process and return its exit code.

    0: done or nothing to do, 1: could not, 2: misuse, 130: interrupted; for `run`, that of the command.
    """
    # The one place beside settings.py that reads it: `run` cannot wait for settings.
    code = _flushed(run(sys.argv[1:], dict(os.environ)))
    if "rattler" in sys.modules:
        # py-rattler's runtime threads crash now and then while the interpreter is torn down (PyGILState_Release).
        os._exit(code)
    return code


def run(arguments: list[str], environ: dict[str, str]) -> int:
    """Run one command line and return its exit code; errors are printed, none is raised."""
    try:
        code = hot.dispatch(arguments, environ, lambda: _command_tree(arguments))
        return _command_tree(arguments) if code is None else code
    except EnvmgrError as error:
        return _fail(error, arguments, environ)
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        return _fail(_of_the_world(error), arguments, environ)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # the last resort: a fault of ours, or an installation that is damaged
        return _fail(_unforeseen(error, environ), arguments, environ)


def _command_tree(arguments: list[str]) -> int:
    """Run click's commands; its complaints become ours, so that they look alike and `--json` holds for them."""
    import click  # start-up time: costs as much as all of `run`

    from envmgr.cli.app import COMMANDS, main

    _printable_streams()
    try:
        result = main.main(args=arguments, prog_name="envmgr", standalone_mode=False)
    except click.Abort as abort:
        # click turns Ctrl-C, a closed stdin and the answer "no" into Abort.
        if isinstance(abort.__cause__ or abort.__context__, KeyboardInterrupt):
            return _interrupted(after="")  # click has ended the line on which ^C stands
        print("nothing was changed", file=sys.stderr)
        return 1
    except click.UsageError as error:
        where = "envmgr" if arguments[0] not in COMMANDS else f"envmgr {arguments[0]}"
        where = where if error.ctx is None else error.ctx.command_path
        from envmgr.cli.nearest import usage_error  # only to word an error

        raise usage_error(error, where) from error
    except click.ClickException as error:
        raise EnvmgrError(error.format_message()) from error
    return result if isinstance(result, int) else 0


def _printable_streams() -> None:
    """Make sure that printing never fails for what a locale cannot show, nor anything where a stream was closed."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        # Only once: it flushes, which fails where writing has failed before.
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def _fail(error: EnvmgrError, arguments: list[str], environ: dict[str, str]) -> int:
    from envmgr.cli import messages  # start-up time: only to word an error

    _printable_streams()
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        if "--json" in own and own[:1] != ["run"] and "stdout" not in error.details:
            messages.say_json(messages.error_document(error))
        else:
            messages.print_error(error, sys.stderr, colour=messages.wants_colour(sys.stderr, environ))
    except BrokenPipeError:
        return _reader_gone()
    return error.exit_code


def _of_the_world(error: OSError) -> EnvmgrError:
    import errno  # start-up time: only to word an error

    from envmgr.errors import NoSpace, ReadOnlyStore, StoreError

    if error.filename is None and error.errno == errno.ENOENT and not _has_current_directory():
        return StoreError("the current directory was deleted", hint="change to another one, as: cd ~")
    where = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    reason = error.strerror or str(error) or type(error).__name__
    kind = {errno.ENOSPC: NoSpace, errno.EDQUOT: NoSpace, errno.EROFS: ReadOnlyStore}.get(error.errno or 0, StoreError)
    return kind(f"{where}: {reason}" if where else reason)


def _has_current_directory() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _unforeseen(error: Exception, environ: dict[str, str]) -> EnvmgrError:
    if environ.get("ENVMGR_TRACEBACK"):
        import traceback  # only for those who mend it

        traceback.print_exception(error)
    return EnvmgrError(
        f"envmgr does not know what to do about this: {type(error).__name__}: {error}",
        hint="please report it with what the same command prints with ENVMGR_TRACEBACK=1 before it",
    )


def _interrupted(*, after: str = "\n") -> int:
    import signal  # start-up time: only at this end

    # The impatient press it twice: what was begun is cleaned up by now, and the second would print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(f"{after}error: interrupted", file=sys.stderr)
    return 130


def _reader_gone() -> int:
    """End well: `envmgr list | head -1` is no failure of ours."""
    from envmgr.cli.messages import discard_stdout  # start-up time: only at this end

    discard_stdout()
    return 0


def _flushed(code: int) -> int:
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        # The data did not arrive (a full disk behind `>`), so it is no success.
        print(f"error: the output could not be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or 1
    return code


if __name__ == "__main__":
    sys.exit(entry_point())
