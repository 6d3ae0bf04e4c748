package page

import "time"

// IsArchive reports whether objects of a storage class must mostly be restored to be read.
// That some of INTELLIGENT_TIERING must be shows nowhere but in their HEAD.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
func IsArchive(class string) bool { return class == "GLACIER" || class == "DEEP_ARCHIVE" }

// A Restore is what a listing says of the restored copy of an archived object.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreStatus.html
type Restore struct {
	Known      bool // it says something
	InProgress bool
	Expiry     time.Time // zero: not named
}

// Archival reports whether an object in a listing whose class is one of archives can be
// read. A restored copy can be read. An object without a status was never restored, or the
// server does not report the status. So archived is certain only while a restoration is in
// progress.
func (r Restore) Archival(now time.Time) (archived, maybe bool) {
	switch {
	case !r.Known:
		return false, true
	case r.InProgress:
		return true, false
	}
	return false, !r.Expiry.After(now)
}
