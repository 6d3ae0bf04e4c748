//go:build race

package integration_test

// raceDetector: the tests run under the race detector.
const raceDetector = true
