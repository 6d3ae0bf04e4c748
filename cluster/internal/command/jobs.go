package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"go.temporal.io/sdk/client"

	"s3sync/cluster/internal/flow"
	"s3sync/internal/cli/human"
	"s3sync/internal/visible"
)

// jobs shows which jobs there are.
func (c *command) jobs(ctx context.Context) int {
	var jobs []flow.JobInfo
	err := c.withEngine(ctx, func(ctx context.Context, engine client.Client) (err error) {
		ctx, cancel := context.WithTimeout(ctx, answerIn)
		defer cancel()
		jobs, err = flow.Jobs(ctx, engine)
		return err
	})
	switch {
	case err != nil:
		return c.fail(err)
	case c.line.Own.JSON:
		return c.printJSON(jobs)
	case len(jobs) == 0:
		return c.print("the engine knows no job in this namespace\n")
	}
	return c.print(jobLines(jobs, time.Now()))
}

// jobLines returns a table of jobs.
func jobLines(jobs []flow.JobInfo, now time.Time) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, j := range jobs {
		since, took := j.Started.Local().Format("2006-01-02 15:04"), "for "+human.Short(now.Sub(j.Started))
		if !j.Ended.IsZero() {
			took = "took " + human.Short(j.Ended.Sub(j.Started))
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", visible.Line(j.Job), j.State, since, took) // into memory
	}
	_ = table.Flush()
	return text.String()
}
