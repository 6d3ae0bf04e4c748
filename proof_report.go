package s3sync

import (
	"cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// arrived reports an object that was published, and what proves it.
func (s *syncer) arrived(t *task, written storage.Info) {
	ev := Event{Key: t.it.key(), Reason: t.it.reason, Source: t.info.Object, Target: written.Object}
	ev.Source.Key = ev.Key
	t.proof.describe(&ev)
	s.checksumKept(&written)
	files := s.target.Caps().Files
	judged := s.judged(t.proof, files)
	emit := func(ty EventType, err error) {
		ev.Type, ev.Err = ty, err
		s.report.emit(ev)
	}
	if judged.etag {
		emit(EventVerified, nil)
	}
	if judged.sum {
		emit(EventChecksumVerified, nil)
	}
	if s.cfg.Verify.ReadChecksum && !s.sourceLocal && t.proof.source.told.Value == "" {
		emit(EventNoChecksum, errNoChecksum)
	}
	if judged.why != nil {
		emit(EventUnverified, judged.why)
	}
	emit(EventTransferred, nil)
}

// checksumKept warns, once, if the target does not confirm the additional checksum
// that it was asked to keep: objects may have none there.
func (s *syncer) checksumKept(written *storage.Info) {
	want := checksum.Algorithm(s.cfg.Verify.Algorithm)
	if _, kept := written.Checksum(want); kept || want == "" || s.targetLocal {
		return
	}
	s.checksumLost.Do(func() {
		text := setting.Textf("the target does not confirm that it keeps the %s checksum of %q that %s asks for: "+
			"what is written may have none", want, written.Key, algorithmSetting)
		s.report.notice(storage.Notice{Warning: true, Text: text.String(), Settings: text.Settings()})
	})
}

// A judgement is what is proved of an object on both sides together.
type judgement struct {
	etag, sum bool
	// why is set if neither of them proves a side, or each only one, so that the
	// object counts as neither.
	why error
}

// judged sums up the verdicts. A local source needs no proof, as its bytes are
// what the others are compared with; nor does a local target, which is what the
// proved bytes were written to.
func (s *syncer) judged(p *proof, localTarget bool) judgement {
	j := judgement{etag: true, sum: true}
	wanted := 0
	for _, side := range []struct {
		*evidence
		local, wantsSum bool
	}{
		{&p.source, s.sourceLocal, s.readsChecksums()},
		{&p.target, localTarget, p.algorithm != "" && s.cfg.Verify.Checksum},
	} {
		if side.local {
			continue
		}
		j.etag = j.etag && side.etag.proved
		if side.wantsSum {
			wanted++
			j.sum = j.sum && side.sum.proved
		}
		if !side.etag.proved && !side.sum.proved && j.why == nil {
			j.why = side.unproved()
		}
	}
	j.sum = j.sum && wanted > 0
	if !j.etag && !j.sum && j.why == nil {
		j.why = cmp.Or(p.source.sum.why, p.target.sum.why, errNoChecksum) // of a checksum that was asked for
	}
	return j
}

// unproved is why what the side holds is not proved.
func (e *evidence) unproved() error {
	if e.etag.why != nil {
		return e.etag.why
	}
	return e.sum.why
}

// describe puts the digests of both sides into the event; a side that keeps
// none has the one that was computed of the bytes that passed.
func (p *proof) describe(ev *Event) {
	if ev.Source.ETag == "" && p.target.etag.proved {
		ev.Source.ETag = ev.Target.ETag
	}
	if ev.Target.ETag == "" && p.source.etag.proved {
		ev.Target.ETag = ev.Source.ETag
	}
	source, target := p.source.told, p.target.told
	switch {
	case source.Value == "" && p.target.sum.proved:
		source = target
	case target.Value == "" && p.source.sum.proved:
		target = source
	}
	ev.SourceChecksum, ev.TargetChecksum = source.Value, target.Value
	ev.Algorithm = string(source.Algorithm)
	if p.algorithm != "" {
		ev.Algorithm = string(p.algorithm)
	}
	if source.Algorithm != "" && target.Algorithm != "" && source.Algorithm != target.Algorithm {
		ev.SourceChecksum = string(source.Algorithm) + ":" + source.Value
	}
}
