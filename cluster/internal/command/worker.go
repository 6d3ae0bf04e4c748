package command

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"s3sync"
	"s3sync/cluster/internal/flow"
	"s3sync/internal/cli/options"
)

// resultsWait is how long a worker tries to tell the engine what came of a range. If it cannot,
// the range stays with it until --lost-after.
const resultsWait = 3 * time.Minute

// worker carries out jobs until a signal comes.
func (c *command) worker(ctx context.Context, _ []string) int {
	known, err := c.connections()
	if err != nil {
		return c.fail(err)
	}
	log := c.logger()
	opts, err := c.clientOptions(log)
	if err != nil {
		return c.fail(err)
	}
	opts.Identity, opts.RPCTimeout = c.workerName(), resultsWait
	engine, err := c.reach(ctx, opts)
	if err != nil {
		return c.fail(err)
	}
	defer engine.Close()
	w := flow.NewWorker(engine, flow.WorkerOptions{
		Queue: c.own.queue, Name: c.workerName(), Leases: c.own.slots, Connect: known.Endpoint, Logger: log, Drain: c.own.drain,
	})
	ctx, stop := c.interruptible(ctx)
	interrupt := make(chan any)
	ended := context.AfterFunc(ctx, func() {
		log.LogAttrs(context.WithoutCancel(ctx), s3sync.LevelNote, "Stopping: ranges are given back at their checkpoints. A second signal leaves at once.",
			slog.Duration("drain", c.own.drain))
		close(interrupt)
	})
	log.LogAttrs(ctx, s3sync.LevelNote, "The worker is ready.", slog.String("worker", c.workerName()), slog.String("server", opts.HostPort),
		slog.String("namespace", opts.Namespace), slog.String("queue", c.own.queue), slog.Int("slots", c.own.slots), slog.Any("connections", known.Names()))
	err = w.Run(interrupt)
	ended()
	stop()
	if err != nil {
		return c.fail(fmt.Errorf("the worker ended: %w", err))
	}
	return options.ExitDone
}

// workerName is unique among the workers: containers have a host name each, and processes
// of one machine have numbers.
func (c *command) workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(c.own.name, fmt.Sprintf("%s-%d", host, os.Getpid()))
}
