// Package report tells what a run does: it turns events into counters, log records
// and calls of the user's callback. Only the engine emits events; the stages return
// values. The log records are those of docs/logging.md, which scripts read.
package report
