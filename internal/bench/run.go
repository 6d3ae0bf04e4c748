package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"
)

const (
	bucketName = "bench"
	sourceName = bucketName + "-source" // if both sides are buckets
)

// A bench runs scenarios and prints their tables.
type bench struct {
	rounds   int   // 0: what each scenario says
	workers  []int // nil: what each scenario says
	limit    time.Duration
	dir      string
	tools    []tool
	progress io.Writer
	out      io.Writer

	self   string // our own binary, for server and floor
	work   string // below dir
	tree   string // the tree that exists
	failed []string
}

func (b *bench) run(ctx context.Context, chosen []scenario) (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp(b.dir, "s3sync-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	if _, err := fmt.Fprintf(b.out, "%d cores, %s/%s, %s, data in %s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), filepath.Dir(b.work)); err != nil {
		return err
	}
	for _, s := range chosen {
		results, err := b.scenario(ctx, s)
		if err != nil {
			return err
		}
		if err := table(b.out, s, results); err != nil {
			return err
		}
	}
	if len(b.failed) > 0 {
		return errors.New(strings.Join(b.failed, "\n"))
	}
	return nil
}

// A contestant is a tool, and how it runs.
type contestant struct {
	tool
	workers int
	traffic server.Traffic
	to      string // name of the contestant that it is compared with, besides the floor
	fixed   bool   // one of several numbers of workers, which need not be a good one
}

// contestants are the tools of a scenario, the floor first.
func (b *bench) contestants(s scenario) (all []contestant) {
	workers := b.workers
	if workers == nil {
		workers = []int{s.workers}
	}
	all = append(all, contestant{tool: floorTool(b.self), workers: workers[0], traffic: s.traffic})
	for _, w := range workers {
		for _, t := range b.tools {
			c := contestant{tool: t, workers: w, traffic: s.traffic, fixed: w > 0 && len(workers) > 1}
			if len(workers) > 1 {
				c.name = fmt.Sprintf("%s, %s", t.name, atOnce(w))
			}
			other := c
			switch {
			case s.unverified && t.ours:
				other.name += ", unverified"
				other.command = func(j job) ([]string, error) {
					command, err := t.command(j)
					return slices.Insert(command, 1, "--disable-etag-verify"), err
				}
				c.to = other.name
			case s.slow:
				other.name += ", slow reads"
				other.traffic.Slow = true
				other.to = c.name
			default:
				all = append(all, c)
				continue
			}
			all = append(all, c, other)
		}
	}
	return all
}

func atOnce(workers int) string {
	if workers == 0 {
		return "default"
	}
	return fmt.Sprint(workers)
}

// scenario measures one scenario.
func (b *bench) scenario(ctx context.Context, s scenario) ([]result, error) {
	source, err := b.makeTree(ctx, s)
	if err != nil {
		return nil, err
	}
	rounds := s.rounds
	if b.rounds > 0 {
		rounds = b.rounds
	}
	all := b.contestants(s)
	results := make([]result, len(all))
	for round := range rounds {
		for turn := range all {
			i := turn
			if round%2 == 1 { // the order makes a difference, too
				i = len(all) - 1 - turn
			}
			c := all[i]
			results[i].contestant = c
			m, err := b.turn(ctx, s, c, source)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				m = measurement{} // of no use
				b.tell("%s: %s failed: %v", s.name, c.name, err)
				results[i].failed = err
				if (c.ours || i == 0) && !(c.fixed && errors.Is(err, errLimit)) {
					b.failed = append(b.failed, fmt.Sprintf("%s: %s: %v", s.name, c.name, firstLine(err)))
				}
			} else {
				b.tell("%s %d/%d: %s: %.2f s, %.2f s of CPU (server %.2f)", s.name, round+1, rounds, c.name,
					m.elapsed.Seconds(), m.cpu().Seconds(), m.report.CPU.Seconds())
			}
			results[i].samples = append(results[i].samples, m)
		}
	}
	return results, nil
}

func (b *bench) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...) // nobody needs it
}

// makeTree writes the files that a scenario reads, unless they are there, and removes
// others. It returns their directory.
func (b *bench) makeTree(ctx context.Context, s scenario) (string, error) {
	if s.work == down || s.work.twoBuckets() {
		return "", nil
	}
	root := filepath.Join(b.work, fmt.Sprintf("tree-%v-%d", s.layout, max(1, s.every)))
	if root == b.tree {
		return root, nil
	}
	if b.tree != "" {
		if err := os.RemoveAll(b.tree); err != nil {
			return "", err
		}
	}
	b.tree = root
	b.tell("%s: writing files", s.name)
	// A process of its own, because Linux counts the peak memory of this process as a
	// peak of the commands that it starts.
	cmd := exec.CommandContext(ctx, b.self, "files", root, s.layout.String(), strconv.Itoa(max(1, s.every)))
	cmd.Stderr = os.Stderr
	return root, cmd.Run()
}

// turn lets one tool do the work once, with a server of its own, and checks the result.
func (b *bench) turn(ctx context.Context, s scenario, c contestant, tree string) (m measurement, err error) {
	scratch, err := os.MkdirTemp(b.work, "turn-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	j := job{work: s.work, workers: c.workers, scratch: scratch, delay: c.traffic.Delay, source: tree, target: "s3://" + bucketName}
	l := s.layout
	result := tree // what must be equal to the bucket in the end
	switch s.work {
	case up:
		l = madeup.Layout{}
	case down:
		j.source, j.target = j.target, filepath.Join(scratch, "back")
		if result = j.target; os.Mkdir(result, 0o755) != nil {
			return m, err
		}
	case pairs, mirror:
		j.source = "s3://" + sourceName
		result = j.source
	case same, prune:
	}
	if s.tls {
		j.ca = filepath.Join(b.work, "ca.pem")
	}
	process, err := b.startServer(s, c.traffic, l, j.ca)
	if err != nil {
		return m, err
	}
	j.endpoint = process.report.URL
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	m, err = measure(limited, c.tool, j)
	if limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w of %v", errLimit, b.limit)
	}
	if err == nil {
		err = process.verify(result)
	}
	return m, errors.Join(err, process.end(&m))
}

var errLimit = errors.New("it took longer than the limit")

// firstLine is a short form of an error.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
