@rem Written by envmgr: its hook for cmd calls this file. Schema 1.
@goto %1
:describe
@set "__envmgr_prefix=C:\store\envs\it's 100%%"
@set "__envmgr_path=C:\store\envs\it's 100%%;C:\store\envs\it's 100%%\Library\bin"
@set "__envmgr_names=A EMPTY"
@exit /b 0
:identify
@set "CONDA_PREFIX=C:\store\envs\it's 100%%"
@set "CONDA_DEFAULT_ENV=it's 100%%"
@set "CONDA_SHLVL=%__envmgr_level%"
@set "CONDA_PROMPT_MODIFIER=%__envmgr_env_prompt:{default_env}=it_s 100_%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{name}=C:_store_envs_it_s 100_%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{prefix}=C:_store_envs_it_s 100_%"
@if not "%__envmgr_changes_prompt%"=="1" @set "CONDA_PROMPT_MODIFIER="
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=%PROMPT%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=$P$G"
@set "PROMPT=%CONDA_PROMPT_MODIFIER%%_ENVMGR_PROMPT%"
@exit /b 0
:enter
@set "CONDA_PREFIX=C:\store\envs\it's 100%%"
@set "CONDA_DEFAULT_ENV=it's 100%%"
@set "CONDA_SHLVL=%__envmgr_level%"
@set "CONDA_PROMPT_MODIFIER=%__envmgr_env_prompt:{default_env}=it_s 100_%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{name}=C:_store_envs_it_s 100_%"
@set "CONDA_PROMPT_MODIFIER=%CONDA_PROMPT_MODIFIER:{prefix}=C:_store_envs_it_s 100_%"
@if not "%__envmgr_changes_prompt%"=="1" @set "CONDA_PROMPT_MODIFIER="
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=%PROMPT%"
@if not defined _ENVMGR_PROMPT @set "_ENVMGR_PROMPT=$P$G"
@set "PROMPT=%CONDA_PROMPT_MODIFIER%%_ENVMGR_PROMPT%"
@set A=say ^"hi^" ^& exit %%PATH%%
@set "EMPTY="
@set "_ENVMGR_NAMES_%__envmgr_level%=A EMPTY"
@set "_ENVMGR_PREFIX_%__envmgr_level%=C:\store\envs\it's 100%%"
@if exist "C:\store\envs\it's 100%%\etc\conda\activate.d\a.bat" @call "C:\store\envs\it's 100%%\etc\conda\activate.d\a.bat"
@exit /b 0
:leave
@if exist "C:\store\envs\it's 100%%\etc\conda\deactivate.d\a.bat" @call "C:\store\envs\it's 100%%\etc\conda\deactivate.d\a.bat"
@set "__envmgr_names=A EMPTY"
@exit /b 0
