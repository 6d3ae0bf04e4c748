package request

import (
	"time"

	"s3sync/storage"
)

// A PartsPage is a page of the parts of an upload, in order of their numbers.
type PartsPage struct {
	Parts     []storage.WrittenPart
	Truncated bool // more parts follow
}

// An UploadMarker is where a page of uploads begins.
type UploadMarker struct{ Key, ID string }

// An OpenUpload is an upload that has begun and not ended.
type OpenUpload struct {
	Upload

	Began time.Time
}

// An UploadsPage is a page of a listing of uploads.
type UploadsPage struct {
	Uploads   []OpenUpload
	Truncated bool
	Next      UploadMarker // if it is truncated
}
