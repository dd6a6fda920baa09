# The shell hook of envmgr for PowerShell: (& envmgr shell-hook powershell) | Out-String | Invoke-Expression
New-Module -Name envmgr-hook -ScriptBlock {
    $Command = @('C:\Program Files\envmgr''s\envmgr.exe')
    $Root = 'C:\store'
    $ChangesPrompt = $true
    $DefaultPrompt = '({default_env}) '
    $Separator = [IO.Path]::PathSeparator
    $Sources = 'conda-meta/state', 'etc/conda/env_vars.d', 'etc/conda/activate.d', 'etc/conda/deactivate.d'

    function Get-Text([string] $Name) { [Environment]::GetEnvironmentVariable($Name) }
    function Set-Text([string] $Name, [string] $Value) { [Environment]::SetEnvironmentVariable($Name, $Value) }
    function Remove-Text([string[]] $Names) {
        foreach ($Name in $Names) { [Environment]::SetEnvironmentVariable($Name, [NullString]::Value) }
    }

    function Invoke-Own([string[]] $Arguments) {
        $Own = $Command
        if (-not (Test-Path -LiteralPath $Own[0])) {
            $Own = @((Get-Command -Name envmgr -CommandType Application | Select-Object -First 1).Source)
        }
        $Rest = @($Own | Select-Object -Skip 1) + $Arguments
        Set-Text '_ENVMGR_HOOK' '@MARK@'
        try { & $Own[0] @Rest } finally { Remove-Text '_ENVMGR_HOOK' }
    }

    function Get-Fetched([string] $Step, [string] $Target, [bool] $Quiet) {
        if ($Quiet) { $Text = Invoke-Own "_$Step", 'powershell', $Target 2>$null }
        else { $Text = Invoke-Own "_$Step", 'powershell', $Target }
        if ($LASTEXITCODE -ne 0 -or -not $Text) { return $null }
        ($Text | Out-String) | ConvertFrom-Json
    }

    function Get-Plan([string] $Prefix) {
        $File = [IO.Path]::Combine($Prefix, 'conda-meta', 'envmgr', 'run.json')
        if (-not [IO.File]::Exists($File)) { return $null }
        $Written = [IO.File]::GetLastWriteTimeUtc($File)
        foreach ($Source in $Sources) {
            $Path = [IO.Path]::Combine($Prefix, $Source)
            # Of what does not exist, the time is that of the year 1601.
            if ([IO.File]::GetLastWriteTimeUtc($Path) -gt $Written) { return $null }
        }
        try { $Plan = [IO.File]::ReadAllText($File) | ConvertFrom-Json } catch { return $null }
        if ($Plan.schema -eq 1 -and $Plan.prefix -eq $Prefix) { $Plan } else { $null }
    }

    function Get-Level {
        $Text = Get-Text 'CONDA_SHLVL'
        if ((Get-Text 'CONDA_PREFIX') -and $Text -match '^[1-9][0-9]{0,2}$') { [int] $Text } else { 0 }
    }

    function Set-Path([string[]] $Old, [string[]] $New) {
        $Path = "$Separator$(Get-Text 'PATH')$Separator"
        $Before = "$Separator$($Old -join $Separator)$Separator"
        $After = if ($New) { "$Separator$($New -join $Separator)$Separator" } else { "$Separator" }
        $At = if ($Old) { $Path.IndexOf($Before, [StringComparison]::Ordinal) } else { -1 }
        if ($At -ge 0) { $Path = $Path.Remove($At, $Before.Length).Insert($At, $After) }
        elseif ($New) { $Path = $After + $Path.Substring(1) }
        $Path = $Path.Substring(1)
        if ($Path.Length -gt 0) { $Path = $Path.Substring(0, $Path.Length - 1) }
        Set-Text 'PATH' $Path
    }

    function Invoke-Scripts($Scripts, [string] $Prefix) {
        foreach ($Script in @($Scripts)) {
            if (-not $Script -or -not $Script.EndsWith('.ps1')) { continue }
            $File = [IO.Path]::Combine($Prefix, $Script)
            if ([IO.File]::Exists($File)) { . $File }
        }
    }

    function Set-Prompt($Plan) {
        $Switch = Get-Text 'ENVMGR_CHANGEPS1'
        $IsShown = if ($Switch) { $Switch -notin '0', 'false', 'no', 'off' } else { $ChangesPrompt }
        $Text = ''
        if ($Plan -and $IsShown) {
            $Text = Get-Text 'ENVMGR_ENV_PROMPT'
            if (-not $Text) { $Text = $DefaultPrompt }
            $Text = $Text.Replace('{default_env}', $Plan.name).Replace('{prefix}', $Plan.prefix)
            $Text = $Text.Replace('{name}', [IO.Path]::GetFileName($Plan.prefix.TrimEnd('/', '\')))
        }
        Set-Text 'CONDA_PROMPT_MODIFIER' $Text
        if ($Text -and -not (Test-Path Function:\global:__envmgr_prompt)) {
            Copy-Item Function:\prompt Function:\global:__envmgr_prompt
            $Shown = { "$([Environment]::GetEnvironmentVariable('CONDA_PROMPT_MODIFIER'))$(__envmgr_prompt)" }
            Set-Item Function:\global:prompt $Shown
        }
        elseif (-not $Plan -and (Test-Path Function:\global:__envmgr_prompt)) {
            Copy-Item Function:\__envmgr_prompt Function:\global:prompt
            Remove-Item Function:\__envmgr_prompt
        }
    }

    function Set-Identity($Plan, [int] $At) {
        Set-Text 'CONDA_PREFIX' $Plan.prefix
        Set-Text 'CONDA_DEFAULT_ENV' $Plan.name
        Set-Text 'CONDA_SHLVL' "$At"
        Set-Prompt $Plan
    }

    function Enter-Plan($Plan, [int] $At) {
        Set-Identity $Plan $At
        $Names = ''
        foreach ($Pair in @($Plan.variables)) {
            if (-not $Pair) { continue }
            $Saved = "__CONDA_SHLVL_$($At - 1)_$($Pair[0])"
            $Before = Get-Text $Pair[0]
            if ($null -eq $Before) { Remove-Text $Saved } else { Set-Text $Saved $Before }
            Set-Text $Pair[0] $Pair[1]
            $Names += " $($Pair[0])"
        }
        Set-Text "_ENVMGR_NAMES_$At" $Names
        Set-Text "_ENVMGR_PREFIX_$At" $Plan.prefix
        Invoke-Scripts $Plan.activate $Plan.prefix
    }

    function Get-ActivePlan {
        $Prefix = Get-Text 'CONDA_PREFIX'
        $Plan = Get-Plan $Prefix
        if (-not $Plan) { $Plan = Get-Fetched 'deactivate' $Prefix $true }
        if (-not $Plan) { $Plan = Get-BarePlan $Prefix }
        $Plan
    }

    function Get-BarePlan([string] $Prefix) {
        $Path = @([IO.Path]::Combine($Prefix, 'bin'))
        [PSCustomObject] @{
            prefix = $Prefix; name = $Prefix; path = $Path; variables = @(); activate = @(); deactivate = @()
        }
    }

    function Exit-Plan($Plan, [int] $At) {
        $Scripts = @($Plan.deactivate)
        [array]::Reverse($Scripts)
        Invoke-Scripts $Scripts $Plan.prefix
        $Names = $null
        if ((Get-Text "_ENVMGR_PREFIX_$At") -eq (Get-Text 'CONDA_PREFIX')) { $Names = Get-Text "_ENVMGR_NAMES_$At" }
        if ($null -eq $Names) { $Names = @($Plan.variables | ForEach-Object { $_[0] }) -join ' ' }
        Remove-Text "_ENVMGR_NAMES_$At", "_ENVMGR_PREFIX_$At"
        $List = @($Names -split ' ' | Where-Object { $_ -match '^[A-Za-z_][A-Za-z0-9_]*$' })
        [array]::Reverse($List)
        foreach ($Name in $List) {
            $Saved = "__CONDA_SHLVL_$($At - 1)_$Name"
            $Before = Get-Text $Saved
            if ($null -eq $Before) { Remove-Text $Name } else { Set-Text $Name $Before; Remove-Text $Saved }
        }
    }

    function Enter-Environment([string] $Target, [bool] $Stack) {
        $Plan = $null
        if ($Target) {
            if ($Target -in '.', '..' -or $Target -match '[/\\]') {
                $Prefix = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Target)
                $Prefix = $Prefix.TrimEnd('/', '\')
            }
            else {
                $Store = Get-Text 'ENVMGR_ROOT'
                if (-not $Store) { $Store = $Root }
                $Prefix = [IO.Path]::Combine($Store, 'envs', $Target)
            }
            $Plan = Get-Plan $Prefix
        }
        if (-not $Plan) { $Plan = Get-Fetched 'activate' $Target $false }
        if (-not $Plan) { return }
        $At = Get-Level
        if ($At -eq 0) {
            if ($null -eq (Get-Text 'CONDA_SHLVL')) { Set-Text '_ENVMGR_FRESH' '1' }
            Set-Path @() $Plan.path
        }
        elseif ((Get-Text 'CONDA_PREFIX') -eq $Plan.prefix) {
            $Active = Get-ActivePlan
            Exit-Plan $Active $At
            Set-Path $Active.path $Plan.path
            Enter-Plan $Plan $At
            return
        }
        else {
            $Before = Get-Text 'CONDA_PREFIX'
            if ($Stack) { Set-Path @() $Plan.path }
            else {
                $Active = Get-ActivePlan
                Exit-Plan $Active $At
                Set-Path $Active.path $Plan.path
            }
            Set-Text "CONDA_PREFIX_$At" $Before
        }
        Remove-Text "CONDA_STACKED_$($At + 1)"
        if ($Stack -and $At -gt 0) { Set-Text "CONDA_STACKED_$($At + 1)" 'true' }
        Enter-Plan $Plan ($At + 1)
    }

    function Exit-Environment {
        $At = Get-Level
        if ($At -eq 0) { return }
        $Active = Get-ActivePlan
        Exit-Plan $Active $At
        if ($At -eq 1) {
            Set-Path $Active.path @()
            Set-Prompt $null
            Remove-Text 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_PROMPT_MODIFIER', 'CONDA_STACKED_1'
            Set-Text 'CONDA_SHLVL' '0'
            if (Get-Text '_ENVMGR_FRESH') { Remove-Text 'CONDA_SHLVL', '_ENVMGR_FRESH' }
            return
        }
        $Previous = Get-Text "CONDA_PREFIX_$($At - 1)"
        $IsStacked = [bool] (Get-Text "CONDA_STACKED_$At")
        Remove-Text "CONDA_PREFIX_$($At - 1)", "CONDA_STACKED_$At"
        $Plan = Get-Plan $Previous
        if (-not $Plan) { $Plan = Get-Fetched 'activate' "$Previous/" $true }
        if (-not $Plan) { $Plan = Get-BarePlan $Previous }
        if ($IsStacked) {
            Set-Path $Active.path @()
            Set-Identity $Plan ($At - 1)
        }
        else {
            Set-Path $Active.path $Plan.path
            Enter-Plan $Plan ($At - 1)
        }
    }

    function Update-Environment {
        if ((Get-Level) -eq 0) { return }
        $Prefix = Get-Text 'CONDA_PREFIX'
        if (Test-IsThere) { Enter-Environment "$Prefix/" $false } else { Exit-Environment }
    }

    function Test-IsThere { [IO.Directory]::Exists([IO.Path]::Combine((Get-Text 'CONDA_PREFIX'), 'conda-meta')) }

    # After a command that may have given the active environment another generation, or another place
    function Update-AfterChange([string[]] $Arguments) {
        if ((Get-Level) -eq 0) { return }
        $IsMoved = $Arguments[0] -eq 'rename' -and -not (Test-IsThere)
        $Target = ''
        for ($Index = 1; $Index -lt $Arguments.Count; $Index++) {
            if ($Arguments[$Index] -cmatch '^(-[np]|--name|--prefix)$') { $Index++ }
            elseif (-not $Arguments[$Index].StartsWith('-')) { $Target = $Arguments[$Index] }
        }
        Update-Environment
        if ($IsMoved -and $Target) { Enter-Environment $Target $false }
    }

    function envmgr {
        $Arguments = @($args | ForEach-Object { "$_" })
        $First = if ($Arguments.Count) { $Arguments[0] } else { '' }
        if ($First -eq 'activate') {
            $Stack = $false
            $Targets = @()
            for ($Index = 1; $Index -lt $Arguments.Count; $Index++) {
                $Word = $Arguments[$Index]
                if ($Word -in '--stack', '--no-stack') { $Stack = $Word -eq '--stack' }
                elseif ($Word -cmatch '^(-[np]|--name|--prefix)$' -and $Index + 1 -lt $Arguments.Count) {
                    $Index++
                    $Value = $Arguments[$Index]
                    if ($Word -cmatch '^(-p|--prefix)$' -and $Value -notmatch '[/\\]') { $Value = "./$Value" }
                    $Targets += $Value
                }
                elseif ($Word.StartsWith('-')) { Invoke-Own $Arguments; return }
                else { $Targets += $Word }
            }
            if ($Targets.Count -ne 1) {
                $Fault = "error: activate takes one environment, found $($Targets.Count)"
                [Console]::Error.WriteLine("$Fault`n`nhint: envmgr activate NAME")
                return
            }
            Enter-Environment $Targets[0] $Stack
        }
        elseif ($First -eq 'deactivate' -and $Arguments.Count -eq 1) { Exit-Environment }
        elseif ($First -eq 'reactivate') { Update-Environment }
        else {
            Invoke-Own $Arguments
            $IsChange = $First -in 'create', 'install', 'update', 'upgrade', 'remove', 'uninstall', 'rollback', 'adopt', 'rename'
            if ($First -eq 'env' -and $Arguments.Count -gt 1) { $IsChange = $Arguments[1] -in 'create', 'update', 'remove', 'config' }
            if ($LASTEXITCODE -eq 0 -and $IsChange) { Update-AfterChange $Arguments }
        }
    }

    Export-ModuleMember -Function envmgr
} | Import-Module -Global
