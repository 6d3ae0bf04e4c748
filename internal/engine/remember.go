package engine

import (
	"s3sync/internal/plan"
	"s3sync/internal/transfer"
)

// remember tells the memory of an object that was transferred.
func (e *Engine) remember(a *plan.Action, result *transfer.Result) {
	m := e.opts.Memory
	if m == nil || !e.carry.writes() {
		return
	}
	if f := result.File; f != nil {
		if f.Written {
			m.Wrote(&f.Object, f.Digests)
		} else {
			m.Sent(&f.Object, f.After, f.Digests)
		}
		return
	}
	v := &result.Verification
	if (v.ETag || v.Checksum) && !e.source.Caps.Files && !e.target.Caps.Files {
		source, target := result.Source, result.Target
		source.Key, target.Key = a.Key(), a.TargetKey
		m.Copy(&source, &target)
	}
}
