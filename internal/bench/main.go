// Command bench measures what a sync costs: the CPU time, the elapsed time, the memory
// and the requests of s3sync, of a floor, and of other tools that the environment names.
// `make bench` runs it.
//
//	make bench
//	make bench BENCHFLAGS=-list
//	make bench BENCHFLAGS='-what small,large -rounds 5'
//	make bench BENCHFLAGS='-what "long-*@20ms" -workers 0,16,64,128,256'
//	make bench BENCHFLAGS='-s3sync before=/tmp/old -s3sync after=./s3sync -what small'
//	RCLONE=$(command -v rclone) make bench BENCHFLAGS='-what small'
//
// RCLONE, S5CMD, UPSTREAM (the program in Rust that s3sync is named after), AWS and MC
// name the binaries of other tools. Each is run with options that make it do the same work.
//
// The server (internal/server) is a process of its own and discards what it gets. It costs
// a fraction of any client. The floor (internal/floor) is a client made by hand.
//
// The tools take turns, in an order that alternates, each with a fresh server and a
// fresh directory, so that a machine that gets slower or warmer does so for all.
//
// A wrong result is a failed run: the server compares what it has with the files, or the
// buckets with each other. docs/performance.md tells which command answers which question.
//
// CPU time is user and system time of the client process alone; it does not depend much
// on the other load of the machine. A ratio is the median of the ratios of the rounds.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"s3sync/internal/bench/internal/floor"
	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command, args := measureAll, os.Args[1:]
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			command, args = server.Serve, args[1:]
		case "floor":
			command, args = floor.Run, args[1:]
		case "files":
			command, args = madeup.Files, args[1:]
		}
	}
	if err := command(ctx, args); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measureAll is the command without a name.
func measureAll(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	b := &bench{progress: os.Stderr, out: os.Stdout}
	var size sizes
	flags.IntVar(&size.files, "files", 20_000, "number of small files")
	flags.Int64Var(&size.small, "small", 10<<10, "bytes of each small file")
	flags.Int64Var(&size.large, "large", 1<<30, "bytes of the large file")
	flags.IntVar(&size.pairs, "pairs", 200_000, "number of objects in each of two buckets")
	flags.DurationVar(&size.long, "long", time.Minute, "work of the scenarios long-*, at the rate that their titles tell")
	flags.IntVar(&b.rounds, "rounds", 0, "runs of each tool (default: what each scenario says)")
	flags.DurationVar(&b.limit, "limit", 3*time.Minute, "time after which a run is given up")
	flags.StringVar(&b.dir, "dir", memory(), "directory for the data, best one in memory")
	what := flags.String("what", "", "scenarios: comma-separated names, beginnings of names or patterns such as 'syq-*@20ms', or 'all' (default: those that -list marks)")
	list := flags.Bool("list", false, "list the scenarios")
	workers := flags.String("workers", "", "objects at once: comma-separated numbers, of which each is measured; 0 is each tool's default (default: what each scenario says)")
	var tools []tool
	flags.Func("s3sync", "binary to measure, or NAME=BINARY; repeatable (default ./s3sync)", func(v string) error {
		name, binary, ok := strings.Cut(v, "=")
		if !ok {
			name, binary = "s3sync", v
		}
		tools = append(tools, s3syncTool(name, binary))
		return nil
	})
	var change changes
	flags.DurationVar(&change.traffic.Delay, "delay", 0, "time before each answer, instead of that of the scenarios")
	flags.DurationVar(&change.traffic.PageDelay, "page-delay", 0, "time before each page of a listing")
	flags.DurationVar(&change.traffic.Jitter, "jitter", 0, "random time before each answer, at most this, besides the others")
	flags.IntVar(&change.traffic.Throttle, "throttle", 0, "requests per second; SlowDown above it")
	flags.BoolVar(&change.tls, "tls", false, "use TLS in all scenarios")
	_ = flags.Parse(args) // exits
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected %q", flags.Arg(0))
	}
	if len(tools) == 0 {
		tools = append(tools, s3syncTool("s3sync", "./s3sync"))
	}
	b.tools = append(tools, peers(os.Getenv)...)
	all := scenarios(size)
	if *list {
		return listScenarios(all)
	}
	chosen, err := choose(all, *what)
	if err != nil {
		return err
	}
	if b.workers, err = numbers(*workers); err != nil {
		return err
	}
	for i := range chosen {
		change.apply(&chosen[i])
	}
	return b.run(ctx, chosen)
}

// changes are what flags change in all scenarios; zero values change nothing.
type changes struct {
	traffic server.Traffic
	tls     bool
}

func (c changes) apply(s *scenario) {
	before := s.traffic
	s.traffic.Delay = cmp.Or(c.traffic.Delay, s.traffic.Delay)
	s.traffic.PageDelay = cmp.Or(c.traffic.PageDelay, s.traffic.PageDelay)
	s.traffic.Jitter = cmp.Or(c.traffic.Jitter, s.traffic.Jitter)
	s.traffic.Throttle = cmp.Or(c.traffic.Throttle, s.traffic.Throttle)
	if s.traffic != before {
		s.title += fmt.Sprintf("; changed to %+v", s.traffic)
	}
	if c.tls && !s.tls {
		s.tls = true
		s.title += ", TLS"
	}
}

// memory returns a directory in memory, or "" if there is none that is known.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

func numbers(list string) (all []int, err error) {
	if list == "" {
		return nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-workers: %q is not a natural number", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// choose returns the scenarios that a list of patterns names.
func choose(all []scenario, what string) ([]scenario, error) {
	var patterns []string
	switch what {
	case "":
		return slices.DeleteFunc(slices.Clone(all), func(s scenario) bool { return !s.usual }), nil
	case "all":
		return all, nil
	default:
		patterns = strings.Split(what, ",")
	}
	names := func(s scenario) bool { return slices.Contains(patterns, s.name) }
	chosen := slices.DeleteFunc(slices.Clone(all), func(s scenario) bool {
		return !names(s) && !slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := path.Match(p, s.name)
			exact := slices.ContainsFunc(all, func(s scenario) bool { return s.name == p })
			return !exact && (strings.HasPrefix(s.name, p) || ok && err == nil)
		})
	})
	if len(chosen) == 0 {
		return nil, errors.New("no scenario has such a name; -list lists them")
	}
	return chosen, nil
}

func listScenarios(all []scenario) error {
	for _, s := range all {
		mark := " "
		if s.usual {
			mark = "*"
		}
		if _, err := fmt.Printf("%s %-22s %s\n", mark, s.name, s.title); err != nil {
			return err
		}
	}
	return nil
}
