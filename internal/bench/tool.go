package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const bucketName = "bench"

// An endpoint is a server and the keys to it.
type endpoint struct {
	url, region, accessKey, secretKey string
}

// A tool is a program that syncs.
type tool struct {
	name string
	// command is the command line that uploads the directory from, or downloads
	// to the directory to.
	command func(e endpoint, from, to string) *exec.Cmd
}

// s3syncTool is s3sync with its defaults, unless options change them: 16 objects and
// 16 parts at once, parts of 8 MiB, everything verified.
func s3syncTool(name, binary string, options ...string) tool {
	return tool{name, func(e endpoint, from, to string) *exec.Cmd {
		remote := "s3://" + bucketName + "/tree/"
		args := []string{"--target-endpoint-url", e.url, "--target-force-path-style", from, remote}
		if from == "" {
			args = []string{"--source-endpoint-url", e.url, "--source-force-path-style", remote, to}
		}
		cmd := exec.Command(binary, slices.Concat(options, args)...)
		cmd.Env = environment("AWS_", "S3SYNC_")
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+e.accessKey, "AWS_SECRET_ACCESS_KEY="+e.secretKey,
			"AWS_REGION="+e.region, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
		return cmd
	}}
}

// rcloneTool is rclone with the same numbers of objects and parts at once, the
// same size of parts, and its own defaults otherwise, which verify the MD5 of
// what was transferred.
func rcloneTool(binary string) tool {
	return tool{"rclone", func(e endpoint, from, to string) *exec.Cmd {
		remote := "b:" + bucketName + "/tree"
		sides := []string{from, remote}
		if from == "" {
			sides = []string{remote, to}
		}
		cmd := exec.Command(binary, append([]string{
			"sync", "--transfers", "16", "--checkers", "16",
			"--s3-upload-cutoff", "8Mi", "--s3-chunk-size", "8Mi", "--s3-upload-concurrency", "16",
			"--multi-thread-cutoff", "8Mi", "--multi-thread-chunk-size", "8Mi", "--multi-thread-streams", "16",
		}, sides...)...)
		cmd.Env = append(environment("AWS_", "RCLONE"), "RCLONE_CONFIG="+os.DevNull,
			"RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other", "RCLONE_CONFIG_B_ENDPOINT="+e.url,
			"RCLONE_CONFIG_B_REGION="+e.region, "RCLONE_CONFIG_B_FORCE_PATH_STYLE=true", "RCLONE_CONFIG_B_NO_CHECK_BUCKET=true", "RCLONE_CONFIG_B_LIST_VERSION=2",
			"RCLONE_CONFIG_B_ACCESS_KEY_ID="+e.accessKey, "RCLONE_CONFIG_B_SECRET_ACCESS_KEY="+e.secretKey)
		return cmd
	}}
}

// environment is ours without the variables that begin with a prefix.
func environment(without ...string) (env []string) {
next:
	for _, v := range os.Environ() {
		for _, prefix := range without {
			if strings.HasPrefix(v, prefix) {
				continue next
			}
		}
		env = append(env, v)
	}
	return env
}

// A sample is one measured run.
type sample struct {
	user, system, elapsed time.Duration
	memory                int64 // bytes: peak resident set, 0 if not reported
}

// measure runs a command to its end.
func measure(ctx context.Context, template *exec.Cmd) (sample, error) {
	cmd := exec.CommandContext(ctx, template.Path, template.Args[1:]...)
	cmd.Env = template.Env
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%v: %w\n%s", cmd, err, output.String())
	}
	return sample{
		user:    cmd.ProcessState.UserTime(),
		system:  cmd.ProcessState.SystemTime(),
		elapsed: time.Since(start),
		memory:  peakMemory(cmd.ProcessState),
	}, nil
}

// writeFiles writes n files of random bytes below dir, a hundred to a folder. It uses
// little memory, because Linux counts the peak of this process as a peak of the
// commands that it starts.
func writeFiles(ctx context.Context, dir string, n int, size int64) error {
	random := rand.NewChaCha8([32]byte{})
	buf := make([]byte, 64<<10)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("%04d", i/100), fmt.Sprintf("%06d.bin", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		for left := size; left > 0 && err == nil; left -= int64(len(buf)) {
			_, _ = random.Read(buf) // never fails
			_, err = f.Write(buf[:min(left, int64(len(buf)))])
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expectFiles fails unless there are n regular files below dir.
func expectFiles(dir string, n int) error {
	err := fs.WalkDir(os.DirFS(dir), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n--
		}
		return err
	})
	if err == nil && n != 0 {
		err = fmt.Errorf("%d files too few in %s", n, dir)
	}
	return err
}
