@rem The shell hook of envmgr for cmd: doskey envmgr=call "THIS FILE" $*
@set "__envmgr_stack="
@set "__envmgr_target="
@set "__envmgr_by_path="
@set "__envmgr_scratch="
@set "__envmgr_changes_prompt=1"
@if defined ENVMGR_CHANGEPS1 @set "__envmgr_changes_prompt=1"
@for %%v in (0 false no off) do @if "%ENVMGR_CHANGEPS1%"=="%%v" @set "__envmgr_changes_prompt=0"
@set "__envmgr_env_prompt=%ENVMGR_ENV_PROMPT%"
@if not defined ENVMGR_ENV_PROMPT @set "__envmgr_env_prompt=({default_env}) "
@set "__envmgr_root=%ENVMGR_ROOT%"
@if not defined ENVMGR_ROOT @set "__envmgr_root=C:\store"
@set "__envmgr_level=0"
@if defined CONDA_PREFIX @if defined CONDA_SHLVL @set /a "__envmgr_level=CONDA_SHLVL"
@set /a "__envmgr_below=__envmgr_level-1"
@if "%~1"=="activate" @goto arguments
@if "%~1"=="deactivate" @if "%~2"=="" @goto deactivate
@if "%~1"=="reactivate" @goto reactivate
@call :forget
@setlocal
@set "_ENVMGR_HOOK=@MARK@"
@"C:\Program Files\envmgr's\envmgr.exe" %*
@endlocal
@if errorlevel 1 @exit /b %ERRORLEVEL%
@for %%c in (create install update upgrade remove uninstall rollback adopt rename) do @if "%~1"=="%%c" @call "%~f0" reactivate
@for %%c in (create update remove config) do @if "%~1"=="env" @if "%~2"=="%%c" @call "%~f0" reactivate
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
@"C:\Program Files\envmgr's\envmgr.exe" _activate cmd "%__envmgr_target:\=/%" > "%__envmgr_file%"
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
@"C:\Program Files\envmgr's\envmgr.exe" _activate cmd "%__envmgr_previous:\=/%/" > "%__envmgr_file%" 2>nul
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
