@rem written by `envmgr tool` for ruff
@setlocal
@set "__envmgr_level=1"
@call "C:\store\tools\ruff\conda-meta\envmgr\activate.bat" describe
@set "PATH=%__envmgr_path%;%PATH%"
@call "C:\store\tools\ruff\conda-meta\envmgr\activate.bat" enter
@"ruff" %*
