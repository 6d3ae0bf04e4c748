package setting

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestErrorf(t *testing.T) {
	inner := Errorf("%s was refused: %w", Name("Delete.Max"), fs.ErrPermission)
	if got, want := inner.Error(), "Delete.Max was refused: permission denied"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(inner, fs.ErrPermission) {
		t.Error("the cause is not wrapped")
	}
	for name, err := range map[string]error{
		"itself":  inner,
		"wrapped": fmt.Errorf("target: %w", inner),
		"twice":   fmt.Errorf("%w, %w", fs.ErrClosed, fmt.Errorf("x: %w", inner)),
		"joined":  errors.Join(fs.ErrClosed, inner),
	} {
		if got := Of(err); !slices.Equal(got, []string{"Delete.Max"}) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	outer := Errorf("%v, says %s: %w", Textf("%s or", Name("DryRun")), Name("Check.Mode=size"), inner)
	if got, want := strings.Join(Of(outer), " "), "DryRun Check.Mode=size Delete.Max"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Of(nil); got != nil {
		t.Errorf("of no error: %q", got)
	}
	if got := Of(fs.ErrClosed); got != nil {
		t.Errorf("of another error: %q", got)
	}
	if got := Named("see DryRun", []string{"DryRun"}).Err(); got.Error() != "see DryRun" || len(Of(got)) != 1 {
		t.Errorf("a text as an error: %v names %q", got, Of(got))
	}
}

func TestSpell(t *testing.T) {
	spell := func(setting string) string { return "--" + strings.ToLower(setting) }
	for _, tt := range []struct {
		text  string
		names []string
		want  string
	}{
		{"see Delete.Max", []string{"Delete.Max"}, "see --delete.max"},
		{"Delete.Max, Delete.Max. Delete.Max", []string{"Delete.Max"}, "--delete.max, --delete.max. --delete.max"},
		{"(Delete.Max)", []string{"Delete.Max", "Delete.Max"}, "(--delete.max)"},
		{"Delete.MaxPercent=100 and Delete.Max", []string{"Delete.Max", "Delete.MaxPercent=100"}, "--delete.maxpercent=100 and --delete.max"},
		// Part of a longer word, or not named.
		{"Delete.MaxPercent", []string{"Delete.Max"}, "Delete.MaxPercent"},
		{"Delete.Max=3 Delete.Max.X xDelete.Max", []string{"Delete.Max"}, "Delete.Max=3 Delete.Max.X xDelete.Max"},
		{"DryRun Delete.Max", []string{"Delete.Max"}, "DryRun --delete.max"},
		{"DryRun", nil, "DryRun"},
		{"", []string{"DryRun"}, ""},
	} {
		if got := Spell(tt.text, tt.names, spell); got != tt.want {
			t.Errorf("Spell(%q, %q) = %q, want %q", tt.text, tt.names, got, tt.want)
		}
	}
}
