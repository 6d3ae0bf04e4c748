package transfer

import "s3sync/storage"

// file returns what is known of the file on one side of an object that was published, or nil
// if neither side or each side has files, or if the target did not identify the file.
func (o *object) file(written *storage.Info) *File {
	t := o.t
	switch sourceFiles, targetFiles := t.source.Caps.Files, t.target.Caps.Files; {
	case !t.opts.KeepDigests || sourceFiles == targetFiles:
		return nil
	case sourceFiles:
		f := &File{Object: o.info.Object, After: o.began, Digests: o.verification.Computed()}
		f.Object.Key = o.a.Key()
		return f
	}
	if !written.File.Known() {
		return nil
	}
	f := &File{Written: true, Object: written.Object, After: o.began, Digests: o.verification.Computed()}
	f.Object.Key = o.a.TargetKey
	return f
}
