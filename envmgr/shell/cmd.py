"""Activation in cmd.exe: the text of activate.bat and of the batch file behind the doskey macro `envmgr`.

The batch file holds the algorithm of `posix.py`; activate.bat holds what is particular to an environment, as the
steps `describe`, `identify`, `enter` and `leave`. A variable of cmd cannot hold a line end (one is set as a space),
nor nothing: an empty one is none. Values of the user are copied by delayed expansion only, which reads no value as
syntax; both files have the line ends of Windows, without which cmd misses labels (see `encoded`).
"""

from __future__ import annotations

import re
import sys

from envmgr.shell.plan import CHANGING, CHANGING_BELOW_ENV, ENV_PROMPT, ActivationPlan, prompt_words

_HOOK = r"""@rem The shell hook of envmgr for cmd: doskey envmgr=call "THIS FILE" $*
@set "__envmgr_stack="
@set "__envmgr_target="
@set "__envmgr_by_path="
@set "__envmgr_scratch="
@set "__envmgr_changes_prompt=@CHANGES_PROMPT@"
@if defined ENVMGR_CHANGEPS1 @set "__envmgr_changes_prompt=1"
@for %%v in (0 false no off) do @if "%ENVMGR_CHANGEPS1%"=="%%v" @set "__envmgr_changes_prompt=0"
@set "__envmgr_env_prompt=%ENVMGR_ENV_PROMPT%"
@if not defined ENVMGR_ENV_PROMPT @set "__envmgr_env_prompt=@ENV_PROMPT@"
@set "__envmgr_root=%ENVMGR_ROOT%"
@if not defined ENVMGR_ROOT @set "__envmgr_root=@ROOT@"
@set "__envmgr_level=0"
@if defined CONDA_PREFIX @if defined CONDA_SHLVL @set /a "__envmgr_level=CONDA_SHLVL"
@set /a "__envmgr_below=__envmgr_level-1"
@if "%~1"=="activate" @goto arguments
@if "%~1"=="deactivate" @if "%~2"=="" @goto deactivate
@if "%~1"=="reactivate" @goto reactivate
@call :forget
@setlocal
@set "_ENVMGR_HOOK=@MARK@"
@@COMMAND@ %*
@endlocal
@if errorlevel 1 @exit /b %ERRORLEVEL%
@for %%c in (@CHANGING@) do @if "%~1"=="%%c" @call "%~f0" reactivate
@for %%c in (@CHANGING_BELOW_ENV@) do @if "%~1"=="env" @if "%~2"=="%%c" @call "%~f0" reactivate
@exit /b 0

:arguments
@shift
@if "%~1"=="" @goto activate
@if "%~1"=="--stack" @set "__envmgr_stack=1"
@if "%~1"=="--stack" @goto arguments
@if "%~1"=="--no-stack" @set "__envmgr_stack="
@if "%~1"=="--no-stack" @goto arguments
@if "%~1"=="-n" @goto arguments
@if "%~1"=="--name" @goto arguments
@if "%~1"=="-p" @set "__envmgr_by_path=.\"
@if "%~1"=="-p" @goto arguments
@if "%~1"=="--prefix" @set "__envmgr_by_path=.\"
@if "%~1"=="--prefix" @goto arguments
@set "__envmgr_target=%~1"
@goto arguments

:reactivate
@if %__envmgr_level%==0 @goto clean_up
@if not exist "%CONDA_PREFIX%\conda-meta\" @goto deactivate
@set "__envmgr_target=%CONDA_PREFIX%\"
@goto activate

:activate
@if not defined __envmgr_target @goto no_target
@if "%__envmgr_target:\=%"=="%__envmgr_target%" @if "%__envmgr_target:/=%"=="%__envmgr_target%" @goto by_name
@set "__envmgr_by_path="
:by_path
@for %%p in ("%__envmgr_by_path%%__envmgr_target%\.") do @set "__envmgr_prefix=%%~fp"
@set "__envmgr_target=%__envmgr_prefix%\"
@goto find
:by_name
@if defined __envmgr_by_path @goto by_path
@set "__envmgr_prefix=%__envmgr_root%\envs\%__envmgr_target%"
:find
@set "__envmgr_file=%__envmgr_prefix%\conda-meta\envmgr\activate.bat"
@if exist "%__envmgr_file%" @goto described
@set "__envmgr_file=%TEMP%\envmgr-%RANDOM%-%RANDOM%.bat"
@set "__envmgr_scratch=%__envmgr_file%"
@@COMMAND@ _activate cmd "%__envmgr_target:\=/%" > "%__envmgr_file%"
@if errorlevel 1 @goto failed
:described
@call "%__envmgr_file%" describe
@set "__envmgr_new=%__envmgr_path%"
@set "__envmgr_final=%__envmgr_prefix%"
@set "__envmgr_wanted=%__envmgr_names%"
@set "__envmgr_old="
@if %__envmgr_level%==0 @if not defined CONDA_SHLVL @set "_ENVMGR_FRESH=1"
@if %__envmgr_level%==0 @goto next_level
@if /i "%CONDA_PREFIX%"=="%__envmgr_final%" @goto again
@if not defined __envmgr_stack @call :leave
@call :copy CONDA_PREFIX CONDA_PREFIX_%__envmgr_level%
:next_level
@set "__envmgr_below=%__envmgr_level%"
@set /a "__envmgr_level+=1"
@set "CONDA_STACKED_%__envmgr_level%="
@if defined __envmgr_stack @if not %__envmgr_level%==1 @set "CONDA_STACKED_%__envmgr_level%=true"
@goto enter
:again
@call :leave
:enter
@call :path
@for %%n in (%__envmgr_wanted%) do @call :copy %%n __CONDA_SHLVL_%__envmgr_below%_%%n
@call "%__envmgr_file%" enter
@goto clean_up

:deactivate
@if %__envmgr_level%==0 @goto clean_up
@call :leave
@set "__envmgr_new="
@if not %__envmgr_level%==1 @goto back
@call :path
@set "CONDA_PREFIX="
@set "CONDA_DEFAULT_ENV="
@set "CONDA_PROMPT_MODIFIER="
@set "CONDA_SHLVL=0"
@if defined _ENVMGR_FRESH @set "CONDA_SHLVL="
@set "_ENVMGR_FRESH="
@if defined _ENVMGR_PROMPT @call :copy _ENVMGR_PROMPT PROMPT
@set "_ENVMGR_PROMPT="
@goto clean_up
:back
@call :copy CONDA_PREFIX_%__envmgr_below% __envmgr_previous
@call :copy CONDA_STACKED_%__envmgr_level% __envmgr_stacked
@set "CONDA_PREFIX_%__envmgr_below%="
@set "CONDA_STACKED_%__envmgr_level%="
@set "__envmgr_level=%__envmgr_below%"
@set /a "__envmgr_below-=1"
@set "__envmgr_file=%__envmgr_previous%\conda-meta\envmgr\activate.bat"
@if exist "%__envmgr_file%" @goto back_described
@set "__envmgr_file=%TEMP%\envmgr-%RANDOM%-%RANDOM%.bat"
@set "__envmgr_scratch=%__envmgr_file%"
@@COMMAND@ _activate cmd "%__envmgr_previous:\=/%/" > "%__envmgr_file%" 2>nul
@if errorlevel 1 @goto bare
:back_described
@if not defined __envmgr_stacked @goto enter_again
@call :path
@call "%__envmgr_file%" identify
@goto clean_up
:enter_again
@call "%__envmgr_file%" describe
@set "__envmgr_new=%__envmgr_path%"
@set "__envmgr_wanted=%__envmgr_names%"
@goto enter
:bare
@if not defined __envmgr_stacked @call :default "%__envmgr_previous%"
@if not defined __envmgr_stacked @set "__envmgr_new=%__envmgr_path%"
@call :path
@set "CONDA_PREFIX=%__envmgr_previous%"
@set "CONDA_DEFAULT_ENV=%__envmgr_previous%"
@set "CONDA_SHLVL=%__envmgr_level%"
@goto clean_up

:leave
@set "__envmgr_names="
@call :default "%CONDA_PREFIX%"
@set "__envmgr_left=%CONDA_PREFIX%\conda-meta\envmgr\activate.bat"
@if exist "%__envmgr_left%" @call "%__envmgr_left%" describe
@set "__envmgr_old=%__envmgr_path%"
@if exist "%__envmgr_left%" @call "%__envmgr_left%" leave
@call :copy _ENVMGR_PREFIX_%__envmgr_level% __envmgr_of
@if "%__envmgr_of%"=="%CONDA_PREFIX%" @call :copy _ENVMGR_NAMES_%__envmgr_level% __envmgr_names
@set "_ENVMGR_NAMES_%__envmgr_level%="
@set "_ENVMGR_PREFIX_%__envmgr_level%="
@for %%n in (%__envmgr_names%) do @call :restore %%n __CONDA_SHLVL_%__envmgr_below%_%%n
@exit /b 0

:restore
@call :copy %2 %1
@set "%2="
@exit /b 0

:default
@set "__envmgr_path=%~1;%~1\Library\mingw-w64\bin;%~1\Library\usr\bin;%~1\Library\bin;%~1\Scripts;%~1\bin"
@exit /b 0

:copy
@set "%2="
@if not defined %1 @exit /b 0
@setlocal EnableExtensions EnableDelayedExpansion
@for /f delims^=^ eol^= %%v in ("!%1!") do @endlocal & set "%2=%%v"
@exit /b 0

:path
@if not defined __envmgr_old @goto prepend
@setlocal EnableExtensions EnableDelayedExpansion
@set "__envmgr_before=;!PATH!;?"
@for /f delims^=^ eol^= %%o in ("!__envmgr_old!") do @set "__envmgr_tail=!__envmgr_before:*;%%o;=!"
@if "!__envmgr_tail!"=="!__envmgr_before!" @endlocal & goto prepend
@for /f delims^=^ eol^= %%o in (";!__envmgr_old!;!__envmgr_tail!") do @set "__envmgr_head=!__envmgr_before:%%o=!"
@set "__envmgr_head=!__envmgr_head!;"
@if defined __envmgr_new @set "__envmgr_head=!__envmgr_head!!__envmgr_new!;"
@set "__envmgr_after=!__envmgr_head!!__envmgr_tail!"
@set "__envmgr_after=!__envmgr_after:~1,-2!"
@for /f delims^=^ eol^= %%r in ("!__envmgr_after!") do @endlocal & set "PATH=%%r"
@exit /b 0
:prepend
@if not defined __envmgr_new @exit /b 0
@setlocal EnableExtensions EnableDelayedExpansion
@for /f delims^=^ eol^= %%r in ("!__envmgr_new!;!PATH!") do @endlocal & set "PATH=%%r"
@exit /b 0

:no_target
@echo error: activate takes one environment, found 0 1>&2
@call :forget
@exit /b 2

:failed
@if exist "%__envmgr_scratch%" @del "%__envmgr_scratch%"
@call :forget
@exit /b 1

:clean_up
@if defined __envmgr_scratch @if exist "%__envmgr_scratch%" @del "%__envmgr_scratch%"
@call :forget
@exit /b 0

:forget
@for %%v in (stack target by_path scratch changes_prompt env_prompt root level below prefix) do @set "__envmgr_%%v="
@for %%v in (file path names wanted new final old left previous stacked of) do @set "__envmgr_%%v="
@exit /b 0
"""

_IDENTITY = r"""@set "CONDA_PREFIX=@PREFIX@"
@set "CONDA_DEFAULT_ENV=@NAME@"
@set "CONDA_SHLVL=%__envmgr_level%"
@set "CONDA_PROMPT_MODIFIER=%__envmgr_env_prompt:{default_env}=@WORD1@%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{name}=@WORD2@%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{prefix}=@WORD3@%"
@if not "%__envmgr_changes_prompt%"=="1" @set "CONDA_PROMPT_MODIFIER="
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=%PROMPT%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=$P$G"
@set "PROMPT=%CONDA_PROMPT_MODIFIER%%_ENVMGR_PROMPT%"
"""


def quote(text: str) -> str:
    """Return `text` as it stands between the quotes of `set "NAME=…"` in a batch file; a line end is a space."""
    return re.sub(r"[\r\n]+", " ", text).replace("%", "%%")


def setting(name: str, value: str) -> str:
    """Return the line of a batch file that sets `name` to exactly `value`, whatever quotes are in it."""
    if '"' not in value:
        return f'@set "{name}={quote(value)}"'
    return f"@set {name}=" + re.sub(r'(["^&|<>()])', r"^\1", quote(value))


def script(plan: ActivationPlan) -> str:
    """Return the text that the hook calls to enter or to leave the environment of `plan` (CEP 32)."""
    identity = _IDENTITY.replace("@PREFIX@", quote(plan.prefix)).replace("@NAME@", quote(plan.name))
    for number, word in enumerate(prompt_words(plan), 1):
        identity = identity.replace(f"@WORD{number}@", word)
    names = " ".join(name for name, _ in plan.variables)
    lines = [
        "@rem Written by envmgr: its hook for cmd calls this file. Schema 1.",
        "@goto %1",
        ":describe",
        f'@set "__envmgr_prefix={quote(plan.prefix)}"',
        f'@set "__envmgr_path={quote(";".join(plan.path))}"',
        f'@set "__envmgr_names={names}"',
        "@exit /b 0",
        ":identify",
        identity + "@exit /b 0",
        ":enter",
        identity.rstrip("\n"),
        *(setting(name, value) for name, value in plan.variables),
        f'@set "_ENVMGR_NAMES_%__envmgr_level%={names}"',
        f'@set "_ENVMGR_PREFIX_%__envmgr_level%={quote(plan.prefix)}"',
        *_calls(plan.activate_scripts(".bat")),
        "@exit /b 0",
        ":leave",
        *_calls(plan.deactivate_scripts(".bat")),
        f'@set "__envmgr_names={names}"',
        "@exit /b 0",
        "",
    ]
    return "\n".join(lines)


def _calls(files: tuple[str, ...]) -> list[str]:
    paths = [quote(file.replace("/", "\\")) for file in files]
    return [f'@if exist "{path}" @call "{path}"' for path in paths]


def hook(*, command: tuple[str, ...], root: str, change_prompt: bool = True, env_prompt: str = ENV_PROMPT) -> str:
    """Return the text of the batch file behind the doskey macro; arguments as in `posix.hook`."""
    return (
        _HOOK.replace("@COMMAND@", " ".join(f'"{quote(word)}"' for word in command))
        .replace("@ROOT@", quote(root))
        .replace("@CHANGES_PROMPT@", "1" if change_prompt else "0")
        .replace("@ENV_PROMPT@", quote(env_prompt))
        .replace("@CHANGING@", " ".join(CHANGING))
        .replace("@CHANGING_BELOW_ENV@", " ".join(CHANGING_BELOW_ENV))
    )


def encoded(text: str) -> bytes:
    """Return a batch file's bytes: CRLF at line ends, and the encoding that cmd reads files in (on Windows: OEM)."""
    lines = text.replace("\n", "\r\n")
    if sys.platform == "win32":
        try:
            return lines.encode("oem")
        except UnicodeEncodeError:
            # Only a console that was switched to UTF-8 (chcp 65001) can read such a name at all.
            return lines.encode()
    return lines.encode("utf-8", "surrogateescape")


def macro(file: str) -> str:
    """Return the command that makes `envmgr` call the hook in `file`."""
    return f'doskey envmgr=call "{file}" $*\n'
