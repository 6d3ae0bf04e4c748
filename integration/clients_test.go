package integration_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/checksum"
	"s3sync/internal/s3server"
)

// A client uploads the files of a directory to a bucket, with its default settings.
type client struct {
	put func(t *testing.T, root string, to bucket)
	// parts is the number of parts of a file of 20 MiB and some bytes; 0 means none.
	parts int
}

// clients are other programs than s3sync. The AWS CLI needs Python, which a new machine
// may lack, so the SDK does here what the CLI does.
func clients() map[string]client {
	return map[string]client{
		"rclone": {putRclone, 0}, // see TestLargeObjectOfRclone
		"mc":     {putMC, 2},     // of 16 MiB
		// Since 2.23 it adds CRC64NVME, before that no checksum. It uploads objects of
		// 8 MiB and more in parts of that size.
		// https://docs.aws.amazon.com/cli/latest/topic/s3-config.html
		"aws-cli":     {awsCLI(types.ChecksumAlgorithmCrc64nvme), 3},
		"aws-cli old": {awsCLI(""), 3},
		// Tools on other current AWS SDKs use a CRC32 of parts instead.
		// https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
		"SDK": {awsCLI(types.ChecksumAlgorithmCrc32), 3},
	}
}

// runTool runs a program with exactly the given environment.
func runTool(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s3server.Tool(t, program), args...)
	home := t.TempDir()
	cmd.Env = append(env, "HOME="+home, "TMPDIR="+home, "PATH="+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

func putRclone(t *testing.T, root string, to bucket) {
	t.Helper()
	runTool(t, []string{
		"RCLONE_CONFIG_T_TYPE=s3", "RCLONE_CONFIG_T_PROVIDER=Other", "RCLONE_CONFIG_T_ENDPOINT=" + to.Endpoint,
		"RCLONE_CONFIG_T_ACCESS_KEY_ID=" + to.AccessKey, "RCLONE_CONFIG_T_SECRET_ACCESS_KEY=" + to.SecretKey,
		"RCLONE_CONFIG_T_REGION=" + to.Region,
	}, "rclone", "--config", "", "copy", root, "t:"+to.name)
}

func putMC(t *testing.T, root string, to bucket) {
	t.Helper()
	host := strings.Replace(to.Endpoint, "://", "://"+to.AccessKey+":"+to.SecretKey+"@", 1)
	runTool(t, []string{"MC_HOST_t=" + host}, "mc", "--quiet", "cp", "--recursive", root+"/", "t/"+to.name)
}

func awsCLI(a types.ChecksumAlgorithm) func(t *testing.T, root string, to bucket) {
	const limit = 8 * s3sync.MiB
	return func(t *testing.T, root string, to bucket) {
		t.Helper()
		for name, path := range tree(t, root) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			parts := [][]byte{data}
			if len(data) >= limit {
				parts = slices.Collect(slices.Chunk(data, limit))
			}
			switch {
			case a != "":
				to.putSum(t, name, a, a == types.ChecksumAlgorithmCrc64nvme, parts...)
			case len(parts) > 1:
				to.putParts(t, name, parts...)
			default:
				to.put(t, name, data)
			}
		}
	}
}

// clientSizes are sizes below and above the part sizes of all clients.
func clientSizes() map[string]int {
	return map[string]int{"empty": 0, "small": 1000, "eight": 8 * s3sync.MiB, "twenty": 20*s3sync.MiB + 7}
}

// TestObjectsOfOtherClients: objects of other clients are found equal to their files,
// and are verified in downloads and copies, without settings for their part sizes.
// Later changes are found, too.
func TestObjectsOfOtherClients(t *testing.T) {
	t.Parallel()
	content, n := map[string][]byte{}, int64(len(clientSizes()))
	for key, size := range clientSizes() {
		content[key] = random(byte(len(key)), size)
	}
	files, others := writeAll(t, content), writeAll(t, changed(content))
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, client := range clients() {
			t.Run(name, func(t *testing.T) {
				counterpart, target, root := newBucket(t, srv), newBucket(t, srv), t.TempDir()
				client.put(t, files.URL, counterpart)
				if got := counterpart.parts(t, "twenty"); got != client.parts {
					t.Errorf("20 MiB are in %d parts, want %d", got, client.parts)
				}
				counterpart.contains(t, content, slices.Collect(maps.Keys(content)))
				compare := func(check s3sync.Check, from, to s3sync.Endpoint, differ int64) {
					t.Helper()
					cfg := config(from, to)
					cfg.Check, cfg.DryRun = check, true
					if o := run(t, cfg); o.err != nil || o.Warnings != 0 || o.Transferred != differ || o.Skipped != n-differ {
						t.Errorf("%+v: %v, %+v\n%s", check, o.err, o.Stats, o.log)
					}
				}
				checks := []s3sync.Check{{Mode: s3sync.CheckETag}}
				for _, a := range counterpart.algorithms(t, content) {
					checks = append(checks, s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: a})
				}
				for _, check := range checks {
					compare(check, files, counterpart.at(""), 0)
					compare(check, counterpart.at(""), files, 0)
				}
				compare(checks[0], others, counterpart.at(""), n-1) // except the empty one
				down, across := config(counterpart.at(""), local(root)), config(counterpart.at(""), target.at(""))
				for _, cfg := range []*s3sync.Config{down, across} {
					cfg.Verify.ReadChecksum = len(checks) > 1
					run(t, cfg).succeeded(t, int(n))
				}
				if got := sameTree(t, files.URL, root); int64(got) != n {
					t.Errorf("%d files", got)
				}
				target.contains(t, content, slices.Collect(maps.Keys(content)))
			})
		}
	})
}

// algorithms returns the algorithms of additional checksums that all objects have.
func (b bucket) algorithms(t *testing.T, content map[string][]byte) []string {
	t.Helper()
	count := map[string]int{}
	for key := range content {
		out, err := b.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		for a, value := range map[checksum.Algorithm]*string{
			checksum.CRC32: out.ChecksumCRC32, checksum.CRC32C: out.ChecksumCRC32C, checksum.CRC64NVME: out.ChecksumCRC64NVME,
			checksum.SHA1: out.ChecksumSHA1, checksum.SHA256: out.ChecksumSHA256,
		} {
			if value != nil {
				count[string(a)]++
			}
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n < len(content) })
	return slices.Sorted(maps.Keys(count))
}

// parts returns the number of parts in an ETag, 0 if it has none.
func (b bucket) parts(t *testing.T, key string) int {
	t.Helper()
	out, err := b.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	n, ok := checksum.ParseETag(strings.Trim(*out.ETag, `"`))
	if !ok {
		t.Fatalf("%s is no digest", *out.ETag)
	}
	return n
}

// TestLargeObjectOfRclone: rclone uploads files of 200 MiB and more in parts of 5 MiB.
// The file is sparse, so it needs little space.
func TestLargeObjectOfRclone(t *testing.T) {
	t.Parallel()
	const size = 205*s3sync.MiB + 3
	// MinIO has no checksum of all bytes, which would be sufficient as well.
	root, target, counterpart := t.TempDir(), t.TempDir(), newBucket(t, s3server.Shared(t, s3server.MinIO))
	path := filepath.Join(root, "large")
	write(t, root, "large", random(1, 1000))
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	putRclone(t, root, counterpart)
	if got := counterpart.parts(t, "large"); got != 42 {
		t.Fatalf("it is in %d parts", got)
	}
	cfg := config(local(root), counterpart.at(""))
	cfg.Check.Mode, cfg.DryRun = s3sync.CheckETag, true
	if o := run(t, cfg); o.err != nil || o.Skipped != 1 {
		t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
	}
	run(t, config(counterpart.at(""), local(target))).succeeded(t, 1)
	got, err := os.ReadFile(filepath.Join(target, "large"))
	if err != nil || len(got) != size || !bytes.Equal(got[:1000], random(1, 1000)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
