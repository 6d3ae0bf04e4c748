package s3sync

// SyncUnchecked is Sync with a Config that Validate need not accept: one that cuts
// objects into parts of some bytes.
var SyncUnchecked = syncValid
