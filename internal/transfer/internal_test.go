package transfer

import (
	"testing"

	"s3sync/internal/checksum"
)

// TestWrittenWithNone: an object without tags is continued by a run that learned in another
// way that it has none.
func TestWrittenWithNone(t *testing.T) {
	o := &object{t: &Transferrer{}, layout: checksum.Whole(1)}
	unknown := o.writtenWith()
	o.opts.Tags, o.opts.Metadata = map[string]string{}, map[string]string{}
	if got := o.writtenWith(); got != unknown {
		t.Errorf("without tags and metadata: %s, want %s", got, unknown)
	}
	o.opts.Tags = map[string]string{"a": ""}
	if got := o.writtenWith(); got == unknown {
		t.Error("a tag makes no difference")
	}
}
