package metrics

import "slices"

// Names of the metrics, by the conventions of Prometheus:
// https://prometheus.io/docs/practices/naming/.
const (
	nameObjects        = "s3sync_objects_total"
	nameTransferred    = "s3sync_transferred_bytes_total"
	nameRead           = "s3sync_read_bytes_total"
	nameVerified       = "s3sync_verified_objects_total"
	nameWarnings       = "s3sync_warnings_total"
	nameRetries        = "s3sync_retries_total"
	nameObjectSeconds  = "s3sync_object_duration_seconds"
	nameObjectBytes    = "s3sync_object_size_bytes"
	nameRequests       = "s3sync_requests_total"
	nameRequestSeconds = "s3sync_request_duration_seconds"
	nameRequestRetries = "s3sync_request_retries_total"
	nameThrottled      = "s3sync_throttled_requests_total"
	nameLimit          = "s3sync_concurrency_limit"
	nameLimitInFlight  = "s3sync_concurrency_in_flight"
	nameInFlight       = "s3sync_objects_in_flight"
	nameFound          = "s3sync_found_objects"
	nameFoundBytes     = "s3sync_found_bytes"
	nameDoneBytes      = "s3sync_done_bytes"
	nameListed         = "s3sync_listing_complete"
	nameListingLag     = "s3sync_listing_lag_seconds"
	nameInfo           = "s3sync_run_info"
	nameStart          = "s3sync_run_start_time_seconds"
	nameEnd            = "s3sync_run_end_time_seconds"
	nameExit           = "s3sync_run_exit_code"
)

// A row describes one metric, for the registry and for docs/metrics.md.
type row struct{ name, kind, labels, help string }

// table returns all metrics in the order of the docs.
func table() []row {
	return []row{
		{nameObjects, "counter", "outcome", "Objects by outcome: transferred, skipped, tagged, deleted, perhaps_deleted, failed. In a dry run they are what would happen."},
		{nameVerified, "counter", "by", "Transferred objects by what verified them: etag, checksum, nothing. An object that both verify counts in both."},
		{nameTransferred, "counter", "", "Bytes of the objects that were transferred, when they arrived."},
		{nameRead, "counter", "", "Bytes of objects that were read from the source, also in attempts that failed later."},
		{nameWarnings, "counter", "", "Warnings."},
		{nameRetries, "counter", "", "Operations that failed and were tried again by s3sync. Repeated requests are counted apart."},
		{nameObjectSeconds, "histogram", "", "How long the transfer of an object took, verification included."},
		{nameObjectBytes, "histogram", "", "Sizes of the transferred objects."},
		{nameRequests, "counter", "operation, side, status", "Requests by side (source, target), S3 operation, and class of the status: 2xx, 3xx, 4xx, 5xx, or none without an answer."},
		{nameRequestSeconds, "histogram", "operation, side", "Time from the sending of a request until its answer began."},
		{nameRequestRetries, "counter", "operation, side", "Requests that were made again, because the one before failed or was late."},
		{nameThrottled, "counter", "operation, side", "Answers that asked for fewer requests."},
		{nameLimit, "gauge", "of", "How many objects, parts and deletions (requests to delete) may be in flight now."},
		{nameLimitInFlight, "gauge", "of", "How many of them are in flight now."},
		{nameInFlight, "gauge", "", "Objects that are worked on now."},
		{nameFound, "gauge", "", "Objects that were, are or will be transferred, as far as the listings are known."},
		{nameFoundBytes, "gauge", "", "Their bytes."},
		{nameDoneBytes, "gauge", "", "Bytes of these that passed the network, also of objects that are under way. It falls when an attempt fails."},
		{nameListed, "gauge", "", "1 when the listings have ended, 0 before."},
		{nameListingLag, "gauge", "side", "Time since the last page of the listing of a bucket came, while the listings go on; then 0."},
		{nameInfo, "gauge", "source, target, version", "Always 1. The labels tell what runs."},
		{nameStart, "gauge", "", "When the run began, in Unix time."},
		{nameEnd, "gauge", "", "When the run ended. It is missing before that."},
		{nameExit, "gauge", "", "The exit code. It is missing before the end."},
	}
}

// helpOf returns the help of a metric.
func helpOf(name string) string {
	all := table()
	return all[slices.IndexFunc(all, func(r row) bool { return r.name == name })].help
}
