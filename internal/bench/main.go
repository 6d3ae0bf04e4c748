// Command bench measures what a sync costs: the CPU time, the time and the memory of
// the s3sync binary against a server on this machine. It also measures rclone if the
// variable RCLONE names its binary. `make bench` runs it.
//
// The tools take turns, each run with a fresh server and a fresh directory, so that a
// machine that gets slower or warmer does so for both. CPU time is user and system
// time of the client process alone; it does not depend much on the other load of the
// machine. The elapsed time includes the server, which works on the same cores.
//
//	make bench
//	RCLONE=$(command -v rclone) make bench BENCHFLAGS='-rounds 5'
//	make bench BENCHFLAGS='-server discard -what small-up'
//	make bench BENCHFLAGS='-unverified -what large -rounds 5'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"s3sync/internal/listserver"
	"s3sync/internal/s3server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 {
		command := map[string]func(context.Context, []string) error{"serve": serve, "floor": floor}[os.Args[1]]
		if command != nil {
			if err := command(ctx, os.Args[2:]); err != nil {
				stop()
				fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
				os.Exit(1)
			}
			return
		}
	}
	b := &bench{progress: os.Stderr}
	flag.IntVar(&b.files, "files", 20_000, "number of small files")
	flag.IntVar(&b.small, "small", 10<<10, "bytes of each small file")
	flag.Int64Var(&b.large, "large", 1<<30, "bytes of the large file")
	flag.IntVar(&b.rounds, "rounds", 3, "runs of each tool")
	flag.StringVar(&b.kind, "server", "versitygw", "versitygw, minio, or discard: uploads only, to a server that keeps nothing")
	flag.StringVar(&b.what, "what", "", "only scenarios whose name has this in it")
	flag.StringVar(&b.dir, "dir", "", "directory for the data (default: a temporary one)")
	binary := flag.String("s3sync", "./s3sync", "binary to measure")
	unverified := flag.Bool("unverified", false, "measure it also without verification")
	flag.Parse()
	b.tools = []tool{s3syncTool("s3sync", *binary)}
	if *unverified {
		b.tools = append(b.tools, s3syncTool("unverified", *binary, "--disable-etag-verify"))
	}
	if name := os.Getenv("RCLONE"); name != "" {
		b.tools = append(b.tools, rcloneTool(name))
	}
	if err := b.run(ctx, os.Stdout); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	files, small int
	large        int64
	rounds       int
	kind         string
	what         string
	dir          string
	tools        []tool
	progress     io.Writer

	samples map[string][]sample // by scenario and tool
}

// A scenario is something to measure.
type scenario struct {
	name string
	// unit is what the CPU time is divided by.
	unit  string
	units float64
	tree  string // below the directory
	files int
	down  bool // after the upload
	again bool // after the upload
}

func (b *bench) scenarios() []scenario {
	const small, large = "small", "large"
	n, gib := float64(b.files), float64(b.large)/(1<<30)
	all := []scenario{
		{name: "small-up", unit: "object", units: n, tree: small, files: b.files},
		{name: "small-again", unit: "object", units: n, tree: small, files: b.files, again: true},
		{name: "small-down", unit: "object", units: n, tree: small, files: b.files, down: true},
		{name: "large-up", unit: "GiB", units: gib, tree: large, files: 1},
		{name: "large-down", unit: "GiB", units: gib, tree: large, files: 1, down: true},
	}
	return slices.DeleteFunc(all, func(s scenario) bool {
		return !strings.Contains(s.name, b.what) || b.kind == discard && (s.down || s.again)
	})
}

// discard is the server that keeps nothing.
const discard = "discard"

func (b *bench) run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(b.dir, "s3sync-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if len(b.scenarios()) == 0 {
		return fmt.Errorf("there is no scenario %q", b.what)
	}
	for _, s := range b.scenarios() {
		if err := b.makeTree(ctx, dir, s.tree); err != nil {
			return err
		}
	}
	b.samples = make(map[string][]sample)
	for round := range b.rounds {
		for _, tree := range []string{"small", "large"} {
			tools := slices.Clone(b.tools)
			if round%2 == 1 { // the order of the tools makes a difference, too
				slices.Reverse(tools)
			}
			for _, t := range tools {
				_, _ = fmt.Fprintf(b.progress, "round %d of %d: %s %s\n", round+1, b.rounds, tree, t.name)
				if err := b.turn(ctx, dir, tree, t); err != nil {
					return err
				}
			}
		}
	}
	return b.table(out)
}

// makeTree writes the files of a tree, unless they are there.
func (b *bench) makeTree(ctx context.Context, dir, tree string) error {
	root := filepath.Join(dir, tree)
	if _, err := os.Stat(root); err == nil {
		return nil
	}
	_, _ = fmt.Fprintf(b.progress, "writing the files of %s\n", tree)
	if tree == "large" {
		return writeFiles(ctx, root, 1, b.large)
	}
	return writeFiles(ctx, root, b.files, int64(b.small))
}

// turn lets one tool go through the scenarios of one tree.
func (b *bench) turn(ctx context.Context, dir, tree string, t tool) (err error) {
	scenarios := slices.DeleteFunc(b.scenarios(), func(s scenario) bool { return s.tree != tree })
	if len(scenarios) == 0 {
		return nil
	}
	work, err := os.MkdirTemp(dir, "turn-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	server, stop, err := b.start(ctx, work)
	if err != nil {
		return err
	}
	defer stop()

	up := t.command(server, filepath.Join(dir, tree), "")
	first, err := measure(ctx, up)
	if err != nil {
		return err
	}
	for _, s := range scenarios {
		result := first
		switch {
		case s.again:
			result, err = measure(ctx, up)
		case s.down:
			back := filepath.Join(work, "back")
			if err := os.Mkdir(back, 0o755); err != nil {
				return err
			}
			result, err = measure(ctx, t.command(server, "", back))
			err = errors.Join(err, expectFiles(back, s.files))
		}
		if err != nil {
			return err
		}
		b.samples[s.name+t.name] = append(b.samples[s.name+t.name], result)
	}
	return nil
}

// start starts a server with the bucket of [bucketName].
func (b *bench) start(ctx context.Context, dir string) (endpoint, func(), error) {
	if b.kind == discard {
		s, err := listserver.Start(map[string]listserver.Bucket{bucketName: {Remember: true}})
		if err != nil {
			return endpoint{}, nil, err
		}
		return endpoint{url: s.URL, region: "us-east-1", accessKey: "key", secretKey: "secret"}, s.Close, nil
	}
	s, err := s3server.Run(ctx, s3server.Kind(b.kind), filepath.Join(dir, "server"), s3server.Options{})
	if err != nil {
		return endpoint{}, nil, err
	}
	if err := s.CreateBucket(ctx, bucketName); err != nil {
		s.Close()
		return endpoint{}, nil, err
	}
	return endpoint{url: s.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey}, s.Close, nil
}

// table prints the results in Markdown.
func (b *bench) table(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%d cores, %s/%s, %s, server %s, %d files of %d bytes, one of %d bytes; median (least–most) of %d rounds\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), b.kind, b.files, b.small, b.large, b.rounds)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	_, _ = fmt.Fprint(w, "| what\t| tool\t| CPU\t| user + system\t| elapsed\t| to the first\t| peak memory\t|\n|---\t|---\t|---\t|---\t|---\t|---\t|---\t|\n")
	for _, s := range b.scenarios() {
		for _, t := range b.tools {
			all := b.samples[s.name+t.name]
			cpu := func(r sample) time.Duration { return time.Duration(float64(r.user+r.system) / s.units) }
			elapsed := func(r sample) time.Duration { return r.elapsed }
			first := median(b.samples[s.name+b.tools[0].name], elapsed)
			_, _ = fmt.Fprintf(w, "| %s\t| %s\t| %s per %s\t| %s + %s\t| %s\t| %.2f\t| %.0f MiB\t|\n", s.name, t.name,
				spread(all, cpu), s.unit,
				show(median(all, func(r sample) time.Duration { return r.user })),
				show(median(all, func(r sample) time.Duration { return r.system })),
				spread(all, elapsed), float64(median(all, elapsed))/float64(first),
				float64(median(all, func(r sample) int64 { return r.memory }))/(1<<20))
		}
	}
	return w.Flush()
}

// spread shows the median and the range of a duration.
func spread(all []sample, f func(sample) time.Duration) string {
	if len(all) == 1 {
		return show(f(all[0]))
	}
	least, most := f(all[0]), f(all[0])
	for _, r := range all {
		least, most = min(least, f(r)), max(most, f(r))
	}
	return fmt.Sprintf("%s (%s–%s)", show(median(all, f)), show(least), show(most))
}

func median[T ~int64](all []sample, f func(sample) T) T {
	values := make([]T, len(all))
	for i, r := range all {
		values[i] = f(r)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func show(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}
