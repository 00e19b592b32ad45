# Completion of infer for PowerShell; `infer completions powershell` prints this file. The infer on the PATH answers.

Register-ArgumentCompleter -Native -CommandName infer -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $infer = Get-Command infer -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $infer) { return }
    $words = @()
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $constant = $element -is [System.Management.Automation.Language.StringConstantExpressionAst]
        $words += if ($constant) { $element.Value } else { $element.Extent.Text }
    }
    $words += $wordToComplete.TrimStart('"', "'")
    # One word of plain letters: before 7.3 quotes and empty words do not survive the way to a program.
    $text = ($words | ForEach-Object { $_ -replace "`n", ' ' }) -join "`n"
    $encoded = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text))
    $null, $found = & $infer __complete powershell $encoded 2>$null
    foreach ($line in $found) {
        $inserted, $shown, $about = $line -split "`t", 3
        [System.Management.Automation.CompletionResult]::new($inserted, $shown, 'ParameterValue', $about)
    }
    # No result: PowerShell offers paths.
}
