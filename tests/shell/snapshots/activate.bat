@rem Written by envmgr: its hook for cmd calls this file. Schema 1.
@goto %1
:describe
@set "__envmgr_prefix=C:\store\envs\it's 100%%"
@set "__envmgr_path=C:\store\envs\it's 100%%;C:\store\envs\it's 100%%\Library\bin"
@exit /b 0
:identify
@set "CONDA_PREFIX=C:\store\envs\it's 100%%"
@set "CONDA_DEFAULT_ENV=it's 100%%"
@set "CONDA_SHLVL=%__envmgr_level%"
@set "CONDA_PROMPT_MODIFIER="
@if "%ENVMGR_CHANGEPS1%"=="1" @call set "CONDA_PROMPT_MODIFIER=%%ENVMGR_ENV_PROMPT:{default_env}=it_s 100_%%"
@if defined CONDA_PROMPT_MODIFIER @call set "CONDA_PROMPT_MODIFIER=%%CONDA_PROMPT_MODIFIER:{name}=C:_store_envs_it_s 100_%%"
@if defined CONDA_PROMPT_MODIFIER @call set "CONDA_PROMPT_MODIFIER=%%CONDA_PROMPT_MODIFIER:{prefix}=C:_store_envs_it_s 100_%%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=%PROMPT%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=$P$G"
@set "PROMPT=%CONDA_PROMPT_MODIFIER%%_ENVMGR_PROMPT%"
@exit /b 0
:enter
@set "CONDA_PREFIX=C:\store\envs\it's 100%%"
@set "CONDA_DEFAULT_ENV=it's 100%%"
@set "CONDA_SHLVL=%__envmgr_level%"
@set "CONDA_PROMPT_MODIFIER="
@if "%ENVMGR_CHANGEPS1%"=="1" @call set "CONDA_PROMPT_MODIFIER=%%ENVMGR_ENV_PROMPT:{default_env}=it_s 100_%%"
@if defined CONDA_PROMPT_MODIFIER @call set "CONDA_PROMPT_MODIFIER=%%CONDA_PROMPT_MODIFIER:{name}=C:_store_envs_it_s 100_%%"
@if defined CONDA_PROMPT_MODIFIER @call set "CONDA_PROMPT_MODIFIER=%%CONDA_PROMPT_MODIFIER:{prefix}=C:_store_envs_it_s 100_%%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=%PROMPT%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=$P$G"
@set "PROMPT=%CONDA_PROMPT_MODIFIER%%_ENVMGR_PROMPT%"
@set "__CONDA_SHLVL_%__envmgr_below%_A="
@if defined A @call set "__CONDA_SHLVL_%__envmgr_below%_A=%%A%%"
@set "A=say "hi" & exit %%PATH%%"
@set "__CONDA_SHLVL_%__envmgr_below%_EMPTY="
@if defined EMPTY @call set "__CONDA_SHLVL_%__envmgr_below%_EMPTY=%%EMPTY%%"
@set "EMPTY="
@set "_ENVMGR_NAMES_%__envmgr_level%= A EMPTY"
@if exist "C:\store\envs\it's 100%%/etc/conda/activate.d/a.bat" @call "C:\store\envs\it's 100%%/etc/conda/activate.d/a.bat"
@exit /b 0
:leave
@if exist "C:\store\envs\it's 100%%/etc/conda/deactivate.d/a.bat" @call "C:\store\envs\it's 100%%/etc/conda/deactivate.d/a.bat"
@set "__envmgr_names= A EMPTY"
@exit /b 0
