package doclines

import (
	"fmt"
	"testing"
)

func TestShellWords(t *testing.T) {
	for line, want := range map[string]string{
		`s3sync -v a 's3://b/c d/' # up`:                            `[[s3sync -v a s3://b/c d/]]`,
		`cd /x && s3sync --a="b c" d 2>err.log >>out | tee log; ls`: `[[cd /x] [] [s3sync --a=b c d] [tee log] [ls]]`,
		`source <(s3sync completion bash)`:                          `[[source] [s3sync completion bash] []]`,
		`s3sync '' x`:                                               `[[s3sync  x]]`,
	} {
		if got := fmt.Sprint(shellWords(line)); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}

func TestOf(t *testing.T) {
	const page = "Call `s3sync -v a b`, or `s3sync-cluster worker --slots 2`.\n\n<!-- refused -->\n```sh\ns3sync-cluster status \\\n  x\ns3sync c d\n```\n"
	for program, want := range map[string]string{
		"s3sync":         "[p:1: s3sync -v a b p:7: s3sync c d]",
		"s3sync-cluster": "[p:1: s3sync-cluster worker --slots 2 p:5: s3sync-cluster status x]",
	} {
		lines := Of(program, "p", page)
		if got := fmt.Sprint(lines); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, l := range lines {
			if (l.Mark == "refused") != (l.Block == 4) {
				t.Errorf("%s: mark %q in block %d", l, l.Mark, l.Block)
			}
		}
	}
}
