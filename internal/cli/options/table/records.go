package table

import (
	"errors"
	"net"

	"s3sync/internal/cli/options/value"
)

// recordOptions are what a run leaves besides its log.
func recordOptions(r *Records) []*Option {
	return in(Reporting, []*Option{
		{
			Name: "html-report", Value: value.Text(&r.HTMLReport), File: true, Writes: true, Plain: true, Env: EnvPrefixed,
			Usage: "write a page about the run to `FILE` when it ends, for a browser",
			More:  "It also tells of a run that failed or was interrupted. It needs no network and no script, and holds no secret.",
		},
		{
			Name: "failed-keys", Value: value.Text(&r.FailedKeys), File: true, Writes: true, Plain: true, Env: EnvPrefixed,
			Usage: "write a line of JSON to `FILE` for each object that failed, when it fails",
			More:  "The file is empty if nothing failed. docs/records.md describes the fields.",
		},
		{
			Name: "manifest", Value: value.Text(&r.Manifest), File: true, Writes: true, Plain: true, Env: EnvPrefixed,
			Usage: "write a proof of the run to `FILE` or s3://bucket/key when it ends",
			More: "It has a line of JSON for each object, with digests of both sides, and is checked by s3sync verify. It replaces no other file. " +
				"A name that ends in .zst or .gz compresses it. docs/manifest.md describes it.",
		},
		{
			Name: "sign-key", Value: value.Text(&r.SignKey), File: true, Plain: true, Env: EnvPrefixed,
			Usage: "sign the manifest with the secret key of minisign in `FILE`",
			More: "The signature has the name of the manifest and .minisig. The password of the key is asked for, or read from the variable " +
				PasswordVariable + ".",
		},
		{
			Name: "metrics-file", Value: value.Text(&r.MetricsFile), File: true, Writes: true, Plain: true, Env: EnvPrefixed,
			Usage: "write metrics for Prometheus to `FILE`, every 15 seconds and at the end",
			More:  "This is for the textfile collector of the node exporter, whose files end in .prom. The file is always complete.",
		},
		{
			Name: "metrics-listen", Value: address(&r.MetricsListen), Plain: true, Env: EnvPrefixed,
			Usage: "serve metrics for Prometheus at http://`ADDRESS`/metrics while the run lasts",
			More:  "The address is host:port, or :port for all interfaces. Nothing protects it. docs/metrics.md lists the metrics.",
		},
	})
}

// address makes the value of an address to listen at.
func address(field *string) *value.Value {
	return value.Of(field, func(text string) (string, error) {
		_, port, err := net.SplitHostPort(text)
		if err != nil || port == "" {
			return "", errors.New("must be host:port or :port, such as localhost:9100")
		}
		return text, nil
	}, func(text string) string { return text })
}
