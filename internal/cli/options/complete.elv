# Completion for s3sync. Put this into ~/.config/elvish/rc.elv:
#   eval (s3sync completion elvish | slurp)
use str

set edit:completion:arg-completer[s3sync] = {|@words|
  var lines = [(try { (external $words[0]) __complete (all $words[1..]) 2>/dev/null } catch e { nop })]
  var found = $false
  for line $lines {
    if (or (eq $line '') (str:has-prefix $line ':')) {
      continue
    }
    var parts = [(str:split &max=2 "\t" $line)]
    set found = $true
    if (== (count $parts) 2) {
      edit:complex-candidate $parts[0] &display=$parts[0]'  '$parts[1]
    } else {
      edit:complex-candidate $parts[0]
    }
  }
  # The last line holds what cobra calls the directive: its bit 2 forbids file names.
  if (and (not $found) (> (count $lines) 0) (eq $lines[-1] ':0')) {
    edit:complete-filename $words[-1]
  }
}
