doskey envmgr=call "C:\store\shell\hook.bat" $*
