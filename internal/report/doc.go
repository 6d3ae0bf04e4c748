// Package report reports what a run does: it turns events into counters, log records
// and calls of the user's callback. Only the engine emits events; the stages return
// values. docs/logging.md defines the log records, which scripts read.
package report
