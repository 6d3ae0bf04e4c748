//go:build !race

package s3sync_test

// race: the tests run under the race detector.
const race = false
