export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof shells)[number];

/*
 * Each script hands the words up to the cursor to `sluice __complete` and offers what it prints. Extra certificates are
 * kept from that process: Node would parse them all before its first line, and it asks nobody anything.
 */

const bash = `# bash completion for sluice
_sluice() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null || COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
      ?*) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(SLUICE_COMPLETE_CA="\${NODE_EXTRA_CA_CERTS-}" NODE_EXTRA_CA_CERTS='' \\
    command sluice __complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
}
complete -F _sluice sluice
`;

const zsh = `#compdef sluice
# zsh completion for sluice
_sluice() {
  local line value files=0
  local -a given found lines
  given=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
  lines=("\${(@f)$(SLUICE_COMPLETE_CA="\${NODE_EXTRA_CA_CERTS-}" NODE_EXTRA_CA_CERTS='' \\
    command sluice __complete zsh "\${(@)given}" 2>/dev/null </dev/null)}")
  for line in "\${(@)lines}"; do
    [[ -z $line ]] && continue
    if [[ $line == :files ]]; then files=1; continue; fi
    value=\${line%%$'\\t'*}
    found+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( $#found )) && _describe -t sluice sluice found
  (( files )) && _files
  return 0
}
if [[ "\${funcstack[1]-}" == _sluice ]]; then
  _sluice "$@"
elif (( $+functions[compdef] )); then
  compdef _sluice sluice
fi
`;

const fish = `# fish completion for sluice
function __sluice_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -lx SLUICE_COMPLETE_CA $NODE_EXTRA_CA_CERTS
    set -lx NODE_EXTRA_CA_CERTS
    for line in (command sluice __complete fish $words "$current" 2>/dev/null </dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%s\\n' $line
        end
    end
end
complete -c sluice -f -a '(__sluice_complete)'
`;

// Words travel in a variable: PowerShell before 7.3 drops an empty argument of a program.
const powershell = `# PowerShell completion for sluice
Register-ArgumentCompleter -Native -CommandName sluice -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($_.Value) { $_.Value } else { $_.Extent.Text } })
    $words += $wordToComplete
    $certificates = $env:NODE_EXTRA_CA_CERTS
    try {
        $env:SLUICE_COMPLETE_WORDS = $words -join "\`n"
        $env:SLUICE_COMPLETE_CA = $certificates
        $env:NODE_EXTRA_CA_CERTS = $null
        sluice __complete powershell 2>$null | ForEach-Object {
            $value, $about = $_ -split "\`t", 2
            if ($value -eq ':files') {
                Get-ChildItem -Name -Path "$wordToComplete*" -ErrorAction SilentlyContinue | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ProviderItem', $_)
                }
            } else {
                if (-not $about) { $about = $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
            }
        }
    } finally {
        $env:NODE_EXTRA_CA_CERTS = $certificates
        Remove-Item Env:SLUICE_COMPLETE_WORDS, Env:SLUICE_COMPLETE_CA -ErrorAction SilentlyContinue
    }
}
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };

/** Where each shell reads it at its start. */
export const completionInstall: Readonly<Record<Shell, string>> = {
  bash: `Put this into ~/.bashrc:\n  eval "$(sluice completion bash)"`,
  zsh: `Put this into ~/.zshrc, behind compinit:\n  eval "$(sluice completion zsh)"`,
  fish: `Run once:\n  sluice completion fish > ~/.config/fish/completions/sluice.fish`,
  powershell: `Put this into your $PROFILE:\n  sluice completion powershell | Out-String | Invoke-Expression`,
};
