package s3sync_test

import "os"

// soaks reports whether there is time for many trials.
func soaks() bool { return os.Getenv("S3SYNC_SOAK") != "" }
