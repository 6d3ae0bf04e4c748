package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"s3sync/internal/bench/internal/floor"
)

// A job is one run of a tool.
type job struct {
	work           work
	endpoint       string // URL
	ca             string // file, with TLS
	source, target string // directories, or s3://BUCKET
	workers        int    // 0: the tool's default
	scratch        string // a directory for files of configuration
	delay          time.Duration
}

func (j job) fromBucket() bool { return isBucket(j.source) }
func (j job) toBucket() bool   { return isBucket(j.target) }

func isBucket(address string) bool { return strings.HasPrefix(address, "s3://") }

// A tool is a program that syncs.
type tool struct {
	name string
	// command is the command line of a job.
	command func(job) ([]string, error)
	// env are the variables besides the usual ones.
	env func(job) []string
	// ours is set for s3sync: failures of others are told but are none of ours.
	ours bool
}

// environment is ours without what could change a tool, and with what all tools
// understand.
func environment(j job) (env []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc([]string{"AWS", "S3SYNC", "RCLONE", "MC_", "S3_"}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			env = append(env, v)
		}
	}
	env = append(env, "AWS_ACCESS_KEY_ID="+floor.AccessKey, "AWS_SECRET_ACCESS_KEY="+floor.SecretKey, "AWS_REGION="+floor.Region, "AWS_DEFAULT_REGION="+floor.Region,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	state := filepath.Join(j.scratch, "state") // what s3sync keeps for later runs, which there are none of
	env = append(env, "XDG_STATE_HOME="+state, "LOCALAPPDATA="+state)
	if j.ca != "" {
		env = append(env, "AWS_CA_BUNDLE="+j.ca, "SSL_CERT_FILE="+j.ca)
	}
	return env
}

// floorTool is the floor. Without a number it has so many workers that a request never
// waits for another at 10,000 requests/s.
func floorTool(bench string) tool {
	return tool{name: "floor", command: func(j job) ([]string, error) {
		workers := j.workers
		if workers == 0 {
			workers = min(max(16, int(10_000*j.delay.Seconds())), 1000)
		}
		command := []string{bench, "floor", "-endpoint", j.endpoint, "-workers", strconv.Itoa(workers)}
		switch j.work {
		case up:
			command = append(command, "up")
		case down:
			command = append(command, "down")
		case mirror, prune:
			command = append(command, "-delete", "compare")
		case same, pairs:
			command = append(command, "compare")
		}
		return append(command, j.source, j.target), nil
	}}
}

// s3syncTool is s3sync with its defaults.
func s3syncTool(name, binary string) tool {
	return tool{name: name, ours: true, command: func(j job) ([]string, error) {
		command := []string{binary}
		if j.work.deletes() {
			command = append(command, "--max-delete-percent", "100")
		}
		return append(command, s3syncOptions(j)...), nil
	}}
}

// s3syncOptions are the same for s3sync and for the earlier program.
func s3syncOptions(j job) (options []string) {
	if j.fromBucket() {
		options = append(options, "--source-endpoint-url", j.endpoint, "--source-force-path-style")
	}
	if j.toBucket() {
		options = append(options, "--target-endpoint-url", j.endpoint, "--target-force-path-style")
	}
	if j.workers > 0 {
		options = append(options, "--worker-size", strconv.Itoa(j.workers))
	}
	if j.work.deletes() {
		options = append(options, "--delete")
	}
	return append(options, j.source, j.target)
}

// peers are the other tools that the environment names.
func peers(env func(string) string) (tools []tool) {
	for _, p := range []struct {
		variable string
		tool     func(binary string) tool
	}{{"RCLONE", rclone}, {"S5CMD", s5cmd}, {"UPSTREAM", upstream}, {"AWS", aws}, {"MC", mc}} {
		if binary := env(p.variable); binary != "" {
			tools = append(tools, p.tool(binary))
		}
	}
	return tools
}

func upstream(binary string) tool {
	return tool{name: "upstream", command: func(j job) ([]string, error) { return append([]string{binary}, s3syncOptions(j)...), nil }}
}

// rclone verifies the MD5 of small objects. It compares the times of listings, as
// s3sync does, and not those in the metadata, which would need a request per object.
func rclone(binary string) tool {
	return tool{name: "rclone", command: func(j job) ([]string, error) {
		options := []string{
			binary, "sync", "--update", "--use-server-modtime",
			"--s3-upload-cutoff", "8Mi", "--s3-chunk-size", "8Mi", "--s3-upload-concurrency", "16",
			"--multi-thread-cutoff", "8Mi", "--multi-thread-chunk-size", "8Mi", "--multi-thread-streams", "16",
		}
		if j.workers > 0 {
			options = append(options, "--transfers", strconv.Itoa(j.workers), "--checkers", strconv.Itoa(j.workers))
		}
		if j.ca != "" {
			options = append(options, "--ca-cert", j.ca)
		}
		if j.work == up || j.work == same { // rclone sync deletes, copy does not
			options[1] = "copy"
		}
		remote := func(address string) string { return strings.Replace(address, "s3://", "b:", 1) }
		return append(options, remote(j.source), remote(j.target)), nil
	}, env: func(j job) []string {
		return []string{
			"RCLONE_CONFIG=" + os.DevNull, "RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other", "RCLONE_CONFIG_B_ENDPOINT=" + j.endpoint,
			"RCLONE_CONFIG_B_REGION=" + floor.Region, "RCLONE_CONFIG_B_FORCE_PATH_STYLE=true", "RCLONE_CONFIG_B_NO_CHECK_BUCKET=true", "RCLONE_CONFIG_B_LIST_VERSION=2",
			"RCLONE_CONFIG_B_ACCESS_KEY_ID=" + floor.AccessKey, "RCLONE_CONFIG_B_SECRET_ACCESS_KEY=" + floor.SecretKey,
		}
	}}
}

// s5cmd copies with cp where the target is empty, because its sync takes several times
// the CPU time.
func s5cmd(binary string) tool {
	return tool{name: "s5cmd", command: func(j job) ([]string, error) {
		options := []string{binary, "--endpoint-url", j.endpoint, "--log", "error"}
		if j.workers > 0 {
			options = append(options, "--numworkers", strconv.Itoa(j.workers))
		}
		switch j.work {
		case up, down:
			options = append(options, "cp")
		case same, pairs:
			options = append(options, "sync")
		case mirror, prune:
			options = append(options, "sync", "--delete")
		}
		from := j.source + "/"
		if j.fromBucket() {
			from += "*"
		}
		return append(options, from, j.target+"/"), nil
	}}
}

// aws has its number of requests in its configuration.
func aws(binary string) tool {
	config := func(j job) string { return filepath.Join(j.scratch, "aws-config") }
	return tool{name: "aws", command: func(j job) ([]string, error) {
		text := "[default]\ns3 =\n  addressing_style = path\n"
		if j.workers > 0 {
			text += fmt.Sprintf("  max_concurrent_requests = %d\n", j.workers)
		}
		options := []string{binary, "--endpoint-url", j.endpoint, "s3", "sync", "--only-show-errors", j.source, j.target}
		if j.work.deletes() {
			options = append(options, "--delete")
		}
		return options, os.WriteFile(config(j), []byte(text), 0o600)
	}, env: func(j job) []string { return []string{"AWS_CONFIG_FILE=" + config(j)} }}
}

// mc chooses the number of objects at once itself.
func mc(binary string) tool {
	return tool{name: "mc", command: func(j job) ([]string, error) {
		options := []string{binary, "--quiet", "mirror"}
		if j.work.deletes() {
			options = append(options, "--remove")
		}
		remote := func(address string) string { return strings.Replace(address, "s3://", "b/", 1) }
		return append(options, remote(j.source), remote(j.target)), nil
	}, env: func(j job) []string {
		host := j.endpoint
		if u, err := url.Parse(j.endpoint); err == nil {
			u.User = url.UserPassword(floor.AccessKey, floor.SecretKey)
			host = u.String()
		}
		return []string{"MC_HOST_b=" + host, "MC_CONFIG_DIR=" + filepath.Join(j.scratch, "mc")}
	}}
}
