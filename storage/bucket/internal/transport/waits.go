package transport

import (
	"fmt"
	"time"

	"s3sync/storage/bucket/internal/hedge"
)

// Operations that take the server a long time get workFactor times the usual time for
// their answers, but at most workTime. S3 sends blanks while it puts an object together.
// Other servers do not, and a copy of 5 GiB takes some minutes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
const (
	workFactor = 15
	workTime   = 15 * time.Minute
)

// repliesBeforeDone reports whether the work of an operation takes the server a long
// time, before its answer or after the answer has begun. The transfer does not stall then.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func repliesBeforeDone(operation string) bool {
	return operation == "CopyObject" || operation == "UploadPartCopy" || operation == "CompleteMultipartUpload"
}

// A stage is a part of a request that has a limit of time. Stages may overlap.
type stage int

const (
	attempting  stage = iota // until the answer begins
	uploading                // between two bytes of the request
	answering                // from the last byte of the request to the first one of its answer
	downloading              // between two bytes of the answer
	hedging                  // of a read, until it may be asked again
	stages
)

// overdue says what has exceeded the limit of a stage.
func (s stage) overdue() string {
	switch s {
	case uploading:
		return "the upload made no progress"
	case downloading:
		return "the download made no progress"
	default:
		return "no answer to a request"
	}
}

// limits are those of the stages of a request. 0 is no limit.
type limits [stages]time.Duration

// limits returns the limits of an operation. None is below o.shortest.
func (o *Options) limits(operation string) limits {
	l := limits{
		attempting: max(o.AttemptTimeout, 0), uploading: max(o.StallTimeout, 0),
		answering: max(o.ReadTimeout, 0), downloading: max(o.StallTimeout, 0),
	}
	if l[answering] > 0 {
		l[downloading] = min(l[downloading], l[answering])
	}
	if repliesBeforeDone(operation) {
		if l[answering] < workTime {
			l[answering] = min(workFactor*l[answering], workTime)
		}
		l[downloading] = l[answering]
	}
	if isRead(operation) && l != (limits{}) { // or nothing could end the first request
		l[hedging] = hedge.MinWait
	}
	return l
}

// shortest is the shortest limit of all operations, or 0 if there is none.
func (o *Options) shortest() (least time.Duration) {
	for _, limit := range []time.Duration{o.AttemptTimeout, o.StallTimeout, o.ReadTimeout} {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return min(least, hedge.MinWait)
}

// A TimeoutError says which of the limits of this package a request exceeded.
type TimeoutError struct {
	What  string
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("%s for %v", e.What, e.After) }

// Timeout makes it a net.Error that reports a time-out.
func (e *TimeoutError) Timeout() bool { return true }
