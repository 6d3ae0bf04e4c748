package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"s3sync/internal/bench/internal/madeup"
	"s3sync/internal/bench/internal/server"
)

// A measurement is one measured run.
type measurement struct {
	user, system, elapsed time.Duration
	memory                int64 // bytes: peak resident set, 0 if not reported
	report                server.Report
}

func (m measurement) cpu() time.Duration { return m.user + m.system }

// measure runs a tool to its end.
func measure(ctx context.Context, t tool, j job) (measurement, error) {
	args, err := t.command(j)
	if err != nil {
		return measurement{}, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = environment(j)
	if t.env != nil {
		cmd.Env = append(cmd.Env, t.env(j)...)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		text := bytes.TrimSpace(output.Bytes())
		last := text[bytes.LastIndexByte(text, '\n')+1:]
		return measurement{}, fmt.Errorf("%w: %s\n%v\n%s", err, last, cmd, text[max(0, len(text)-2000):])
	}
	return measurement{
		user: cmd.ProcessState.UserTime(), system: cmd.ProcessState.SystemTime(),
		elapsed: time.Since(start), memory: peakMemory(cmd.ProcessState),
	}, nil
}

// A serverProcess is the server of one turn.
type serverProcess struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	out    *json.Decoder
	report server.Report // of the start
	cpu    time.Duration // used before the result was verified
}

// startServer starts the server of a scenario with one or, if both sides are buckets, two.
func (b *bench) startServer(s scenario, t server.Traffic, l madeup.Layout, cert string) (*serverProcess, error) {
	args := append([]string{"serve", "-orders", "-bucket", bucketName + "=" + l.String()}, t.Flags()...)
	if s.work.twoBuckets() {
		args = append(args, "-bucket", sourceName+"="+l.String(), "-only", fmt.Sprintf("%s=%d", sourceName, max(1, s.every)))
	}
	if cert != "" {
		args = append(args, "-cert", cert)
	}
	if s.keep {
		args = append(args, "-keep")
	}
	p := &serverProcess{cmd: exec.Command(b.self, args...)}
	p.cmd.Stderr = os.Stderr
	orders, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.orders, p.out = orders, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := p.out.Decode(&p.report); err != nil {
		return nil, errors.Join(err, p.end(&measurement{}))
	}
	return p, nil
}

// verify lets the server compare the target, or what is left of the source of a download,
// with a directory or another bucket.
func (p *serverProcess) verify(other string) error {
	if _, err := fmt.Fprintf(p.orders, "verify %s %s\n", bucketName, other); err != nil {
		return err
	}
	var answer server.Report
	if err := p.out.Decode(&answer); err != nil {
		return err
	}
	p.cpu = answer.CPU
	if answer.Error != "" {
		return fmt.Errorf("wrong result: %s", answer.Error)
	}
	return nil
}

// end ends the server and takes its report.
func (p *serverProcess) end(m *measurement) error {
	err := p.orders.Close()
	err = errors.Join(err, p.out.Decode(&m.report), p.cmd.Wait())
	if p.cpu > 0 {
		m.report.CPU = p.cpu
	}
	return err
}
