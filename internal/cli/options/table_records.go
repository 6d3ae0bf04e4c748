package options

import (
	"errors"
	"net"
)

// recordOptions are what a run leaves besides its log.
func recordOptions(r *Records) []*option {
	return in(reporting, []*option{
		{
			name: "html-report", value: text(&r.HTMLReport), file: true, plain: true, env: envPrefixed,
			usage: "write a page about the run to `FILE` when it ends, for a browser",
			more:  "It also tells of a run that failed or was interrupted. It needs no network and no script, and holds no secret.",
		},
		{
			name: "failed-keys", value: text(&r.FailedKeys), file: true, plain: true, env: envPrefixed,
			usage: "write a line of JSON to `FILE` for each object that failed, when it fails",
			more:  "The file is empty if nothing failed. docs/records.md describes the fields.",
		},
		{
			name: "metrics-file", value: text(&r.MetricsFile), file: true, plain: true, env: envPrefixed,
			usage: "write metrics for Prometheus to `FILE`, every 15 seconds and at the end",
			more:  "This is for the textfile collector of the node exporter, whose files end in .prom. The file is always complete.",
		},
		{
			name: "metrics-listen", value: address(&r.MetricsListen), plain: true, env: envPrefixed,
			usage: "serve metrics for Prometheus at http://`ADDRESS`/metrics while the run lasts",
			more:  "The address is host:port, or :port for all interfaces. Nothing protects it. docs/metrics.md lists the metrics.",
		},
	})
}

// address makes the value of an address to listen at.
func address(field *string) *value {
	return of(field, func(text string) (string, error) {
		_, port, err := net.SplitHostPort(text)
		if err != nil || port == "" {
			return "", errors.New("must be host:port or :port, such as localhost:9100")
		}
		return text, nil
	}, func(text string) string { return text })
}
