package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"s3sync"
	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/internal/cli/options"
)

// answerIn is how long the engine has for the answer to a command.
const answerIn = 30 * time.Second

// checkJob fails if a text cannot be the name of a job.
func checkJob(option, name string) error {
	if err := job.CheckName(name); err != nil {
		return options.Misuse("%s: %v", option, err)
	}
	return nil
}

// ask calls a function with a job that the user named, and a client of the engine.
func (c *command) ask(ctx context.Context, args []string, do func(ctx context.Context, engine client.Client, name string) error) int {
	if err := checkJob("JOB", args[0]); err != nil {
		return c.fail(err)
	}
	err := c.withEngine(ctx, func(ctx context.Context, engine client.Client) error {
		ctx, cancel := context.WithTimeout(ctx, answerIn)
		defer cancel()
		return do(ctx, engine, args[0])
	})
	if err != nil {
		return c.fail(err)
	}
	return options.ExitDone
}

// steer returns the function of a command that tells a job something.
func (c *command) steer(tell func(context.Context, client.Client, string) error, told string) func(context.Context, []string) int {
	return func(ctx context.Context, args []string) int {
		code := c.ask(ctx, args, tell)
		if code == options.ExitDone {
			return c.print(fmt.Sprintf("job %s %s\n", args[0], told))
		}
		return code
	}
}

// decide returns the function of a command that answers a job which waits.
func (c *command) decide(choice flow.Choice) func(context.Context, []string) int {
	return func(ctx context.Context, args []string) int {
		if choice == flow.Approve && len(c.own.verdict) < shownVerdict {
			return c.fail(options.Misuse("--verdict is missing or too short: %s status %s shows what is to be approved, and the line that approves it", program, args[0]))
		}
		code := c.ask(ctx, args, func(ctx context.Context, engine client.Client, name string) error {
			s, err := flow.ReadStatus(ctx, engine, name)
			if err != nil {
				return err
			}
			d, err := answer(&s, choice, c.own.verdict)
			if err != nil {
				return fmt.Errorf("job %q %w", name, err)
			}
			return flow.Decide(ctx, engine, name, d)
		})
		if code == options.ExitDone {
			return c.print(fmt.Sprintf("job %s is told: %s\n", args[0], choice))
		}
		return code
	}
}

// answer returns the decision for a job in a status. The error completes "job …".
func answer(s *flow.Status, choice flow.Choice, verdict string) (flow.Decision, error) {
	w := s.Waiting
	switch {
	case w == nil:
		return flow.Decision{}, fmt.Errorf("waits for no decision: it is in the phase %s", s.Phase)
	case !slices.Contains(w.Choices, choice):
		return flow.Decision{}, fmt.Errorf("cannot be answered with %s, but with %s", choice, choicesText(w.Choices))
	case choice == flow.Approve && !strings.HasPrefix(w.Verdict, verdict):
		return flow.Decision{}, fmt.Errorf("waits for an approval of %s, not of %s: look at its status again", shortVerdict(w.Verdict), verdict)
	}
	return flow.Decision{Choice: choice, Verdict: w.Verdict}, nil
}

func choicesText(choices []flow.Choice) string {
	var words []string
	for _, c := range choices {
		words = append(words, string(c))
	}
	return strings.Join(words, " or ")
}

// limits shows the limits of a job, or changes those that were given.
func (c *command) limits(ctx context.Context, args []string) int {
	transfer := c.line.Config.Transfer
	given := map[string]bool{}
	for _, g := range c.line.Given() {
		given[g.Option] = true
	}
	if err := checkRates(transfer); err != nil {
		return c.fail(c.line.Refusal(err))
	}
	var now job.Limits
	code := c.ask(ctx, args, func(ctx context.Context, engine client.Client, name string) error {
		s, err := flow.ReadStatus(ctx, engine, name)
		if err != nil {
			return err
		}
		now = s.Limits
		before := now
		if given["--rate-limit-objects"] {
			now.Requests = float64(transfer.ObjectsPerSecond)
		}
		if given["--rate-limit-bandwidth"] {
			now.Bytes = transfer.BytesPerSecond
		}
		if given["--in-flight"] {
			now.InFlight = c.own.inFlight
		}
		if now == before {
			return nil
		}
		return flow.SetLimits(ctx, engine, name, now)
	})
	switch {
	case code != options.ExitDone:
		return code
	case c.line.Own.JSON:
		return c.printJSON(now)
	}
	return c.print(limitsText(now) + "\n")
}

// checkRates asks the rules of a sync whether the rates are valid.
func checkRates(t s3sync.Transfer) error {
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL, cfg.Target.URL = "s3://source/", "s3://target/"
	cfg.Transfer.ObjectsPerSecond, cfg.Transfer.BytesPerSecond = t.ObjectsPerSecond, t.BytesPerSecond
	return cfg.Validate()
}
