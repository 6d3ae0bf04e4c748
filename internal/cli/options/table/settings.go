package table

import (
	"fmt"
	"path/filepath"
	"time"
)

// Log is how the log is written.
type Log struct {
	JSON     bool
	Spans    bool // also log the beginning and the end of stages
	NoColor  bool
	ToStderr bool
	// NoProgress shows neither the progress nor the summary. Stats is the time between two
	// lines of progress where it is not drawn; 0 is none.
	NoProgress bool
	Stats      time.Duration
}

// Own are the options of commands that a sync does not have.
type Own struct {
	JSON        bool // print JSON
	ProbeWrites bool // write to the target, and remove it again
	Policy      bool // print a policy, and do nothing else
	// Leftovers is where unfinished uploads are looked for, and nothing else is done. Those
	// that are older than AbortOlderThan, unless that is 0, are aborted, with Yes unasked.
	Leftovers      string
	AbortOlderThan time.Duration
	Yes            bool

	// Those of verify.
	Against   string // the place that is compared with a manifest
	Key       string // of the object that is proved alone
	PublicKey string // a file, or the key itself
	Proof     string // a file
	Root      string // of the manifest that a proof is from
	SHA256Sum bool   // print lines for sha256sum
	Read      bool   // read all contents
	// Output and Prices are names of files: of a plan, and of a price list.
	Output, Prices string
	List           bool // show the runs in a trash
	Force          bool // undo what was changed since, or forget what is unfinished
	All            bool // clear all
}

// Records are what a run leaves besides its log. What is empty is not wanted.
type Records struct {
	MetricsListen string // address
	// These are names of files.
	MetricsFile, FailedKeys, HTMLReport string
	// Manifest is a file or an object s3://bucket/key; SignKey is the file of the key
	// that signs it.
	Manifest, SignKey string
}

// Distinct fails if two records would be one file.
func (r *Records) Distinct() error {
	seen := make(map[string]string)
	for _, record := range []struct{ option, name string }{
		{"--html-report", r.HTMLReport}, {"--failed-keys", r.FailedKeys}, {"--metrics-file", r.MetricsFile}, {"--manifest", r.Manifest},
	} {
		name := filepath.Clean(record.name)
		if other := seen[name]; other != "" && record.name != "" {
			return fmt.Errorf("%s and %s name the same file", other, record.option)
		}
		seen[name] = record.option
	}
	if r.SignKey != "" && r.Manifest == "" {
		return fmt.Errorf("--sign-key signs a manifest, and there is no --manifest")
	}
	return nil
}
