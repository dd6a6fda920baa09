@rem The shell hook of envmgr for cmd: doskey envmgr=call "THIS FILE" $*
@if not defined ENVMGR_CHANGEPS1 @set "ENVMGR_CHANGEPS1=1"
@if not defined ENVMGR_ENV_PROMPT @set "ENVMGR_ENV_PROMPT=({default_env}) "
@set "__envmgr_stack="
@set "__envmgr_target="
@set "__envmgr_root=%ENVMGR_ROOT%"
@if not defined __envmgr_root @set "__envmgr_root=C:\store"
@set "__envmgr_level=0"
@if defined CONDA_PREFIX @if defined CONDA_SHLVL @set /a "__envmgr_level=CONDA_SHLVL"
@set /a "__envmgr_below=__envmgr_level-1"
@if "%~1"=="activate" @goto arguments
@if "%~1"=="deactivate" @if "%~2"=="" @goto deactivate
@if "%~1"=="reactivate" @goto reactivate
@call "C:\Program Files\envmgr's\envmgr.exe" %*
@if errorlevel 1 @exit /b %ERRORLEVEL%
@for %%c in (create install update upgrade remove uninstall rollback) do @if "%~1"=="%%c" @goto reactivate
@exit /b 0

:arguments
@shift
@if "%~1"=="" @goto activate
@if "%~1"=="--stack" (
    set "__envmgr_stack=1"
    goto arguments
)
@if "%~1"=="--no-stack" (
    set "__envmgr_stack="
    goto arguments
)
@if "%~1"=="-n" @goto arguments
@if "%~1"=="--name" @goto arguments
@if "%~1"=="-p" @goto arguments
@if "%~1"=="--prefix" @goto arguments
@set "__envmgr_target=%~1"
@goto arguments

:reactivate
@if %__envmgr_level%==0 @exit /b 0
@set "__envmgr_target=%CONDA_PREFIX%\"
@goto activate

:activate
@if not defined __envmgr_target (
    echo error: activate takes one environment, found 0 1>&2
    exit /b 2
)
@set "__envmgr_prefix=%__envmgr_root%\envs\%__envmgr_target%"
@if not "%__envmgr_target:\=%"=="%__envmgr_target%" @for %%p in ("%__envmgr_target%.") do @set "__envmgr_prefix=%%~fp"
@if not "%__envmgr_target:/=%"=="%__envmgr_target%" @for %%p in ("%__envmgr_target%") do @set "__envmgr_prefix=%%~fp"
@set "__envmgr_file=%__envmgr_prefix%\conda-meta\envmgr\activate.bat"
@if exist "%__envmgr_file%" @goto described
@set "__envmgr_file=%TEMP%\envmgr-%RANDOM%-%RANDOM%.bat"
@call "C:\Program Files\envmgr's\envmgr.exe" _activate cmd "%__envmgr_target%" > "%__envmgr_file%"
@if errorlevel 1 (
    del "%__envmgr_file%"
    exit /b 1
)
:described
@call "%__envmgr_file%" describe
@set "__envmgr_new=%__envmgr_path%"
@set "__envmgr_final=%__envmgr_prefix%"
@if %__envmgr_level%==0 @if not defined CONDA_SHLVL @set "_ENVMGR_FRESH=1"
@if %__envmgr_level%==0 @goto next_level
@if /i "%CONDA_PREFIX%"=="%__envmgr_final%" (
    call :leave
    call :path
    call "%__envmgr_file%" enter
    goto clean_up
)
@if not defined __envmgr_stack @call :leave
@set "CONDA_PREFIX_%__envmgr_level%=%CONDA_PREFIX%"
:next_level
@set "__envmgr_below=%__envmgr_level%"
@set /a "__envmgr_level+=1"
@set "CONDA_STACKED_%__envmgr_level%="
@if defined __envmgr_stack @if not %__envmgr_level%==1 @set "CONDA_STACKED_%__envmgr_level%=true"
@call :path
@call "%__envmgr_file%" enter
@goto clean_up

:deactivate
@if %__envmgr_level%==0 @exit /b 0
@call :leave
@set "__envmgr_new="
@if %__envmgr_level%==1 (
    call :path
    set "CONDA_PREFIX="
    set "CONDA_DEFAULT_ENV="
    set "CONDA_PROMPT_MODIFIER="
    set "CONDA_SHLVL=0"
    if defined _ENVMGR_FRESH set "CONDA_SHLVL="
    set "_ENVMGR_FRESH="
    if defined _ENVMGR_PROMPT call set "PROMPT=%%_ENVMGR_PROMPT%%"
    set "_ENVMGR_PROMPT="
    goto clean_up
)
@call set "__envmgr_previous=%%CONDA_PREFIX_%__envmgr_below%%%"
@call set "__envmgr_stacked=%%CONDA_STACKED_%__envmgr_level%%%"
@set "CONDA_PREFIX_%__envmgr_below%="
@set "CONDA_STACKED_%__envmgr_level%="
@set "__envmgr_level=%__envmgr_below%"
@set /a "__envmgr_below-=1"
@set "__envmgr_file=%__envmgr_previous%\conda-meta\envmgr\activate.bat"
@if not exist "%__envmgr_file%" @goto bare
@if "%__envmgr_stacked%"=="true" (
    call :path
    call "%__envmgr_file%" identify
    goto clean_up
)
@call "%__envmgr_file%" describe
@set "__envmgr_new=%__envmgr_path%"
@call :path
@call "%__envmgr_file%" enter
@goto clean_up
:bare
@call :path
@set "CONDA_PREFIX=%__envmgr_previous%"
@set "CONDA_DEFAULT_ENV=%__envmgr_previous%"
@set "CONDA_SHLVL=%__envmgr_level%"
@goto clean_up

:leave
@set "__envmgr_names="
@set "__envmgr_left=%CONDA_PREFIX%\conda-meta\envmgr\activate.bat"
@if exist "%__envmgr_left%" @call "%__envmgr_left%" describe
@set "__envmgr_old=%__envmgr_path%"
@if exist "%__envmgr_left%" @call "%__envmgr_left%" leave
@if defined _ENVMGR_NAMES_%__envmgr_level% @call set "__envmgr_names=%%_ENVMGR_NAMES_%__envmgr_level%%%"
@set "_ENVMGR_NAMES_%__envmgr_level%="
@for %%n in (%__envmgr_names%) do @(
    call set "%%n=%%__CONDA_SHLVL_%__envmgr_below%_%%n%%"
    if not defined __CONDA_SHLVL_%__envmgr_below%_%%n set "%%n="
    set "__CONDA_SHLVL_%__envmgr_below%_%%n="
)
@exit /b 0

:path
@set "__envmgr_before=;%PATH%;"
@if not defined __envmgr_old @goto prepend
@call set "__envmgr_after=%%__envmgr_before:;%__envmgr_old%;=;%__envmgr_new%;%%"
@if "%__envmgr_after%"=="%__envmgr_before%" @goto prepend
@set "__envmgr_after=%__envmgr_after:;;=;%"
@set "PATH=%__envmgr_after:~1,-1%"
@exit /b 0
:prepend
@if defined __envmgr_new @set "PATH=%__envmgr_new%;%PATH%"
@exit /b 0

:clean_up
@for /f "delims==" %%v in ('set __envmgr_ 2^>nul') do @set "%%v="
@exit /b 0
